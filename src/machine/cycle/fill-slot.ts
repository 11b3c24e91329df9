import { dirname } from 'node:path/posix';
import { StatectlError } from '../../error.ts';
import type { Host } from '../../host/host.ts';
import { recordOrNone } from '../../host/record.ts';
import type { TaskContext } from '../../host/task-context.ts';
import { type Checkpoint, copyImage } from '../../slots/copy/copy-image.ts';
import { opened } from '../../slots/copy/raw-image.ts';
import { COPYING_NAME, OWNED_NAME } from '../../slots/image-place.ts';
import { FLAG_NAME } from '../../slots/look-at-cycles.ts';
import { TAIL_BYTES } from '../disks/read-disk.ts';
import { isBlank, LOOKED_AT_BYTES, signatureAtEnd, signatureIn } from '../disks/signatures.ts';
import { findDevice } from '../facts/block-devices.ts';

/** An image that is copied to the partition of a slot. */
export interface FillSlot {
  readonly slot: string;
  /** Where its root is: a file of the store, or the partition of the other slot. */
  readonly from: string;
  /** Where its manifest is, with its signature. */
  readonly manifestIn: string;
  readonly sha256: string;
  readonly sizeBytes: number;
  readonly to: {
    readonly device: string;
    readonly partuuid: string;
    readonly dir: string;
    readonly is: 'ours' | 'unknown';
  };
}

const SIGNED = ['manifest.json', 'manifest.json.sig'] as const;
const MIB = 1 << 20;
const NONE = Buffer.alloc(0);
const SPARES_MS = 5_000;

/**
 * Copies an image to a partition. From the first byte until all of it was read back from the disk a file beside its manifest says
 * that it is not whole, and how far it is: who is cut goes on there. The manifest comes last. Throws what `copyImage` does,
 * `slot-foreign` where something lies there that is not ours, `disk-changed` where the partition is another one now.
 */
export async function fillSlot(
  { slot, from, manifestIn, sha256, sizeBytes, to }: FillSlot,
  host: Host,
  task: TaskContext,
): Promise<void> {
  const { files, clock } = host;
  const { device, partuuid, dir } = to;
  const there = await findDevice(host, { kind: 'tag', tag: 'partuuid', value: partuuid });
  if (there?.device !== device)
    throw new StatectlError('disk-changed', `slot ${slot}: ${device} is not the partition ${partuuid} any more`, {
      hint: 'nothing was written; the next boot looks again',
    });
  if (to.is === 'unknown') await mustBeEmpty(host, slot, device);
  const signed: (readonly [string, Buffer])[] = [];
  for (const name of SIGNED) signed.push([name, await files.read(`${manifestIn}/${name}`)]);
  await makeFolder(files, dir);
  const copying = `${dir}/${COPYING_NAME}`;
  const checkpoint = await readCheckpoint(files, copying);
  const isSame = checkpoint?.sha256 === sha256;
  if (!isSame) await files.write(copying, JSON.stringify({ sha256, sizeBytes, doneBytes: 0 }), { mode: 0o600 });
  await files.remove(`${dir}/${FLAG_NAME}`);
  await files.write(`${dir}/${OWNED_NAME}`, `${partuuid}\n`, { mode: 0o600 });
  let toldMs = clock.uptimeMs();
  await copyImage(
    host,
    { source: { path: from, sha256, sizeBytes }, target: device, checkpoint: isSame ? checkpoint : undefined },
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
  for (const [name, bytes] of signed) await files.write(`${dir}/${name}`, bytes, { mode: 0o600 });
  await files.remove(copying);
}

async function makeFolder(files: Host['files'], dir: string): Promise<void> {
  for (const folder of [dirname(dir), dir]) {
    if ((await files.stat(folder))?.type !== 'dir') await files.remove(folder);
    await files.mkdir(folder, 0o700);
  }
}

async function mustBeEmpty({ openRaw }: Pick<Host, 'openRaw'>, slot: string, device: string): Promise<void> {
  await using file = await opened(openRaw, device, 'read');
  const { sizeBytes } = file;
  const [head = NONE, tail = NONE] = [MIB, TAIL_BYTES].map((bytes) => Buffer.alloc(Math.min(bytes, sizeBytes)));
  await file.read(head, 0);
  await file.read(tail, sizeBytes - tail.length);
  const what =
    signatureIn(head.subarray(0, LOOKED_AT_BYTES)) ??
    signatureAtEnd(tail, sizeBytes) ??
    (isBlank(head) && isBlank(tail.subarray(-MIB)) ? undefined : 'data of no known kind');
  if (what === undefined) return;
  throw new StatectlError('slot-foreign', `slot ${slot}: ${device} is not touched: it has ${what}`, {
    hint: 'statectl writes a slot where nothing is, on what it wrote before, and on partitions that drives.conf makes as raw; `wipefs` makes one empty that nobody needs',
  });
}

/** What is no checkpoint costs a copy from the start. */
const readCheckpoint = async (files: Host['files'], path: string): Promise<Checkpoint | undefined> =>
  recordOrNone<Checkpoint>(await files.readText(path).catch(() => ''), {
    ...{ sha256: 'text', sizeBytes: 'number', doneBytes: 'number' },
  });
