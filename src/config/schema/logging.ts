import { z } from 'zod';
import { AbsolutePath, HostPort, HttpUrl } from '../settings/scalars.ts';

/** system/logging.conf */
export const LoggingFile = z
  .strictObject({
    syslog: z
      .record(
        z
          .string()
          .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, 'expected a name')
          .meta({ title: 'TARGET' }),
        z.strictObject({
          to: HostPort.meta({
            description: 'HOST:PORT; for tls HOST is a DNS name in its certificate: rsyslog compares no addresses',
          }),
          protocol: z
            .enum(['udp', 'tcp', 'tls'])
            .default('tls')
            .meta({ description: 'how RFC 5424 messages are sent' }),
        }),
      )
      .default({})
      .meta({ description: 'where the messages of the system are sent, by name' }),
    metrics: z
      .strictObject({
        textfile: AbsolutePath.optional().meta({
          description: 'folder of node_exporter that gets the facts of the boot',
        }),
        push: HttpUrl.optional().meta({
          description: 'a Pushgateway that gets them too, as job statectl and the name of the node',
        }),
      })
      .prefault({})
      .meta({ description: 'who is told the facts of the boot' }),
    netconsole: HostPort.optional().meta({
      description: 'where the kernel sends its messages as soon as the network is up, by UDP',
    }),
  })
  .meta({ description: 'where logs and metrics go' });
