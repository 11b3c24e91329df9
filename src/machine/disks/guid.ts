import { createHash } from 'node:crypto';

/** The types of partitions that we make: UEFI 2.10, 5.3.3, and the Discoverable Partitions Specification. */
export const PARTITION_TYPES = {
  efi: 'c12a7328-f81f-11d2-ba4b-00a0c93ec93b',
  bios: '21686148-6449-6e6f-744e-656564454649',
  boot: 'bc13c2ff-59e6-4262-a352-b275fd6f7172',
  swap: '0657fd6d-a4ab-43c4-84e5-0933c84b4f4f',
  linux: '0fc63daf-8483-4772-8e79-3d69d8477de4',
  /** Plain dm-crypt: what is on the disk is noise to whoever has not the key, and after a boot to everybody. */
  encrypted: '7ffec5c9-2d00-49b7-8941-3ea10a5586b7',
  /**
   * Ours, of a partition whose file system is not made yet, or not wholly: what is in it is nobody's. It becomes the type that is
   * meant when the file system was made and read again, so a power cut in between is a beginning and never a loss.
   */
  unfinished: '5354ae10-cafe-8d15-8000-737461746563',
} as const;

/** The end of the GUIDs of tables that statectl made: `statec`. */
const OURS = '737461746563';

/** UEFI writes the first three numbers of a GUID with the least byte first. */
const ORDER = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15] as const;

export function guidAt(bytes: Uint8Array, offset: number): string {
  const hex = ORDER.map((at) => (bytes[offset + at] ?? 0).toString(16).padStart(2, '0')).join('');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

export function guidBytes(guid: string): Buffer {
  const plain = Buffer.from(guid.replaceAll('-', ''), 'hex');
  return Buffer.from(ORDER.map((at) => plain[at] ?? 0));
}

/** A GUID of our own making (RFC 9562, version 8) that the same words always give. */
function madeOf(words: readonly string[], end: string): string {
  const hex = createHash('sha256').update(JSON.stringify(words)).digest('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), `8${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`, end].join('-');
}

/**
 * The GUID of the table that statectl makes on a disk. It tells that the table is ours, and by which word a disk with data was
 * replaced: written with the table, in one go, it cannot be lost before it or come after.
 */
export const diskGuid = (serial: string, word: string | undefined): string =>
  madeOf(word === undefined ? ['disk', serial] : ['disk', serial, word], OURS);

export const isOurs = (guid: string): boolean => guid.endsWith(OURS);

export const partitionGuid = (disk: string, label: string): string =>
  madeOf(['partition', disk, label], createHash('sha256').update(`${disk} ${label}`).digest('hex').slice(-12));
