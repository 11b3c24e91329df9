import { join } from 'node:path';
import { reasonOf, StatectlError } from '../../error.ts';
import { bundlesPath, type Store } from '../store/store.ts';

const sequencePath = (store: Store): string => join(bundlesPath(store), 'sequence');
const epochPath = (store: Store): string => join(bundlesPath(store), 'epoch');

async function readCount({ host: { files } }: Store, path: string): Promise<number> {
  if ((await files.stat(path)) === undefined) return 0;
  const fail = (why: string, cause?: unknown) =>
    new StatectlError('bundle-number-invalid', `${path} ${why}`, {
      cause,
      hint: 'remove it, then let machines take what this server says: `statectl config epoch --raise`',
    });
  const text = await files.readText(path).catch((cause: unknown) => {
    throw fail(`cannot be read: ${reasonOf(cause)}`, cause);
  });
  if (/^\d{1,15}$/.test(text.trim())) return Number(text);
  throw fail('is no number');
}

/** Which life of this server it is: bundles of a higher one are newer, whatever their sequence. */
export const bundleEpoch = (store: Store): Promise<number> => readCount(store, epochPath(store));

/** After a server was restored from a copy, and machines refuse what it says as older than what they have. */
export async function raiseEpoch(store: Store): Promise<number> {
  const epoch = (await bundleEpoch(store)) + 1;
  await store.host.files.mkdir(bundlesPath(store), 0o755);
  await store.host.files.write(epochPath(store), `${epoch}\n`);
  return epoch;
}

/**
 * The next number of a bundle: the time, so that a server that lost its state still counts on; one more than the last where
 * the clock says less. It is on the disk before anybody hears it. Call it for one bundle at a time.
 */
export async function nextSequence(store: Store): Promise<number> {
  const { files, clock } = store.host;
  const sequence = Math.max((await readCount(store, sequencePath(store))) + 1, clock.now());
  await files.write(sequencePath(store), `${sequence}\n`);
  return sequence;
}
