import type { FastifyInstance } from 'fastify';
import { StatectlError } from '../../error.ts';
import { MOST_PLAIN_CONNECTIONS, MOST_PLAIN_CONNECTIONS_OF_ADDRESS } from '../limits/connection-bound.ts';
import { senderOf } from '../limits/sender.ts';
import { planTransfer } from '../limits/transfer.ts';
import { turns } from '../limits/turns.ts';
import type { ReadMachine } from '../machines/machine-reader.ts';
import type { Bundles } from './bundles.ts';

/** Each is rendered and signed, some milliseconds. As many may wait as may connect: a room that starts at once is served in turn. */
const MAKING = {
  atOnce: 4,
  waiting: MOST_PLAIN_CONNECTIONS,
  each: MOST_PLAIN_CONNECTIONS_OF_ADDRESS,
};

/** What one machine is to be. The ETag is the digest of the content, so an unchanged one is not even sent again. */
export function bundleRoutes(
  app: FastifyInstance,
  bundles: Bundles | undefined,
  readMachine: ReadMachine,
  isKnown?: (sender: string) => boolean,
): void {
  const making = turns({ ...MAKING, ...(isKnown && { isFirst: isKnown }) });
  app.get<{ Querystring: Record<string, unknown> }>('/v1/bundle', async (request, reply) => {
    const machine = readMachine(request.query);
    if (bundles === undefined)
      throw new StatectlError('no-config', 'this server has no config.d: machines go by that of their initramfs', {
        hint: '`statectl serve --config DIR` gives each machine its settings and files',
      });
    let etag = '';
    const bundle = await making.take(senderOf(request.ip), () =>
      bundles.bundleFor(machine, (contentDigest) => {
        etag = `"${contentDigest}"`;
        return planTransfer(request, etag, 0).kind === 'not-modified';
      }),
    );
    // A cache must ask each time: what a machine is to be may change at any time.
    reply.headers({ etag, 'cache-control': 'no-cache', 'x-content-type-options': 'nosniff' });
    if (bundle === 'known') return reply.code(304).send();
    return reply.type('application/zstd').send(bundle.archive);
  });
}
