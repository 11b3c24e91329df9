import { finished } from 'node:stream';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { isStatectlError } from '../error.ts';
import type { Clock } from '../host/host.ts';
import { printableJson } from '../printable.ts';

/** One line of the access log. The query is left out: it may tell who a machine is. */
interface AccessLine {
  /** ISO 8601, when the request came. */
  readonly time: string;
  readonly method: string;
  readonly path: string;
  readonly status: number;
  /** Of the body. */
  readonly bytes: number;
  readonly ms: number;
  readonly remote: string;
  readonly range?: string;
  /** The client went away before the end, or the server stopped. */
  readonly aborted?: true;
  /** Why the server failed and what to do, for status 500 and above. */
  readonly error?: string;
}

const pathOf = (url: string): string => url.split('?', 1)[0] ?? '';

/** Starts the line of one request: Fastify calls no hook for a URL that it cannot read, so that case calls this by itself. */
type WatchRequest = (request: FastifyRequest, reply: FastifyReply) => void;

/** Writes a JSON line for each request when its answer has ended, whether it was received or not. */
export function accessLog(clock: Clock, write: (line: string) => void) {
  const bodies = new WeakMap<object, () => number>();
  const errors = new WeakMap<object, string>();

  const watch: WatchRequest = (request, reply) => {
    const time = new Date(clock.now()).toISOString();
    const startMs = clock.uptimeMs();
    finished(reply.raw, (problem) => {
      const status = reply.raw.statusCode;
      const error = status >= 500 ? errors.get(request) : undefined;
      const line: AccessLine = {
        time,
        method: request.method,
        path: pathOf(request.raw.url ?? ''),
        status,
        bytes: bodies.get(request)?.() ?? 0,
        ms: Math.round(clock.uptimeMs() - startMs),
        remote: request.ip,
        ...(request.headers.range === undefined ? {} : { range: request.headers.range }),
        ...(problem ? { aborted: true as const } : {}),
        ...(error === undefined ? {} : { error }),
      };
      write(printableJson(line));
    });
  };

  const install = (app: FastifyInstance): void => {
    app.addHook('onRequest', async (request, reply) => watch(request, reply));
    app.addHook('onError', async (request, _reply, error) => {
      errors.set(request, isStatectlError(error) && error.hint ? `${error.message} → ${error.hint}` : error.message);
    });
    app.addHook('onSend', async (request, _reply, payload) => {
      const stream = payload as { readonly bytesRead?: number } | null | undefined;
      if (typeof payload === 'string' || payload instanceof Uint8Array)
        bodies.set(request, () => (request.method === 'HEAD' ? 0 : Buffer.byteLength(payload)));
      // A file's stream counts itself; what is still in buffers when a client leaves counts as sent.
      else if (typeof stream?.bytesRead === 'number') bodies.set(request, () => stream.bytesRead ?? 0);
      return payload;
    });
  };

  return { watch, install };
}
