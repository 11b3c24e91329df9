import { createHash } from 'node:crypto';
import type { Host } from '../../host/host.ts';
import { parseMounts } from '../../host/kernel/mount-table.ts';
import type { DiskContent, DiskFacts, DriveLook, Held } from './disk-facts.ts';
import { diskNames } from './disk-names.ts';
import { type Copy, type Geometry, type ReadBytes, readCopy, type Table, type Write, writesOf } from './gpt.ts';
import { isOfOurs } from './identify-disk.ts';
import { type Drive, offsetsOf, tableOf } from './layout.ts';
import { fits } from './select-disk.ts';
import { isBlank, LOOKED_AT_BYTES, type Signature, signatureAtEnd, signatureIn } from './signatures.ts';

const MIB = 2 ** 20;
/** Nothing to keep data on: CDs, floppies, network disks of another's making, and the parts of flash that boot it. */
const NOT_DISKS = /^(?:sr|fd|nbd|zram|ram|mtdblock)\d|^mmcblk\d+(?:boot|rpmb|gp)/;

type Reading = Pick<Host, 'files'>;

/** The disks of this machine. Those of no hardware (loop, dm, md) have no `device` in sysfs. */
export async function readDisks(host: Reading): Promise<readonly DiskFacts[]> {
  const { files } = host;
  const names = (await files.list('/sys/block').catch(() => [])).filter((name) => !NOT_DISKS.test(name));
  const used = await usersOf(host);
  const disks: DiskFacts[] = [];
  for (const name of names) {
    if (!(await files.stat(`/sys/block/${name}/device`))) continue;
    const number = async (file: string) => Number(await files.readText(`/sys/block/${name}/${file}`).catch(() => '0'));
    const sizeBytes = (await number('size')) * 512;
    if (sizeBytes === 0) continue;
    const uses = await used(name);
    const [first] = uses;
    disks.push({
      device: `/dev/${name}`,
      ...(await diskNames(host, name)),
      sizeBytes,
      sectorBytes: (await number('queue/logical_block_size')) || 512,
      ...((await number('ro')) === 1 && { access: 'read-only' as const }),
      ...(first && { usedBy: first.by, usedParts: uses.map(({ part }) => part) }),
    });
  }
  return disks;
}

/** Partitions of a disk, by number: what the kernel calls them. */
export async function partitionNames({ files }: Reading, disk: string): Promise<ReadonlyMap<number, string>> {
  const found = new Map<number, string>();
  for (const name of await files.list(`/sys/block/${disk}`).catch(() => [])) {
    const number = Number(await files.readText(`/sys/block/${disk}/${name}/partition`).catch(() => ''));
    if (number > 0) found.set(number, name);
  }
  return found;
}

/** Who uses a partition; 0: the disk itself. */
interface Use {
  readonly part: number;
  readonly by: string;
}

async function usersOf(host: Reading): Promise<(disk: string) => Promise<readonly Use[]>> {
  const { files } = host;
  const mounts = parseMounts(await files.readText('/proc/mounts').catch(() => ''));
  const swaps = await files.readText('/proc/swaps').catch(() => '');
  const userOf = async (name: string, folder: string): Promise<string | undefined> => {
    const mount = mounts.find(({ source }) => source === `/dev/${name}`);
    if (mount) return `${name} is mounted on ${mount.target}`;
    if (swaps.split('\n').some((line) => line.startsWith(`/dev/${name} `))) return `${name} is swap`;
    const [holder] = await files.list(`${folder}/holders`).catch(() => []);
    return holder && `${name} is held by ${holder}`;
  };
  return async (disk) => {
    const uses: Use[] = [];
    for (const [part, name] of [[0, disk] as const, ...(await partitionNames(host, disk))]) {
      const by = await userOf(name, part === 0 ? `/sys/block/${disk}` : `/sys/block/${disk}/${name}`);
      if (by) uses.push({ part, by });
    }
    return uses;
  };
}

/** What each entry of drives.conf means on this machine. Only the one disk that it fits is read. */
export async function lookAtDrives(
  host: Reading,
  drives: Readonly<Record<string, Drive>>,
): Promise<Readonly<Record<string, DriveLook>>> {
  if (Object.keys(drives).length === 0) return {};
  const disks = await readDisks(host);
  const looks: Record<string, DriveLook> = {};
  for (const [name, drive] of Object.entries(drives)) {
    const fitting = disks.filter((disk) => fits(drive.match, disk));
    const [only, ...more] = fitting;
    const others = Object.entries(drives).filter(
      ([other, { match }]) => other !== name && fitting.some((disk) => fits(match, disk)),
    );
    looks[name] = {
      fitting,
      ...(others.length > 0 && { alsoOf: others.map(([other]) => other) }),
      ...(only && more.length === 0 && { content: await readContent(host, only, placesOf(drive, only)) }),
    };
  }
  return looks;
}

/** Where to look on a disk. */
interface Places {
  /** File systems of ours would begin there. */
  readonly offsets: readonly number[];
  /** The table that statectl would write: what is there of it alone was begun by us, and a power cut ended it. */
  readonly begun?: Table;
}

function placesOf(drive: Drive, disk: DiskFacts): Places {
  const begun = tableOf(drive, disk.serial ?? '', disk);
  return { offsets: offsetsOf(drive), ...(typeof begun !== 'string' && { begun }) };
}

const sidesOf = (table: Table, geometry: Geometry): readonly Write[] => [
  ...writesOf(table, geometry, 'backup'),
  ...writesOf(table, geometry, 'primary'),
];

/** Sectors that are, byte for byte, what we would write there are nobody else's: a table that was begun is no data. Pure. */
function withoutOurs(bytes: Buffer, from: number, ours: readonly Write[]): Buffer {
  const left = Buffer.from(bytes);
  for (const { offset, bytes: written } of ours)
    for (let at = 0; at < written.length; at += TORN_BYTES) {
      const place = offset + at - from;
      const sector = written.subarray(at, at + TORN_BYTES);
      if (place >= 0 && left.subarray(place, place + sector.length).equals(sector))
        left.fill(0, place, place + sector.length);
    }
  return left;
}

/** Where others begin, besides the disk itself: partitions of nearly all programs, VMFS. */
export const USUAL_PLACES: readonly number[] = [MIB, 2 * MIB];
/** Some RAIDs have their say further from the end than the last MiB. */
export const TAIL_BYTES = 2 * MIB;

/** What a disk writes whole or not at all, also one that says 4096. */
const TORN_BYTES = 512;

/** Reads what decides: both copies of the table, both ends, and where file systems of ours would begin. */
export async function readContent(
  { files }: Reading,
  disk: Pick<DiskFacts, 'device' | 'sizeBytes' | 'sectorBytes'>,
  { offsets, begun }: Places = { offsets: [] },
): Promise<DiskContent> {
  const hash = createHash('sha256');
  let unreadable: string | undefined;
  const read: ReadBytes = async (offset, length) => {
    const most = Math.min(length, disk.sizeBytes - offset);
    if (most <= 0) return undefined;
    const bytes = await readAt(files, disk.device, offset, most).catch(() => undefined);
    if (bytes?.length !== most) unreadable ??= `${most} bytes at ${offset}`;
    hash.update(`${offset} ${most} `).update(bytes ?? 'unreadable');
    return bytes?.length === most ? bytes : undefined;
  };
  const primary = await readCopy(read, disk, 'primary');
  const backup = await readCopy(read, disk, 'backup');
  const table = tableIn(primary) ?? tableIn(backup);
  const ours = [begun, table && isOfOurs(table) ? table : undefined].flatMap((each) =>
    each ? sidesOf(each, disk) : [],
  );
  const ends = Math.max(0, disk.sizeBytes - TAIL_BYTES);
  const [head, tail] = [await read(0, MIB), await read(ends, TAIL_BYTES)].map(
    (bytes, index) => bytes && withoutOurs(bytes, index === 0 ? 0 : ends, ours),
  );
  const signatures: Signature[] = [];
  const found = (where: Omit<Signature, 'what'>, what: string | undefined): void => {
    if (what !== undefined) signatures.push({ ...where, what });
  };
  if (head) found({ offset: 0, of: 'disk' }, signatureIn(head));
  if (tail) found({ offset: ends, of: 'disk' }, signatureAtEnd(tail, disk.sizeBytes));
  for (const offset of new Set([...USUAL_PLACES, ...offsets])) {
    // VMFS of a whole disk.
    const bytes = await read(offset, offset === 2 * MIB && !offsets.includes(offset) ? 512 : LOOKED_AT_BYTES);
    if (bytes) found({ offset, of: 'partition' }, signatureIn(bytes));
  }
  const held: Record<number, Held> = {};
  for (const { number, firstLba } of table?.partitions ?? [])
    held[number] = heldIn((await read(firstLba * disk.sectorBytes, LOOKED_AT_BYTES)) ?? Buffer.alloc(0));
  return {
    primary,
    backup,
    signatures,
    isBlank: head !== undefined && tail !== undefined && isBlank(head) && isBlank(tail.subarray(-MIB)),
    ...(unreadable !== undefined && { unreadable }),
    held,
    digest: hash.digest('hex'),
  };
}

const tableIn = (copy: Copy) => (copy.state === 'good' ? copy.table : undefined);

function heldIn(bytes: Buffer): Held {
  const what = signatureIn(bytes);
  if (what === undefined) return {};
  // struct ext4_super_block: blocks in two halves, their size as a power of two; struct btrfs_super_block: total_bytes.
  if (what.startsWith('ext'))
    return {
      what,
      bytes: (bytes.readUInt32LE(1028) + bytes.readUInt32LE(1360) * 2 ** 32) * 2 ** (10 + bytes.readUInt32LE(1048)),
    };
  if (what === 'btrfs') return { what, bytes: Number(bytes.readBigUInt64LE(65_648)) };
  return { what };
}

/** Bytes of a device; fewer where it ends. */
export async function readAt(files: Host['files'], path: string, offset: number, length: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of files.readStream(path, offset)) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes >= length) break;
  }
  return Buffer.concat(chunks).subarray(0, length);
}
