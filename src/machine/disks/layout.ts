import type { Config } from '../../config/config.ts';
import { entryOf } from '../../entry-of.ts';
import { type Geometry, MOST_PARTITIONS, type Partition, sectorsOf, type Table } from './gpt.ts';
import { diskGuid, PARTITION_TYPES, partitionGuid } from './guid.ts';

export type Drive = Config['drives'][string];
export type DrivePartition = Drive['partitions'][string];

const MIB = 2 ** 20;

/** Everything begins and ends at whole MiB, whatever the sectors are: offsets are the same on disks of both kinds. */
const roundedUp = (bytes: number): number => Math.ceil(bytes / MIB) * MIB;

/** Where in bytes each partition of a drive begins on a disk that statectl made. Pure. */
export function offsetsOf({ partitions }: Drive): readonly number[] {
  let at = MIB;
  return Object.values(partitions).map(({ sizeBytes }) => {
    const begin = at;
    at += sizeBytes === 'rest' ? 0 : roundedUp(sizeBytes);
    return begin;
  });
}

/** What a disk of this geometry has room for. */
const roomOf = (geometry: Geometry): Pick<Table, 'firstUsableLba' | 'lastUsableLba'> => ({
  firstUsableLba: MIB / geometry.sectorBytes,
  lastUsableLba: sectorsOf(geometry) - 2 - Math.ceil((16 * 1024) / geometry.sectorBytes),
});

/** Partitions that drives.conf names no more: nothing is deleted because of that. Pure. */
export const unnamedIn = ({ partitions }: Table, drive: Drive): readonly string[] =>
  partitions.flatMap(({ name }) => (Object.hasOwn(drive.partitions, name) ? [] : [name]));

/** The type that a partition has when it is done. */
export const finalType = ({ role, type, encrypt }: DrivePartition): string =>
  PARTITION_TYPES[role ?? (encrypt ? 'encrypted' : type === 'swap' ? 'swap' : 'linux')];

/** A partition has a file system to be made, once: until then its type says that nothing is in it. */
export const needsFileSystem = ({ type, encrypt }: DrivePartition): boolean => type !== 'raw' && encrypt === undefined;

/** The type of a partition that is to be made. */
const firstType = (wanted: DrivePartition): string =>
  needsFileSystem(wanted) ? PARTITION_TYPES.unfinished : finalType(wanted);

/**
 * What is swap, or was encrypted by a key that is gone, holds nothing: it becomes the one of the other. Whatever else is there stays
 * as it was made.
 */
function retyped(known: Partition, wanted: DrivePartition): Partition {
  const { swap, encrypted } = PARTITION_TYPES;
  if (wanted.encrypt && wanted.type === 'swap' && known.type === swap) return { ...known, type: encrypted };
  if (!wanted.encrypt && known.type === encrypted) return { ...known, type: firstType(wanted) };
  return known;
}

/** The next, and where that is too large, the first that was given up. */
function freeNumber(partitions: readonly Partition[]): number {
  const taken = partitions.map(({ number }) => number);
  const next = Math.max(0, ...taken) + 1;
  if (next <= MOST_PARTITIONS) return next;
  return Array.from({ length: MOST_PARTITIONS }, (_, index) => index + 1).find((one) => !taken.includes(one)) ?? next;
}

/** Partitions that are to be encrypted, and were made without: they may hold data, and stay so. Pure. */
export const unencryptedIn = ({ partitions }: Table, drive: Drive): readonly string[] =>
  partitions.flatMap(({ name, type }) =>
    entryOf(drive.partitions, name)?.encrypt && type !== PARTITION_TYPES.encrypted ? [name] : [],
  );

/** The table of a drive on a disk without one; a text says why it cannot be. Pure. */
export function tableOf(drive: Drive, serial: string, geometry: Geometry): Table | string {
  const word = drive.make === 'replace' ? drive.word : undefined;
  const empty: Table = { guid: diskGuid(serial, word), ...roomOf(geometry), partitions: [] };
  return withMissing(empty, drive, geometry);
}

/**
 * A table of ours with what the drive names and it has not, after what is there; with the last one as large as the disk lets it
 * be, where the rest is its. What is there is never moved, made smaller or taken away. Pure.
 */
export function withMissing(table: Table, { partitions }: Drive, geometry: Geometry): Table | string {
  const perMib = MIB / geometry.sectorBytes;
  const { lastUsableLba } = roomOf(geometry);
  const end = Math.floor((lastUsableLba + 1) / perMib) * perMib - 1;
  const made: Partition[] = table.partitions.map((partition) => ({ ...partition }));
  for (const [label, wanted] of Object.entries(partitions)) {
    const { sizeBytes } = wanted;
    const last = made.reduce((most, { lastLba }) => Math.max(most, lastLba), perMib - 1);
    const there = made.findIndex(({ name }) => name === label);
    const known = made[there];
    if (known) {
      const grows = sizeBytes === 'rest' && known.lastLba === last && known.lastLba < end;
      made[there] = { ...retyped(known, wanted), ...(grows && { lastLba: end }) };
      continue;
    }
    const firstLba = Math.ceil((last + 1) / perMib) * perMib;
    const lastLba = sizeBytes === 'rest' ? end : firstLba + roundedUp(sizeBytes) / geometry.sectorBytes - 1;
    if (lastLba > end || lastLba < firstLba) return `there is no room for ${label}`;
    const number = freeNumber(made);
    if (number > MOST_PARTITIONS) return `the table has no number left for ${label}`;
    made.push({
      number,
      type: firstType(wanted),
      uuid: partitionGuid(table.guid, label),
      firstLba,
      lastLba,
      attributes: '0',
      name: label,
    });
  }
  return { ...table, lastUsableLba, partitions: made };
}
