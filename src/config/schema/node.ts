import { z } from 'zod';
import { archName } from '../arch-names.ts';
import { MacAddress } from '../scalars.ts';

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;

const GroupName = z.string().regex(NAME, 'expected a name of letters, digits, ".", "_" and "-"');

const MatchFile = z.strictObject({
  mac: z
    .union([MacAddress.transform((mac) => [mac]), z.array(MacAddress).min(1)], {
      error: 'expected a MAC address such as 52:54:00:12:34:56, or a list of them',
    })
    .optional()
    .meta({ description: 'of any of its interfaces, in any notation; a list: one of these' }),
  uuid: z
    // Boards have UUIDs of no version of RFC 9562, too.
    .guid({ error: 'expected a UUID such as 4c4c4544-0042-3510-8052-b4c04f4e4d32' })
    .transform((uuid) => uuid.toLowerCase())
    .optional()
    .meta({ description: 'SMBIOS UUID' }),
  serial: z.string().min(1).optional().meta({ description: 'serial number of the board or the system' }),
  arch: z
    .string()
    .min(1)
    .transform(archName)
    .optional()
    .meta({ description: 'as uname -m prints it; amd64 and arm64 are understood' }),
  hostname: z.string().min(1).optional().meta({ description: 'the name that DHCP or the kernel command line gives' }),
  labels: z
    .record(z.string().min(1), z.string({ error: 'expected a text' }))
    .optional()
    .meta({ description: 'what statectl.label=NAME=VALUE says on the kernel command line' }),
});

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
    .record(z.string(), MacAddress)
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
