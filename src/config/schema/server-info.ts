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
