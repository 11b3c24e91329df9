import { z } from 'zod';
import { archName, MACHINE_ARCHS } from '../../protocol/arch-names.ts';
import { type Claim, normalClaim } from '../../protocol/claims.ts';
import { isLabel } from '../../protocol/labels.ts';
import { nearest } from '../check/suggest.ts';
import { MacAddress } from '../settings/scalars.ts';

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;

const GroupName = z.string().regex(NAME, 'expected a name of letters, digits, ".", "_" and "-"');

/** What no machine says of itself would select none, in silence. */
const NOBODY = 'no machine has it';
const said =
  (claim: Claim) =>
  (text: string): boolean =>
    normalClaim(claim, text) !== undefined;

const CardAddress = MacAddress.refine(said('mac'), {
  error: ({ input }) => `${NOBODY}, or many have: "${input}" is the address of no card`,
});

const MatchFile = z
  .strictObject({
    mac: z
      .union(
        [CardAddress.transform((mac) => [mac]), z.array(CardAddress).min(1, 'expected at least one MAC address')],
        {
          error: (issue) =>
            (issue.code === 'invalid_union' && issue.errors.flat().find(({ code }) => code === 'custom')?.message) ||
            'expected a MAC address such as 52:54:00:12:34:56, or a list of them',
        },
      )
      .exactOptional()
      .meta({ description: 'of any of its interfaces, in any notation; a list: one of these' }),
    uuid: z
      // Boards have UUIDs of no version of RFC 9562, too.
      .guid({ error: 'expected a UUID such as 4c4c4544-0042-3510-8052-b4c04f4e4d32' })
      .transform((uuid) => uuid.toLowerCase())
      .refine(said('uuid'), 'many machines have this UUID: it tells none apart')
      .exactOptional()
      .meta({ description: 'SMBIOS UUID' }),
    serial: z
      .string({ error: 'expected a serial number' })
      .refine(said('serial'), 'expected a serial number, of letters of ASCII; not what many machines have')
      .exactOptional()
      .meta({ description: 'serial number of the board or the system' }),
    arch: z
      .string({ error: 'expected an architecture such as x86_64 or aarch64' })
      .transform((text, context): string => {
        const arch = archName(text);
        if (MACHINE_ARCHS.includes(arch)) return arch;
        const meant = nearest(arch, MACHINE_ARCHS);
        context.addIssue({
          code: 'custom',
          message: `${NOBODY}: "${text}" is no architecture${meant ? `: did you mean ${meant}?` : `; there are ${MACHINE_ARCHS.join(', ')}`}`,
        });
        return z.NEVER;
      })
      .exactOptional()
      .meta({ description: 'as uname -m prints it; amd64 and arm64 are understood' }),
    hostname: z
      .string({ error: 'expected a host name' })
      .refine(said('hostname'), 'expected a host name such as print01: patterns are for groups, as labels')
      .exactOptional()
      .meta({ description: 'the name that DHCP or the kernel command line gives' }),
    labels: z
      .record(z.string(), z.string({ error: 'expected a text' }))
      .superRefine((labels, context) => {
        for (const [name, value] of Object.entries(labels))
          if (!isLabel(`${name}=${value}`))
            context.addIssue({
              code: 'custom',
              path: [name],
              message: `${NOBODY}: expected NAME=VALUE, of ASCII and without commas`,
            });
      })
      .exactOptional()
      .meta({ description: 'what statectl.label=NAME=VALUE says on the kernel command line' }),
  })
  .refine(
    (match) => Object.keys(match).length > 0 && Object.keys(match.labels ?? { a: '' }).length > 0,
    `${NOBODY}: a match needs a selector, such as mac or hostname`,
  );

const common = {
  metadata: z.record(z.string().min(1), z.unknown()).default({}).meta({ description: 'any values, for templates' }),
  set: z
    .record(z.string(), z.unknown())
    .default({})
    .meta({ description: 'settings, by file name: `boot: { image: klipper }`' }),
};

/** nodes/NAME.conf for machines. */
export const NodeFile = z.strictObject({
  node: z.string().min(1).optional().meta({ description: 'name or hostlist, print[01-24]; default: the file name' }),
  match: MatchFile.optional().meta({ description: 'how the one machine is known; default: by its host name' }),
  macs: z
    .record(z.string(), CardAddress)
    .optional()
    .meta({ description: 'with a hostlist: the MAC address of each name; names without one are known by host name' }),
  groups: z.array(GroupName).default([]).meta({ description: 'in order: a later one wins over an earlier' }),
  ...common,
});

/** nodes/NAME.conf for a group of machines. */
export const GroupFile = z.strictObject({
  group: GroupName.meta({ description: 'name of the group' }),
  nodes: z
    .string()
    .min(1)
    .optional()
    .meta({ description: 'members by name: a hostlist such as print[01-24]; all: every machine, known or not' }),
  match: MatchFile.optional().meta({ description: 'members by what they are: arch: aarch64' }),
  ...common,
});
