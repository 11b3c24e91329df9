import { crc32 } from './crc32.ts';
import { guidAt, guidBytes } from './guid.ts';

/** GPT, the partition table of UEFI 2.10, chapter 5.3. */
const SIGNATURE = Buffer.from('EFI PART');
const REVISION = 0x00010000;
const HEADER_BYTES = 92;
const ENTRY_BYTES = 128;
/** The least that the specification lets a table have room for, and what everybody makes. */
export const MOST_PARTITIONS = 128;
const TABLE_BYTES = MOST_PARTITIONS * ENTRY_BYTES;
/** Where the MBR has its partitions; before them is what a BIOS starts. */
export const MBR_ENTRIES = 446;
const PROTECTIVE = 0xee;
/** A table of strange size is read no further than this. */
const MOST_TABLE_BYTES = 1 << 20;

export interface Partition {
  /** From 1. */
  readonly number: number;
  readonly type: string;
  readonly uuid: string;
  readonly firstLba: number;
  readonly lastLba: number;
  /** 64 bits in hexadecimal. */
  readonly attributes: string;
  readonly name: string;
}

export interface Table {
  readonly guid: string;
  readonly firstUsableLba: number;
  readonly lastUsableLba: number;
  readonly partitions: readonly Partition[];
}

/** One of the two copies of a table: where a disk begins, and where it ends. */
export type Copy =
  | { readonly state: 'absent' }
  | { readonly state: 'damaged'; readonly why: string }
  | { readonly state: 'good'; readonly table: Table };

export type Side = 'primary' | 'backup';

export interface Geometry {
  readonly sizeBytes: number;
  readonly sectorBytes: number;
}

export const sectorsOf = ({ sizeBytes, sectorBytes }: Geometry): number => Math.floor(sizeBytes / sectorBytes);
const tableSectors = ({ sectorBytes }: Geometry): number => Math.ceil(TABLE_BYTES / sectorBytes);

/** Where a copy's header lies. */
const headerLba = (geometry: Geometry, side: Side): number => (side === 'primary' ? 1 : sectorsOf(geometry) - 1);

/** Bytes of the disk; undefined: they are not there, or cannot be read. */
export type ReadBytes = (offset: number, length: number) => Promise<Buffer | undefined>;

/** Reads one copy, with both of its check sums, and whether it is about this disk. */
export async function readCopy(read: ReadBytes, geometry: Geometry, side: Side): Promise<Copy> {
  const { sectorBytes } = geometry;
  const lba = headerLba(geometry, side);
  const header = await read(lba * sectorBytes, sectorBytes);
  if (!header) return damaged('its header cannot be read');
  if (!header.subarray(0, 8).equals(SIGNATURE)) return { state: 'absent' };
  const headerBytes = header.readUInt32LE(12);
  if (headerBytes < HEADER_BYTES || headerBytes > sectorBytes) return damaged('its header has no such length');
  const summed = Buffer.from(header.subarray(0, headerBytes));
  summed.writeUInt32LE(0, 16);
  if (crc32(summed) !== header.readUInt32LE(16)) return damaged("its header's check sum is wrong");
  if (lbaAt(header, 24) !== lba) return damaged('its header is that of another place');
  const [entryBytes, count] = [header.readUInt32LE(84), header.readUInt32LE(80)];
  if (entryBytes < ENTRY_BYTES || entryBytes % ENTRY_BYTES !== 0 || entryBytes * count > MOST_TABLE_BYTES)
    return damaged('its entries have no such length');
  const entries = await read(lbaAt(header, 72) * sectorBytes, entryBytes * count);
  if (!entries) return damaged('its entries cannot be read');
  if (crc32(entries) !== header.readUInt32LE(88)) return damaged("its entries' check sum is wrong");
  const table: Table = {
    guid: guidAt(header, 56),
    firstUsableLba: lbaAt(header, 40),
    lastUsableLba: lbaAt(header, 48),
    partitions: partitionsIn(entries, entryBytes, count),
  };
  const fault = faultOf(table, geometry) ?? (side === 'primary' ? await mbrFault(read, geometry) : undefined);
  return fault === undefined ? { state: 'good', table } : damaged(fault);
}

/** Without the MBR that protects it, the kernel looks at no GPT. */
async function mbrFault(read: ReadBytes, { sectorBytes }: Geometry): Promise<string | undefined> {
  const mbr = await read(0, sectorBytes);
  if (!mbr) return 'its MBR cannot be read';
  const isMarked = mbr[510] === 0x55 && mbr[511] === 0xaa;
  const types = [0, 1, 2, 3].map((entry) => mbr[MBR_ENTRIES + entry * 16 + 4]);
  return isMarked && types.includes(PROTECTIVE) ? undefined : 'its protective MBR is not there';
}

const damaged = (why: string): Copy => ({ state: 'damaged', why });

/** A number beyond what a disk can have stands for any such. */
const lbaAt = (bytes: Buffer, offset: number): number => Number(bytes.readBigUInt64LE(offset));

const NO_GUID = '00000000-0000-0000-0000-000000000000';

function partitionsIn(entries: Buffer, entryBytes: number, count: number): readonly Partition[] {
  return Array.from({ length: count }, (_, index) => index * entryBytes).flatMap((at, index) => {
    const type = guidAt(entries, at);
    if (type === NO_GUID) return [];
    return [
      {
        number: index + 1,
        type,
        uuid: guidAt(entries, at + 16),
        firstLba: lbaAt(entries, at + 32),
        lastLba: lbaAt(entries, at + 40),
        attributes: entries.readBigUInt64LE(at + 48).toString(16),
        name: entries.toString('utf16le', at + 56, at + 128).replace(/\0.*$/s, ''),
      },
    ];
  });
}

/** Check sums fit, and yet it cannot be: of a larger disk, or by a program that counts otherwise. */
function faultOf({ partitions, firstUsableLba, lastUsableLba }: Table, geometry: Geometry): string | undefined {
  if (lastUsableLba >= sectorsOf(geometry)) return 'it is the table of a larger disk';
  const sorted = partitions.toSorted((a, b) => a.firstLba - b.firstLba);
  for (const [index, { number, firstLba, lastLba }] of sorted.entries()) {
    if (lastLba < firstLba || firstLba < firstUsableLba || lastLba > lastUsableLba)
      return `its partition ${number} is outside of the disk`;
    if (firstLba <= (sorted[index - 1]?.lastLba ?? -1)) return `its partition ${number} lies over another`;
  }
  return undefined;
}

/** What is written where, in this order: entries, then the header that counts them in. sfdisk(8) writes the same bytes. */
export interface Write {
  readonly offset: number;
  readonly bytes: Buffer;
}

/** One copy of a table, as bytes of a disk; of the primary one, the protective MBR too. Pure. */
export function writesOf(table: Table, geometry: Geometry, side: Side): readonly Write[] {
  const { sectorBytes } = geometry;
  const entries = Buffer.alloc(TABLE_BYTES);
  for (const partition of table.partitions) writePartition(entries, partition);
  const lba = headerLba(geometry, side);
  const entriesLba = side === 'primary' ? 2 : lba - tableSectors(geometry);
  const header = Buffer.alloc(sectorBytes);
  SIGNATURE.copy(header);
  header.writeUInt32LE(REVISION, 8);
  header.writeUInt32LE(HEADER_BYTES, 12);
  header.writeBigUInt64LE(BigInt(lba), 24);
  header.writeBigUInt64LE(BigInt(headerLba(geometry, side === 'primary' ? 'backup' : 'primary')), 32);
  header.writeBigUInt64LE(BigInt(table.firstUsableLba), 40);
  header.writeBigUInt64LE(BigInt(table.lastUsableLba), 48);
  guidBytes(table.guid).copy(header, 56);
  header.writeBigUInt64LE(BigInt(entriesLba), 72);
  header.writeUInt32LE(MOST_PARTITIONS, 80);
  header.writeUInt32LE(ENTRY_BYTES, 84);
  header.writeUInt32LE(crc32(entries), 88);
  header.writeUInt32LE(crc32(header.subarray(0, HEADER_BYTES)), 16);
  return [
    { offset: entriesLba * sectorBytes, bytes: entries },
    { offset: lba * sectorBytes, bytes: header },
    ...(side === 'primary' ? [{ offset: 0, bytes: protectiveMbr(geometry) }] : []),
  ];
}

function writePartition(entries: Buffer, partition: Partition): void {
  const at = (partition.number - 1) * ENTRY_BYTES;
  guidBytes(partition.type).copy(entries, at);
  guidBytes(partition.uuid).copy(entries, at + 16);
  entries.writeBigUInt64LE(BigInt(partition.firstLba), at + 32);
  entries.writeBigUInt64LE(BigInt(partition.lastLba), at + 40);
  entries.writeBigUInt64LE(BigInt(`0x${partition.attributes}`), at + 48);
  entries.write(partition.name.slice(0, 36), at + 56, 'utf16le');
}

/** UEFI 2.10, 5.2.3: who knows no GPT sees a disk that is full. */
function protectiveMbr(geometry: Geometry): Buffer {
  const mbr = Buffer.alloc(geometry.sectorBytes);
  mbr.set([0x00, 0x00, 0x02, 0x00, PROTECTIVE, 0xff, 0xff, 0xff], MBR_ENTRIES);
  mbr.writeUInt32LE(1, MBR_ENTRIES + 8);
  mbr.writeUInt32LE(Math.min(sectorsOf(geometry) - 1, 0xffffffff), MBR_ENTRIES + 12);
  mbr.set([0x55, 0xaa], 510);
  return mbr;
}
