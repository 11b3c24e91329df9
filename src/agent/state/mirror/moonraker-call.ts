import { dirname, join } from 'node:path';
import * as z from 'zod/mini';
import type { Host } from '../../../host/host.ts';
import { readSaid } from '../../../protocol/read-answer.ts';
import { frameOf, frameReader } from '../../printers/frames.ts';

const ID = 1;
const WAIT_MS = 3_000;

/**
 * Asks the Moonraker whose data a folder lies in, by its socket; undefined where nobody answers in time, or something else. Never
 * waits longer than three seconds.
 */
export async function callMoonraker<T>(
  { sockets, clock }: Pick<Host, 'sockets' | 'clock'>,
  folder: string,
  call: { readonly method: string; readonly params?: Readonly<Record<string, unknown>> },
  result: z.core.$ZodType<T>,
  signal: AbortSignal,
): Promise<T | undefined> {
  const Answer = z.looseObject({ id: z.literal(ID), result });
  const end = new AbortController();
  const stop = () => end.abort(signal.reason);
  signal.addEventListener('abort', stop, { once: true });
  const late = clock.sleep(WAIT_MS, end.signal).then(
    () => end.abort(new Error('Moonraker does not answer')),
    () => undefined,
  );
  try {
    await using channel = await sockets.connect(join(dirname(folder), 'comms/moonraker.sock'), end.signal);
    await channel.send(frameOf({ jsonrpc: '2.0', ...call, id: ID }));
    const read = frameReader();
    for await (const piece of channel.received)
      for (const message of read(piece)) {
        const { value } = readSaid(message, Answer);
        if (value) return value.result as T;
      }
    return undefined;
  } catch {
    signal.throwIfAborted();
    return undefined;
  } finally {
    signal.removeEventListener('abort', stop);
    end.abort();
    await late;
  }
}
