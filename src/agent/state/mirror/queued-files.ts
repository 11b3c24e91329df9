import { dirname, join } from 'node:path';
import * as z from 'zod/mini';
import type { Host } from '../../../host/host.ts';
import { readSaid } from '../../../protocol/read-answer.ts';
import { frameOf, frameReader } from '../../printers/frames.ts';

const ID = 1;
const WAIT_MS = 3_000;

/** Moonraker, docs/external_api/job_queue.md: `server.job_queue.status`. */
const Queue = z.looseObject({
  id: z.literal(ID),
  result: z.looseObject({ queued_jobs: z.array(z.looseObject({ filename: z.string() })) }),
});

/**
 * Files that wait to be printed, by name: those of the job queue of the Moonraker whose data the folder lies in, which it keeps in
 * RAM alone. None where nobody answers in time.
 */
export async function queuedFiles(
  { sockets, clock }: Pick<Host, 'sockets' | 'clock'>,
  folder: string,
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  const end = new AbortController();
  const stop = () => end.abort(signal.reason);
  signal.addEventListener('abort', stop, { once: true });
  const late = clock.sleep(WAIT_MS, end.signal).then(
    () => end.abort(new Error('Moonraker does not answer')),
    () => undefined,
  );
  try {
    await using channel = await sockets.connect(join(dirname(folder), 'comms/moonraker.sock'), end.signal);
    await channel.send(frameOf({ jsonrpc: '2.0', method: 'server.job_queue.status', id: ID }));
    const read = frameReader();
    for await (const piece of channel.received)
      for (const message of read(piece)) {
        const { value } = readSaid(message, Queue);
        if (value) return new Set(value.result.queued_jobs.map(({ filename }) => filename));
      }
    return new Set();
  } catch {
    signal.throwIfAborted();
    return new Set();
  } finally {
    signal.removeEventListener('abort', stop);
    end.abort();
    await late;
  }
}
