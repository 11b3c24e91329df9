import type { ServerResponse } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { StatectlError } from '../../error.ts';
import type { Clock } from '../../host/host.ts';
import type { OpenFile } from '../images/blob-file.ts';
import type { LoadMeter } from './load.ts';
import { type Places, places } from './places.ts';
import type { SlowReaders } from './slow-readers.ts';
import { planTransfer } from './transfer.ts';

/** Which files may be sent, now that the server has so much to do. Small answers are never refused for it. */
export interface Admission {
  /**
   * Gives the file, whose transfer then has a place: of those that begin, or of those without which a machine stands still,
   * namely the rest of a file and iPXE itself. Throws `server-busy`, with `Retry-After` on the reply.
   */
  transfer(request: FastifyRequest, reply: FastifyReply, file: OpenFile, wanted: WantedFile): Promise<OpenFile>;
}

interface WantedFile {
  readonly etag: string;
  /** The firmware that asks for it cannot come back. */
  readonly isUrgent?: boolean;
}

export interface AdmissionOptions {
  readonly meter: LoadMeter;
  readonly clock: Pick<Clock, 'random'>;
  readonly readers: Pick<SlowReaders, 'bytesPerSecond'>;
  /** Of each of the two kinds. */
  readonly maxTransfers: number;
  readonly isKnown?: (sender: string) => boolean;
}

const SOONEST_RETRY_S = 5;
const RETRY_SPAN_S = 10;
/** Where every place is taken, a transfer that is slower than this costs others more than it gains. */
const SLOW_BYTES_PER_SECOND = 32_000;

/** Says when to ask again, and gives the seconds. Machines come back at different times, not all at once. */
export function sayRetryAfter(reply: FastifyReply, clock: Pick<Clock, 'random'>): number {
  const seconds = SOONEST_RETRY_S + Math.floor(clock.random() * RETRY_SPAN_S);
  reply.headers({ 'retry-after': String(seconds), 'cache-control': 'no-store' });
  return seconds;
}

/**
 * Shares the transfers out by sender. One that has to give way is cut, and its machine goes on with the rest of the file: the
 * slowest of whoever has most, or the slowest of all where that one is slow.
 */
export function admission({ meter, clock, readers, maxTransfers: total, isKnown }: AdmissionOptions): Admission {
  const shared = () => places<ServerResponse>({ total, ...(isKnown && { isKnown }) });
  const begun = shared();
  const urgent = shared();
  const paceOf = ({ socket }: ServerResponse): number =>
    (socket && readers.bytesPerSecond(socket)) ?? Number.POSITIVE_INFINITY;
  const slowestOf = (answers: Iterable<ServerResponse>): ServerResponse | undefined =>
    [...answers].reduce<ServerResponse | undefined>(
      (slowest, one) => (slowest && paceOf(slowest) <= paceOf(one) ? slowest : one),
      undefined,
    );

  function take(taken: Places<ServerResponse>, remote: string, reply: FastifyReply): void {
    const giving = taken.roomFor(remote);
    if (!giving || giving.length > 0) {
      const slowest = slowestOf(giving ?? taken);
      const isLeaving = slowest && (giving || paceOf(slowest) < SLOW_BYTES_PER_SECOND);
      if (!isLeaving) throw busy(sayRetryAfter(reply, clock), taken.size);
      slowest.destroy();
      taken.delete(remoteOf.get(slowest) ?? '', slowest);
    }
    taken.add(remote, reply.raw);
    remoteOf.set(reply.raw, remote);
    for (const event of ['close', 'finish']) reply.raw.once(event, () => taken.delete(remote, reply.raw));
  }
  const remoteOf = new WeakMap<ServerResponse, string>();

  return {
    async transfer(request, reply, file, { etag, isUrgent = false }) {
      const plan = planTransfer(request, etag, file.sizeBytes);
      const isBody = request.method === 'GET' && (plan.kind === 'whole' || plan.kind === 'part');
      if (!isBody) return file;
      const isRest = plan.kind === 'part' && plan.start > 0;
      try {
        take(isUrgent || isRest ? urgent : begun, request.ip, reply);
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

const busy = (seconds: number, transfers: number): StatectlError =>
  new StatectlError('server-busy', `this server sends ${transfers} files already, as many as it may`, {
    hint: `ask again in ${seconds} s, or another server; \`statectl serve --max-transfers\` sets the mark`,
  });
