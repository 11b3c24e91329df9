import { createHash, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { StatectlError } from '../../../error.ts';
import type { Store } from '../../store/store.ts';
import { incomingPath } from '../state-folder.ts';

/** What came whole, and lies in a file of its own until it is disposed. */
export interface Received extends AsyncDisposable {
  readonly tar: string;
  readonly sizeBytes: number;
}

/**
 * Takes what a machine sends into a file, and holds it to its digest: what is cut short, changed on its way or too long leaves
 * nothing. Throws `generation-mismatch`, `generation-too-large`, `state-full`.
 */
export async function receive(
  store: Store,
  printer: string,
  body: AsyncIterable<Uint8Array>,
  { sha256, mostBytes }: { readonly sha256: string; readonly mostBytes: number },
): Promise<Received> {
  const { files } = store.host;
  const folder = incomingPath(store, printer);
  const tar = join(folder, `${randomBytes(8).toString('hex')}.tar`);
  const hash = createHash('sha256');
  let sizeBytes = 0;
  const drop = (): Promise<void> => files.remove(tar);
  try {
    await files.mkdir(folder, 0o700);
    {
      await using stream = await files.appendStream(tar);
      for await (const chunk of body) {
        sizeBytes += chunk.length;
        if (sizeBytes > mostBytes)
          throw new StatectlError('generation-too-large', `it has more than the ${mostBytes} bytes that it may have`, {
            hint: 'give the printer a larger quota in system/state.conf, if that is what it needs',
          });
        hash.update(chunk);
        await stream.write(chunk);
      }
      await stream.close();
    }
    if (hash.digest('hex') === sha256) return { tar, sizeBytes, [Symbol.asyncDispose]: drop };
    throw new StatectlError('generation-mismatch', `the ${sizeBytes} bytes that came are not those that were sent`, {
      hint: 'it was cut short or changed on its way; nothing of it is kept: send it again',
    });
  } catch (error) {
    await drop();
    throw namingFullDisk(error);
  }
}

/** Of the disk, free: beyond it the disk is for what the server cannot do without. */
export const LEAST_FREE = 0.05;

/** A full disk of the server is nothing that the machine did. */
export function namingFullDisk(error: unknown): unknown {
  const { code } = (error ?? {}) as { readonly code?: unknown };
  return code === 'ENOSPC' || code === 'EDQUOT' ? diskFull(error) : error;
}

export const diskFull = (cause?: unknown): StatectlError =>
  new StatectlError('state-full', 'the disk of the server is full; all that it has is as it was', {
    cause,
    hint: 'make room on the server; the machine sends it again',
  });
