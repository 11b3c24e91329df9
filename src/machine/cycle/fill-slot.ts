import type { Host } from '../../host/host.ts';
import { recordOrNone } from '../../host/record.ts';
import type { TaskContext } from '../../host/task-context.ts';
import { type Checkpoint, copyImage } from '../../slots/copy/copy-image.ts';
import { COPYING_NAME, LIST_NAME } from '../../slots/image-place.ts';
import {
  beginWriting,
  endWriting,
  makeFolder,
  mustBeWritable,
  readSigned,
  type SlotPartition,
} from './slot-partition.ts';

/** An image that is copied to the partition of a slot. */
export interface FillSlot {
  readonly slot: string;
  /** Where its root is: a file of the store, or the partition of the other slot. */
  readonly from: string;
  /** Where its manifest is, with its signature. */
  readonly manifestIn: string;
  readonly sha256: string;
  readonly sizeBytes: number;
  readonly to: SlotPartition;
}

const SPARES_MS = 5_000;

/**
 * Copies an image to a partition. From the first byte until all of it was read back from the disk a file beside its manifest says
 * that it is not whole, and how far it is: who is cut goes on there. The manifest comes last. Throws what `copyImage` and
 * `mustBeWritable` do.
 */
export async function fillSlot(
  { slot, from, manifestIn, sha256, sizeBytes, to }: FillSlot,
  host: Host,
  task: TaskContext,
): Promise<void> {
  const { files, clock } = host;
  await mustBeWritable(host, slot, to);
  const signed = await readSigned(files, manifestIn);
  await makeFolder(files, to.dir);
  const copying = `${to.dir}/${COPYING_NAME}`;
  const checkpoint = await readCheckpoint(files, copying);
  const isSame = checkpoint?.sha256 === sha256;
  await beginWriting(files, to, isSame ? undefined : { sha256, sizeBytes, doneBytes: 0 });
  // Of a tree that was there before.
  await files.remove(`${to.dir}/${LIST_NAME}`);
  let toldMs = clock.uptimeMs();
  await copyImage(
    host,
    { source: { path: from, sha256, sizeBytes }, target: to.device, checkpoint: isSame ? checkpoint : undefined },
    {
      signal: task.signal,
      keep: (reached) => files.write(copying, JSON.stringify(reached), { mode: 0o600 }),
      progress(phase, doneBytes) {
        if (clock.uptimeMs() - toldMs < SPARES_MS) return;
        toldMs = clock.uptimeMs();
        task.say(`slot ${slot}: ${phase}, ${Math.floor((doneBytes * 100) / sizeBytes)} %`);
      },
    },
  );
  await endWriting(files, to.dir, signed);
}

/** What is no checkpoint costs a copy from the start. */
const readCheckpoint = async (files: Host['files'], path: string): Promise<Checkpoint | undefined> =>
  recordOrNone<Checkpoint>(await files.readText(path).catch(() => ''), {
    ...{ sha256: 'text', sizeBytes: 'number', doneBytes: 'number' },
  });
