import { isStatectlError, StatectlError } from '../../error.ts';
import type { Clock } from '../../host/host.ts';
import { type OpenRaw, PIECE_BYTES, type RawFile } from '../../host/raw-file.ts';
import {
  diskError,
  eachPiece,
  makeRoom,
  opened,
  type RawImage,
  type Reading,
  type Room,
  readPiece,
  verifyImage,
} from './raw-image.ts';

/** What is noted as often as this: a cut costs that much. */
export const CHECKPOINT_BYTES = 4 << 20;

/** How far a copy is: so much of it is on the disk. It is of one image alone. */
export interface Checkpoint {
  readonly sha256: string;
  readonly sizeBytes: number;
  readonly doneBytes: number;
}

export interface ImageCopy {
  readonly source: RawImage;
  /** A partition, or a file that is there or is made. */
  readonly target: string;
  /** Of an earlier try that was cut. */
  readonly checkpoint?: Checkpoint | undefined;
}

export interface CopyTask {
  readonly signal: AbortSignal;
  /** Keeps the checkpoint where the next try finds it, durably. */
  readonly keep: (checkpoint: Checkpoint) => Promise<void>;
  readonly progress?: (phase: 'verify' | 'copy' | 'read back', doneBytes: number) => void;
}

export interface Copied {
  /** Where it began: 0, or at the checkpoint. */
  readonly fromBytes: number;
  /** Of the copying itself. */
  readonly tookMs: number;
}

/**
 * Makes a target the same as a source, which is hashed first: nothing is written where its digest is another one. Written in
 * pieces that are each on the disk before they are noted, then read back from the disk and hashed: that judges all of it, also
 * what an earlier try wrote. A copy that was resumed and is not right is made once more from its start. Throws `image-altered` (the
 * source), `copy-altered` (the target), `copy-too-large`, `disk-full`, `disk-failed`, and the signal's reason.
 */
export async function copyImage(
  host: { readonly openRaw: OpenRaw; readonly clock: Pick<Clock, 'uptimeMs'> },
  copy: ImageCopy,
  task: CopyTask,
): Promise<Copied> {
  return copyBy(host, copy, { ...task, room: makeRoom() });
}

interface Task extends CopyTask {
  readonly room: Room;
}

async function copyBy(
  host: Parameters<typeof copyImage>[0],
  { source, target, checkpoint }: ImageCopy,
  task: Task,
): Promise<Copied> {
  const resumed = usable(checkpoint, source);
  const state = await verifyImage(host.openRaw, source, 'cached', reading(task, 'verify'), resumed);
  const startedMs = host.clock.uptimeMs();
  await write(host.openRaw, source, target, resumed, state, task);
  const tookMs = host.clock.uptimeMs() - startedMs;
  const isRight = await readBack(host.openRaw, source, target, task);
  if (isRight) return { fromBytes: resumed, tookMs };
  if (resumed > 0) return copyBy(host, { source, target }, task);
  throw new StatectlError(
    'copy-altered',
    `${target} has not what was written: it differs ${await firstDifference(host.openRaw, source, target)}`,
    { hint: 'this disk loses or alters what it is given: dmesg | tail, and smartctl -a tell more' },
  );
}

const reading = (
  { signal, progress, room }: Task,
  phase: Parameters<NonNullable<CopyTask['progress']>>[0],
): Reading => ({
  signal,
  room,
  progress: progress && ((doneBytes) => progress(phase, doneBytes)),
});

/** Where to go on: a checkpoint of another image, or one that nobody could have noted, is none. */
function usable(checkpoint: Checkpoint | undefined, { sha256, sizeBytes }: RawImage): number {
  if (checkpoint?.sha256 !== sha256 || checkpoint.sizeBytes !== sizeBytes) return 0;
  const { doneBytes } = checkpoint;
  const isOne = doneBytes > 0 && doneBytes <= sizeBytes && doneBytes % CHECKPOINT_BYTES === 0;
  return isOne ? doneBytes : 0;
}

function refuseUnfit(from: RawFile, to: RawFile, { path, sizeBytes }: RawImage, target: string): void {
  if (from.identity === to.identity)
    throw new StatectlError('copy-unfit', `${target} is ${path} itself`, { hint: 'name two places for the slots' });
  const room = to.sizeBytes + to.freeBytes;
  if (room >= sizeBytes) return;
  throw new StatectlError('copy-unfit', `${target} has room for ${room} bytes, and the image has ${sizeBytes}`, {
    hint: 'make that partition larger, or make room on its disk; nothing was written',
  });
}

async function write(
  open: OpenRaw,
  source: RawImage,
  target: string,
  fromBytes: number,
  hash: Awaited<ReturnType<typeof verifyImage>>,
  task: Task,
): Promise<void> {
  const { sha256, sizeBytes } = source;
  await using from = await opened(open, source.path, 'read');
  await using to = await opened(open, target, 'write');
  refuseUnfit(from, to, source, target);
  const onDisk = <T>(at: number, effect: Promise<T>): Promise<T> =>
    effect.catch((cause: unknown) => {
      throw diskError('written', target, at, cause);
    });
  let durable = fromBytes;
  await eachPiece(from, source, fromBytes, reading(task, 'copy'), async (piece, at) => {
    const written = onDisk(at, to.write(piece, at));
    hash.update(piece);
    await written;
    const doneBytes = at + piece.length;
    if (doneBytes % CHECKPOINT_BYTES !== 0) return;
    await onDisk(durable, to.sync());
    durable = doneBytes;
    await task.keep({ sha256, sizeBytes, doneBytes });
  });
  if (hash.digest('hex') !== sha256)
    throw new StatectlError('image-altered', `${source.path} reads otherwise than it did a moment ago`, {
      hint: 'its disk fails: dmesg | tail; the copy is not whole, and is made anew from another source',
    });
  await onDisk(sizeBytes, to.setSize(sizeBytes));
  await onDisk(durable, to.sync());
}

async function readBack(open: OpenRaw, source: RawImage, target: string, task: Task): Promise<boolean> {
  try {
    await verifyImage(open, { ...source, path: target }, 'from the disk', reading(task, 'read back'));
    return true;
  } catch (error) {
    if (isStatectlError(error) && error.code === 'image-altered') return false;
    throw error;
  }
}

async function firstDifference(open: OpenRaw, source: RawImage, target: string): Promise<string> {
  await using from = await opened(open, source.path, 'read');
  await using to = await opened(open, target, 'read');
  const [left, right] = [Buffer.alloc(PIECE_BYTES), Buffer.alloc(PIECE_BYTES)];
  for (let at = 0; at < source.sizeBytes; at += PIECE_BYTES) {
    const bytes = Math.min(PIECE_BYTES, source.sizeBytes - at);
    await readPiece(from, source.path, left.subarray(0, bytes), at);
    await readPiece(to, target, right.subarray(0, bytes), at);
    const offset = left.subarray(0, bytes).findIndex((byte, place) => byte !== right[place]);
    if (offset >= 0) return `from sector ${Math.floor((at + offset) / 512)} (byte ${at + offset})`;
  }
  return 'only when it is read from the disk';
}
