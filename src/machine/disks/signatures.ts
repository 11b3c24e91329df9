import { MAGIC, MAGIC_AT_END } from './signature-table.ts';

/** What a signature tells: who else lives there. */
export interface Signature {
  /** Of the disk, in bytes. */
  readonly offset: number;
  readonly what: string;
  /** Whose it is: the disk's as a whole, or that of a partition whose table is gone. */
  readonly of: 'disk' | 'partition';
}

const KIB = 1024;

/** So much of a place must be looked at. */
export const LOOKED_AT_BYTES = 264 * KIB;

/** The signature that these bytes of a place have, by name. Pure. */
export function signatureIn(bytes: Buffer): string | undefined {
  for (const [what, at, magic] of MAGIC)
    if (bytes.subarray(at, at + magic.length).equals(Buffer.from(magic, 'latin1'))) return what;
  if (hasUberblock(bytes.subarray(128 * KIB, 256 * KIB))) return 'ZFS';
  if (hasXfsLog(bytes)) return 'XFS';
  if (isFat(bytes)) return 'FAT';
  if (!isMarked(bytes)) return undefined;
  if (hasMbr(bytes)) return 'an MBR partition table';
  return isProtective(bytes) ? undefined : 'a boot sector';
}

/** What tells of somebody at the end of a disk, of which `tail` is the last; undefined also where it tells of nobody. Pure. */
export function signatureAtEnd(tail: Buffer, sizeBytes: number): string | undefined {
  const begins = sizeBytes - tail.length;
  for (const [what, at, magic] of MAGIC_AT_END) {
    const place = at(sizeBytes) - begins;
    if (place >= 0 && tail.subarray(place, place + magic.length).equals(Buffer.from(magic, 'latin1'))) return what;
  }
  // The last two of four labels, each of 256 KiB, the second half of which is uberblocks.
  const end = Math.floor(sizeBytes / (256 * KIB)) * 256 * KIB - begins;
  const isZfs = [end - 384 * KIB, end - 128 * KIB].some(
    (at) => at >= 0 && hasUberblock(tail.subarray(at, at + 128 * KIB)),
  );
  return isZfs ? 'ZFS' : undefined;
}

/** Uberblocks of ZFS lie at each KiB, or at each of more; which of them were written is chance. Either order of bytes. */
function hasUberblock(bytes: Buffer): boolean {
  for (let at = 0; at + 8 <= bytes.length; at += KIB)
    if (bytes.readBigUInt64LE(at) === 0x00bab10cn || bytes.readBigUInt64BE(at) === 0x00bab10cn) return true;
  return false;
}

/** A journal of XFS on a disk of its own: records begin with this, and which are there is chance. */
function hasXfsLog(bytes: Buffer): boolean {
  for (let at = 0; at + 12 <= bytes.length; at += 512)
    // Version 1 or 2 of the format.
    if (bytes.readUInt32BE(at) === 0xfeedbabe && [1, 2].includes(bytes.readUInt32BE(at + 8))) return true;
  return false;
}

/** The mark at the end of a boot sector, of an MBR too. */
const isMarked = (bytes: Buffer): boolean => bytes[510] === 0x55 && bytes[511] === 0xaa;

/** FAT as any program makes it: a jump, and sizes that can be. */
function isFat(bytes: Buffer): boolean {
  if (bytes.length < 512 || (bytes[0] !== 0xeb && bytes[0] !== 0xe9)) return false;
  const [sector, cluster, reserved, tables] = [bytes.readUInt16LE(11), bytes[13], bytes.readUInt16LE(14), bytes[16]];
  const isPower = (number = 0) => number > 0 && (number & (number - 1)) === 0;
  return isPower(sector) && sector >= 512 && sector <= 4096 && isPower(cluster) && reserved > 0 && (tables ?? 0) > 0;
}

const ENTRIES = [446, 462, 478, 494];
/** UEFI 2.10, 5.2.3: of a disk with GPT. It is no sign of its own. */
const PROTECTIVE = 0xee;

const isProtective = (bytes: Buffer): boolean => ENTRIES.some((at) => bytes[at + 4] === PROTECTIVE);

/** A partition that a PC knows: active or not, of a type, and of some length. */
const hasMbr = (bytes: Buffer): boolean =>
  ENTRIES.some((at) => {
    const [state, type] = [bytes[at], bytes[at + 4]];
    return (state === 0 || state === 0x80) && type !== 0 && type !== PROTECTIVE && bytes.readUInt32LE(at + 12) > 0;
  });

/** Whether nobody wrote there: flash that was erased is all ones. */
export const isBlank = (bytes: Buffer): boolean => {
  if (bytes.equals(Buffer.alloc(bytes.length))) return true;
  for (const byte of bytes) if (byte !== 0x00 && byte !== 0xff) return false;
  return true;
};
