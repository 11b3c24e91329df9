import { dirname } from 'node:path/posix';
import { StatectlError } from '../../error.ts';
import type { Host } from '../../host/host.ts';
import { opened } from '../../slots/copy/raw-image.ts';
import { COPYING_NAME, OWNED_NAME } from '../../slots/image-place.ts';
import { FLAG_NAME } from '../../slots/look-at-cycles.ts';
import { TAIL_BYTES } from '../disks/read-disk.ts';
import { isBlank, LOOKED_AT_BYTES, signatureAtEnd, signatureIn } from '../disks/signatures.ts';
import { findDevice } from '../facts/block-devices.ts';

/** Where a system is to be written. */
export interface SlotPartition {
  readonly device: string;
  readonly partuuid: string;
  /** What is known of it is there. */
  readonly dir: string;
  readonly is: 'ours' | 'unknown';
}

const MIB = 1 << 20;
const NONE = Buffer.alloc(0);

/** Throws `disk-changed` where the partition is another one now, `slot-foreign` where something lies there that is not ours. */
export async function mustBeWritable(
  host: Pick<Host, 'files' | 'exec' | 'openRaw'>,
  slot: string,
  { device, partuuid, is }: SlotPartition,
): Promise<void> {
  const there = await findDevice(host, { kind: 'tag', tag: 'partuuid', value: partuuid });
  if (there?.device !== device)
    throw new StatectlError('disk-changed', `slot ${slot}: ${device} is not the partition ${partuuid} any more`, {
      hint: 'nothing was written; the next boot looks again',
    });
  if (is === 'unknown') await mustBeEmpty(host, slot, device);
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

/** The folder of a slot, whatever is in its place. */
export async function makeFolder(files: Host['files'], dir: string): Promise<void> {
  for (const folder of [dirname(dir), dir]) {
    if ((await files.stat(folder))?.type !== 'dir') await files.remove(folder);
    await files.mkdir(folder, 0o700);
  }
}

/** From now on the partition is known as ours, and what is on it as not whole; its flag is gone. `copying`: how far it is, if that is not known. */
export async function beginWriting(
  files: Host['files'],
  { dir, partuuid }: SlotPartition,
  copying: object | undefined,
): Promise<void> {
  if (copying) await files.write(`${dir}/${COPYING_NAME}`, JSON.stringify(copying), { mode: 0o600 });
  await files.remove(`${dir}/${FLAG_NAME}`);
  await files.write(`${dir}/${OWNED_NAME}`, `${partuuid}\n`, { mode: 0o600 });
}

/** What was signed of an image. */
export type Signed = readonly (readonly [name: string, bytes: Buffer])[];

const SIGNED = ['manifest.json', 'manifest.json.sig'] as const;

export async function readSigned(files: Host['files'], dir: string, more: readonly string[] = []): Promise<Signed> {
  const signed: (readonly [string, Buffer])[] = [];
  for (const name of [...more, ...SIGNED]) signed.push([name, await files.read(`${dir}/${name}`)]);
  return signed;
}

/** All of it is on the partition: what was signed of it is put beside, and it counts. */
export async function endWriting(files: Host['files'], dir: string, signed: Signed): Promise<void> {
  for (const [name, bytes] of signed) await files.write(`${dir}/${name}`, bytes, { mode: 0o600 });
  await files.remove(`${dir}/${COPYING_NAME}`);
}
