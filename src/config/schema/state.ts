import { z } from 'zod';
import { AbsolutePath, HostPort, HttpUrl } from '../scalars.ts';

/** system/logging.conf */
export const LoggingFile = z
  .strictObject({
    syslog: z
      .record(
        z.string(),
        z.strictObject({
          to: HostPort.meta({ description: 'HOST:PORT' }),
          protocol: z
            .enum(['udp', 'tcp', 'tls'])
            .default('tls')
            .meta({ description: 'how RFC 5424 messages are sent' }),
        }),
      )
      .default({})
      .meta({ description: 'where the journal is sent, by name' }),
    metrics: z
      .strictObject({
        textfile: AbsolutePath.optional().meta({
          description: 'folder of node_exporter that gets the facts of the boot',
        }),
        push: HttpUrl.optional().meta({ description: 'a push gateway' }),
      })
      .prefault({}),
    netconsole: HostPort.optional().meta({
      description: 'where the kernel sends its messages from when the network is up',
    }),
    ntp: z.array(z.string().min(1)).default([]).meta({ description: 'time servers; default: those that DHCP names' }),
  })
  .meta({ description: 'logs, metrics and the time' });

/** A pattern of paths: `*` within a name, `**` over folders. */
const Pattern = z.string().regex(/^\/[^\0]*$/, 'expected an absolute path or pattern such as /etc/klipper/**');

/** system/persist.conf */
export const PersistFile = z
  .strictObject({
    mode: z.enum(['none', 'listed', 'packages', 'greedy']).default('none').meta({
      description:
        'which changed files move to the next image: none, those listed, those of packages, all but the excluded',
    }),
    files: z
      .record(
        Pattern,
        z.strictObject({
          how: z
            .enum(['copy', 'merge'])
            .default('merge')
            .meta({ description: 'as it is, or a 3-way merge with the new image’s' }),
          conflict: z
            .enum(['ours', 'theirs', 'stop'])
            .default('ours')
            .meta({ description: 'when both changed the same lines' }),
        }),
      )
      .default({})
      .meta({ description: 'files or patterns' }),
    packages: z
      .array(z.string().regex(/^[a-z0-9][a-z0-9+.-]+$/, 'expected the name of a Debian package'))
      .default([])
      .meta({ description: 'packages whose changed files move' }),
    exclude: z.array(Pattern).default([]).meta({ description: 'never, whatever else says so' }),
    generations: z
      .int()
      .min(1)
      .max(100)
      .default(5)
      .meta({ description: 'how many generations are kept to go back to' }),
  })
  .meta({ description: 'changed files that move to a new image' });
