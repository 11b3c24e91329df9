import { z } from 'zod';
import { Duration } from '../scalars.ts';

/** controller/server/server.info.conf */
export const ServerInfoFile = z
  .strictObject({
    servers: z
      .array(z.url({ protocol: /^https?$/, error: 'expected http://HOST:PORT or https://HOST:PORT' }))
      .default([])
      .meta({
        description: 'base URLs of the servers, in order; statectl.server= on the kernel command line replaces them',
      }),
    choose: z
      .enum(['ordered', 'weighted', 'measured'])
      .default('ordered')
      .meta({ description: 'the first that answers; by chance and weight; or by round trip and load' }),
    weights: z
      .record(z.string(), z.int().min(0).max(1000))
      .default({})
      .meta({ description: 'by URL, for weighted; default: 1' }),
    authentication: z
      .enum(['none', 'mtls'])
      .default('none')
      .meta({ description: 'none: what is public and signed; mtls: with the certificate of the machine' }),
    connect: Duration.prefault('2s').meta({
      description: 'a server that takes no TCP connection in this time is dead',
    }),
    stall: Duration.prefault('10s').meta({ description: 'a server that sends nothing for this long is stalled' }),
    tries: z
      .int()
      .min(1)
      .max(1000)
      .default(8)
      .meta({ description: 'rounds over all servers before the boot gives up' }),
  })
  .transform(({ connect, stall, ...rest }) => ({ ...rest, connectMs: connect, stallMs: stall }))
  .meta({ description: 'the servers and how long they may take' });
