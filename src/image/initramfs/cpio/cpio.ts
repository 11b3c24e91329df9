import { StatectlError } from '../../../error.ts';

/**
 * cpio archives in the "newc" format, as the kernel unpacks them into its root: written reproducibly; cpio-read.ts reads them.
 * Format: Documentation/driver-api/early-userspace/buffer-format.rst and init/initramfs.c of the kernel.
 */

interface Named {
  /** Relative to the root, without a leading `./`: `usr/bin/sh`. */
  readonly name: string;
}
export interface Moded extends Named {
  /** Permission bits; what is beyond 0o7777 is masked off when written. */
  readonly mode: number;
}
export interface DeviceNumber {
  readonly major: number;
  readonly minor: number;
}

export type CpioEntry =
  | (Moded & { readonly type: 'file'; readonly data: Buffer })
  | (Moded & { readonly type: 'dir' })
  | (Named & { readonly type: 'symlink'; readonly target: string })
  | (Moded & { readonly type: 'char' | 'block'; readonly rdev: DeviceNumber });

export const TRAILER = 'TRAILER!!!';
const BLOCK_BYTES = 512;
/** The size field has 8 hex digits. */
const MAX_MEMBER_BYTES = 0xffff_ffff;
/** PATH_MAX with its NUL: the kernel skips what is longer, silently. */
export const MAX_PATH_BYTES = 4096;
/** NAME_MAX: the kernel cannot make a longer one, and says nothing. */
export const MAX_NAME_BYTES = 255;
export const TYPE_BITS = {
  file: 0o100000,
  dir: 0o040000,
  symlink: 0o120000,
  char: 0o020000,
  block: 0o060000,
  fifo: 0o010000,
  socket: 0o140000,
} as const;
const NOTHING = Buffer.alloc(0);

const paddingTo = (multiple: number, sizeBytes: number): Buffer =>
  Buffer.alloc((multiple - (sizeBytes % multiple)) % multiple);

const refuse = (name: string, why: string, hint?: string) =>
  new StatectlError('cpio-entry', `cannot put ${JSON.stringify(name)} into a cpio archive: ${why}`, { hint });

function checkEntry(entry: CpioEntry): void {
  const { name } = entry;
  if (name.split('/').some((part) => part === '' || part === '.' || part === '..'))
    throw refuse(
      name,
      'the name is not plain and relative',
      'write it like "usr/bin/sh": no leading "/" or "./", no ".."',
    );
  if (name.split('/').some((part) => Buffer.byteLength(part) > MAX_NAME_BYTES))
    throw refuse(name, `a file name has at most ${MAX_NAME_BYTES} bytes`);
  if (name === TRAILER) throw refuse(name, 'that name marks the end of an archive');
  const texts = entry.type === 'symlink' ? [name, entry.target] : [name];
  for (const text of texts) {
    if (text.includes('\0') || !text.isWellFormed()) throw refuse(name, 'it holds a NUL or an unpaired surrogate');
    if (Buffer.byteLength(text) >= MAX_PATH_BYTES) throw refuse(name, `a path has at most ${MAX_PATH_BYTES - 1} bytes`);
  }
  if (entry.type === 'symlink' && entry.target === '') throw refuse(name, 'a symlink needs a target');
  if (entry.type === 'file' && entry.data.length > MAX_MEMBER_BYTES)
    throw refuse(name, 'the format ends at 4 GiB - 1', 'keep the file outside the initramfs, or split it');
}

/** Checked, with their missing parents, sorted by bytes: "a" is a prefix of "a/b", so parents come first. */
function arrange(entries: Iterable<CpioEntry>): CpioEntry[] {
  const byName = new Map<string, CpioEntry>();
  for (const entry of entries) {
    checkEntry(entry);
    if (byName.has(entry.name)) throw refuse(entry.name, 'it is there twice');
    byName.set(entry.name, entry);
  }
  for (const { name } of [...byName.values()])
    for (let slash = name.lastIndexOf('/'); slash > 0; slash = name.lastIndexOf('/', slash - 1)) {
      const parent = name.slice(0, slash);
      const found = byName.get(parent);
      // The kernel would look through a symlink whose target may come later in the archive, and then drop the member.
      if (found && found.type !== 'dir') throw refuse(name, `its parent ${JSON.stringify(parent)} is a ${found.type}`);
      byName.set(parent, found ?? { type: 'dir', name: parent, mode: 0o755 });
    }
  const keyed = [...byName.values()].map((entry) => ({ entry, key: Buffer.from(entry.name) }));
  return keyed.sort((a, b) => a.key.compare(b.key)).map(({ entry }) => entry);
}

/** Header, name and padding. Owner and mtime are 0 and inodes are counted, so that the same content gives the same bytes. */
function head(name: string, ino: number, mode: number, nlink: number, sizeBytes: number, rdev?: DeviceNumber): Buffer {
  const nameBytes = Buffer.byteLength(name) + 1;
  const numbers = [ino, mode, 0, 0, nlink, 0, sizeBytes, 0, 0, rdev?.major ?? 0, rdev?.minor ?? 0, nameBytes, 0];
  const hex = numbers.map((number) => number.toString(16).toUpperCase().padStart(8, '0')).join('');
  const text = Buffer.from(`070701${hex}${name}\0`);
  return Buffer.concat([text, paddingTo(4, text.length)]);
}

/**
 * The archive in pieces, to be written one after the other: a file's `data` is passed on, not copied. Ends with the
 * trailer, padded to 512 bytes. Throws `cpio-entry` before the first piece.
 */
export function* cpioChunks(entries: Iterable<CpioEntry>): Generator<Buffer, void, undefined> {
  let totalBytes = 0;
  let ino = 0;
  for (const entry of arrange(entries)) {
    const body = entry.type === 'file' ? entry.data : entry.type === 'symlink' ? Buffer.from(entry.target) : NOTHING;
    const mode = TYPE_BITS[entry.type] | (entry.type === 'symlink' ? 0o777 : entry.mode & 0o7777);
    ino += 1;
    const pieces = [
      head(entry.name, ino, mode, entry.type === 'dir' ? 2 : 1, body.length, 'rdev' in entry ? entry.rdev : undefined),
      body,
      paddingTo(4, body.length),
    ];
    for (const piece of pieces)
      if (piece.length > 0) {
        totalBytes += piece.length;
        yield piece;
      }
  }
  const trailer = head(TRAILER, 0, 0, 1, 0);
  yield Buffer.concat([trailer, paddingTo(BLOCK_BYTES, totalBytes + trailer.length)]);
}

/** The whole archive in one buffer; each file's data is copied once. Throws `cpio-entry`. */
export const writeCpio = (entries: Iterable<CpioEntry>): Buffer => Buffer.concat([...cpioChunks(entries)]);
