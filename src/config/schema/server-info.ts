import { z } from 'zod';
import { Certificate, Duration, HttpUrl, SecretReference } from '../settings/scalars.ts';

const Probe = z
  .strictObject({
    timeout: Duration.prefault('2s').meta({
      description: 'all are asked at once; who is silent for so long, or for 2 s, is asked last',
    }),
    interval: Duration.prefault('1m').meta({ description: 'how often a running machine measures again' }),
    margin: z
      .int()
      .min(0)
      .max(1000)
      .default(30)
      .meta({ description: 'how many percent better another must be before a running machine moves' }),
  })
  .prefault({})
  .transform(({ timeout, interval, margin }) => ({ timeoutMs: timeout, intervalMs: interval, margin }))
  .meta({ description: 'how the servers are measured, where there are several' });

/** controller/server/server.info.conf */
export const ServerInfoFile = z
  .strictObject({
    servers: z.array(HttpUrl).default([]).meta({
      description: 'base URLs of the servers, in order; statectl.server= on the kernel command line replaces them',
    }),
    choose: z
      .enum(['ordered', 'weighted', 'measured'])
      .default('ordered')
      .meta({ description: 'the first that answers; by chance and weight; or by round trip and load' }),
    weights: z
      .record(HttpUrl.meta({ title: 'URL' }), z.int().min(0).max(1000))
      .default({})
      .meta({ description: 'by URL, for choose: weighted; 0: only when no other answers; default: 1' }),
    probe: Probe,
    authentication: z.enum(['none', 'mtls']).default('none').meta({
      description:
        'none: what is public and signed; mtls: https servers are shown the certificate of the machine, once it has one',
    }),
    credentials: z
      .strictObject({
        certificate: SecretReference.meta({ description: 'certificate of the machine' }),
        key: SecretReference.meta({ description: 'its key' }),
      })
      .optional()
      .meta({ description: 'for mtls, of the machine segment of its initramfs; absent: made when it enrols' }),
    authorities: z
      .array(Certificate)
      .default([])
      .meta({ description: 'certificates in PEM that may sign those of the servers, besides our own CA' }),
    connect: Duration.prefault('2s').meta({
      description: 'a server that takes no TCP connection in this time is dead',
    }),
    stall: Duration.prefault('10s').meta({ description: 'a server that sends nothing for this long is stalled' }),
    agent: z
      .enum(['auto', 'on', 'off'])
      .default('auto')
      .meta({ description: 'a service that keeps the running machine up to date; auto: where a server is named' }),
    tries: z
      .int()
      .min(1)
      .max(1000)
      .default(8)
      .meta({ description: 'rounds over all servers before the boot gives up' }),
  })
  .transform(({ connect, stall, ...rest }) => ({ ...rest, connectMs: connect, stallMs: stall }))
  .meta({ description: 'the servers and how long they may take' });
