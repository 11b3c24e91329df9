import { isIP } from 'node:net';
import { z } from 'zod';
import { AbsolutePath, HostName, Mode, Owner } from '../settings/scalars.ts';

const EtcEntry = z
  .strictObject({
    text: z.string().meta({ description: 'the whole content; `|` begins a text of several lines' }),
    mode: Mode.prefault('0644').meta({ description: 'permissions, in quotes' }),
    owner: Owner.prefault('root:root').meta({ description: 'user:group of the system, names or numbers' }),
  })
  .transform(({ text, mode, owner }) => ({ content: text, mode, ...owner }));

/** system/etc.conf */
export const EtcFile = z
  .strictObject({
    hostname: HostName.optional().meta({
      description: 'name of the machine; default: that of its node, or what DHCP says',
    }),
    hosts: z
      .record(
        z
          .string()
          .refine((text) => isIP(text) !== 0, 'expected an IP address')
          .meta({ title: 'ADDRESS' }),
        z.array(HostName).min(1),
      )
      .default({})
      .meta({ description: 'further lines of /etc/hosts: an address, and its names' }),
    locale: z
      .string()
      .regex(/^(C|POSIX|[a-z]{2,3}_[A-Z]{2})(\.[A-Za-z0-9-]+)?(@[a-z]+)?$/, 'expected a locale such as de_DE.UTF-8')
      .optional()
      .meta({ description: 'LANG of the system' }),
    timezone: z
      .string()
      .regex(/^[A-Za-z]+(?:[A-Za-z0-9_+-]|\/(?!\.))*$/, 'expected a time zone such as Europe/Berlin')
      .optional()
      .meta({ description: 'a name below /usr/share/zoneinfo' }),
    machineId: z
      .union([z.enum(['stable', 'random']), z.string().regex(/^(?!0{32})[0-9a-f]{32}$/)], {
        error: 'expected stable, random or 32 hex digits',
      })
      .default('stable')
      .meta({
        description:
          'stable: kept on /user-data, else made of UUID, serial or MAC; random: new at each boot; or machine-id(5) itself',
      }),
    files: z
      .record(AbsolutePath.meta({ title: 'PATH' }), EtcEntry)
      .prefault({})
      .meta({ description: 'small files, by their path on the machine; larger ones are templates' }),
    edits: z.enum(['report', 'keep', 'overwrite']).default('report').meta({
      description:
        'what the agent does about a file of config.d that somebody edited: leave it and say so (`statectl status`), keep: leave it, or overwrite it',
    }),
    templates: z
      .array(
        z.string().regex(/^(?!\/|.*(?:^|\/)\.\.(?:\/|$))[^\0]{1,1024}$/, 'expected a name or pattern below templates/'),
      )
      .default([])
      .meta({ description: 'names or patterns below templates/, such as klipper/*; each says where its text goes' }),
  })
  .meta({ description: 'names, locale and files of the system' });
