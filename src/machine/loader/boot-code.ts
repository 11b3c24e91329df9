import { createHash } from 'node:crypto';
import { BLOCK_LIST_AT, BLOCK_LIST_BYTES, BOOT_CODE_BYTES, CORE_SECTOR_AT } from '../../signed/loader-layout.ts';

/** BIOSes count in these, and so does GRUB; no BIOS boots from a disk with others. */
export const BIOS_SECTOR_BYTES = 512;

/** GRUB_BOOT_I386_PC_KERNEL_SEG, and the first sector behind it. */
const CORE_SEGMENT = 0x820;

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** The first sector with the code that loads core.img from there; the disk's signature and its table stay, byte for byte. Pure. */
export function withBootCode(sector: Buffer, code: Buffer, coreSector: number): Buffer {
  const changed = Buffer.from(sector);
  code.copy(changed, 0, 0, BOOT_CODE_BYTES);
  changed.writeBigUInt64LE(BigInt(coreSector), CORE_SECTOR_AT);
  return changed;
}

/** core.img as it lies on the disk from that sector on: all of it in a row. Pure. */
export function placedCore(core: Buffer, sector: number): Buffer {
  const placed = Buffer.from(core);
  placed.writeBigUInt64LE(BigInt(sector + 1), BLOCK_LIST_AT);
  placed.writeUInt16LE(core.length / BIOS_SECTOR_BYTES - 1, BLOCK_LIST_AT + 8);
  placed.writeUInt16LE(CORE_SEGMENT, BLOCK_LIST_AT + 10);
  return placed;
}

export const coreSectorOf = (sector: Buffer): number => Number(sector.readBigUInt64LE(CORE_SECTOR_AT));

/** The digest that the manifest has of the code in a first sector. Pure. */
export const codeDigest = (sector: Buffer): string =>
  sha256(Buffer.from(sector.subarray(0, BOOT_CODE_BYTES)).fill(0, CORE_SECTOR_AT, CORE_SECTOR_AT + 8));

/** The digest that the manifest has of a core.img that lies at this sector; undefined where it was made for another place. Pure. */
export function coreDigest(placed: Buffer, sector: number): string | undefined {
  const plain = Buffer.from(placed).fill(0, BLOCK_LIST_AT, BLOCK_LIST_AT + BLOCK_LIST_BYTES);
  return placedCore(plain, sector).equals(placed) ? sha256(plain) : undefined;
}

/**
 * Where in its partition a new core.img goes, in sectors from its beginning: into the half that the first sector does not lead to,
 * so that a cut leaves the old one, or the new one whole. undefined: it has no room. Pure.
 */
export function freeHalf(
  partitionSectors: number,
  coreSectors: number,
  usedAt: number | undefined,
): number | undefined {
  const half = Math.floor(partitionSectors / 2);
  if (coreSectors > half) return undefined;
  return usedAt !== undefined && usedAt >= 0 && usedAt < half ? half : 0;
}
