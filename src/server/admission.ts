import type { FastifyReply, FastifyRequest } from 'fastify';
import { StatectlError } from '../error.ts';
import type { Clock } from '../host/host.ts';
import type { OpenFile } from './blob-file.ts';
import type { LoadMeter } from './load.ts';
import { planTransfer } from './transfer.ts';

/** Who may begin, now that the server has so much to do. What is under way always goes on. */
export interface Admission {
  /** Throws `server-busy`, with `Retry-After` on the reply, while the server is above its mark. */
  newBoot(reply: FastifyReply): void;
  /** The same for a blob, except for the rest of one; gives the file, whose transfer then counts. */
  transfer(request: FastifyRequest, reply: FastifyReply, file: OpenFile, etag: string): Promise<OpenFile>;
}

const SOONEST_RETRY_S = 5;
const RETRY_SPAN_S = 10;

/** Says when to ask again, and gives the seconds. Machines come back at different times, not all at once. */
export function sayRetryAfter(reply: FastifyReply, clock: Pick<Clock, 'random'>): number {
  const seconds = SOONEST_RETRY_S + Math.floor(clock.random() * RETRY_SPAN_S);
  reply.headers({ 'retry-after': String(seconds), 'cache-control': 'no-store' });
  return seconds;
}

/** Refuses new boots politely above the mark of the meter. */
export function admission(meter: LoadMeter, clock: Pick<Clock, 'random'>): Admission {
  function newBoot(reply: FastifyReply): void {
    const { accepting, transfers } = meter.status();
    if (accepting) return;
    const seconds = sayRetryAfter(reply, clock);
    throw new StatectlError('server-busy', `this server sends ${transfers} files already, as many as it may`, {
      hint: `ask again in ${seconds} s, or another server; \`statectl serve --max-transfers\` sets the mark`,
    });
  }

  return {
    newBoot,
    async transfer(request, reply, file, etag) {
      const plan = planTransfer(request, etag, file.sizeBytes);
      const isBody = request.method === 'GET' && (plan.kind === 'whole' || plan.kind === 'part');
      if (!isBody) return file;
      try {
        if (plan.kind === 'whole' || plan.start === 0) newBoot(reply);
      } catch (error) {
        await file[Symbol.asyncDispose]();
        throw error;
      }
      return {
        ...file,
        stream(start, end) {
          const stream = file.stream(start, end);
          meter.count(stream, reply.raw);
          return stream;
        },
      };
    },
  };
}
