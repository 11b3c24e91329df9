import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { isStatectlError, StatectlError } from '../../error.ts';
import type { Claims } from '../../protocol/claims.ts';
import type { EventHub, EventReader } from './event-hub.ts';

export interface EventRouteOptions {
  readonly hub: EventHub;
  /** Who asks; throws for whoever may not. */
  readonly readerOf: (request: FastifyRequest) => Promise<EventReader>;
  /** Whether the key of who asks still is that of its node. */
  readonly counts: (reader: EventReader) => Promise<boolean>;
  readonly contentDigest?: (machine: Claims) => Promise<string>;
}

/** `GET /v1/events`: one stream for each machine, until either side closes it. */
export function eventRoutes(app: FastifyInstance, { hub, readerOf, counts, contentDigest }: EventRouteOptions): void {
  // The streams are the only requests that would never end by themselves.
  app.addHook('preClose', async () => hub.close());

  app.get('/v1/events', async (request, reply) => {
    const reader = await readerOf(request);
    const lastEventId = request.headers['last-event-id'];
    if (Array.isArray(lastEventId)) throw new StatectlError('request-invalid', 'Last-Event-ID is given more than once');
    // What it gets is known before it is told that it listens: every later change is told.
    if (hub.contentOf(reader.node) === undefined && contentDigest) {
      const content = await contentDigest(reader.claims).catch((error: unknown) => {
        if (isStatectlError(error)) return '';
        throw error;
      });
      if (hub.contentOf(reader.node) === undefined) hub.setContent(reader, content);
    }
    stream(hub, reader, reply, lastEventId);
    // Where its key ceased to count since it was looked up, whoever watches for that has not seen this stream.
    if (!(await counts(reader))) hub.dismiss(reader);
    return reply;
  });
}

function stream(hub: EventHub, reader: EventReader, reply: FastifyReply, lastEventId: string | undefined): void {
  const { raw } = reply.hijack();
  // An agent that has gone meanwhile closes nothing any more.
  if (raw.destroyed || raw.socket === null) return;
  raw.socket.setNoDelay(true);
  raw.socket.setKeepAlive(true, 60_000);
  raw.writeHead(200, {
    'content-type': 'text/event-stream',
    'cache-control': 'no-store',
    connection: 'close',
    'x-content-type-options': 'nosniff',
  });
  const sink = {
    write(text: string): number {
      raw.write(text);
      return raw.writableLength;
    },
    close: (how: 'end' | 'cut') => void (how === 'end' ? raw.end() : raw.destroy()),
  };
  raw.on('error', () => {});
  raw.once('close', hub.open(reader, sink, lastEventId));
}
