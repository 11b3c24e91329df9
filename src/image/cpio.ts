import { StatectlError } from '../error.ts';

/**
 * cpio archives in the "newc" format, as the kernel unpacks them into its root: written reproducibly, read strictly.
 * Format: Documentation/driver-api/early-userspace/buffer-format.rst and init/initramfs.c of the kernel.
 */

interface Named {
  /** Relative to the root, without a leading `./`: `usr/bin/sh`. */
  readonly name: string;
}
interface Moded extends Named {
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

/** The numbers of a member's header, as found. */
export interface CpioHeader {
  /** Where the header starts, in bytes from the start of the buffer. */
  readonly offset: number;
  readonly ino: number;
  readonly uid: number;
  readonly gid: number;
  readonly nlink: number;
  readonly mtimeSeconds: number;
}

/** A member as read. Names and targets are decoded as UTF-8; names of other encodings get U+FFFD. */
export type CpioMember = (CpioEntry | (Moded & { readonly type: 'fifo' | 'socket' })) & {
  readonly header: CpioHeader;
  /** Name of the member, earlier in the same archive, whose inode this hard link shares; both then have the same `data`. */
  readonly linkTo?: string;
};

export interface CpioArchive {
  readonly members: readonly CpioMember[];
  /** The first byte after the archive; zero padding is not part of it. */
  readonly endOffset: number;
  /** False when the archive just ends: the kernel accepts that, so a cut between two members looks like this. */
  readonly hasTrailer: boolean;
}

const HEADER_BYTES = 110;
const TRAILER = 'TRAILER!!!';
const BLOCK_BYTES = 512;
/** The size field has 8 hex digits. */
const MAX_MEMBER_BYTES = 0xffff_ffff;
/** PATH_MAX with its NUL: the kernel skips what is longer, silently. */
const MAX_PATH_BYTES = 4096;
/** NAME_MAX: the kernel cannot make a longer one, and says nothing. */
export const MAX_NAME_BYTES = 255;
const FORMAT_MASK = 0o170000;
const TYPE_BITS = {
  file: 0o100000,
  dir: 0o040000,
  symlink: 0o120000,
  char: 0o020000,
  block: 0o060000,
  fifo: 0o010000,
  socket: 0o140000,
} as const;
const TYPE_OF = new Map(Object.entries(TYPE_BITS).map(([type, bits]) => [bits, type as CpioMember['type']]));
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

const damaged = (offset: number, why: string) =>
  new StatectlError('cpio-damaged', `the cpio archive is damaged at byte ${offset}: ${why}`, {
    hint: 'build the image again, or fetch it anew',
  });

interface RawMember {
  readonly name: string;
  readonly mode: number;
  readonly body: Buffer;
  readonly header: CpioHeader;
  readonly rdev: DeviceNumber;
  readonly linkKey: string;
  /** Of the data's padding. */
  readonly endOffset: number;
}

function readMember(buffer: Buffer, offset: number, base: number): RawMember {
  const left = buffer.length - offset;
  if (left < HEADER_BYTES) throw damaged(offset, `it ends inside a header, after ${left} of ${HEADER_BYTES} bytes`);
  const text = buffer.toString('latin1', offset, offset + HEADER_BYTES);
  const magic = text.slice(0, 6);
  if (magic === '070707') throw damaged(offset, 'this is the old "odc" format; make it with `cpio -o -H newc`');
  if (magic !== '070701' && magic !== '070702') throw damaged(offset, `no header here (${JSON.stringify(magic)})`);
  if (!/^[0-9a-fA-F]+$/.test(text)) throw damaged(offset, 'a number of the header is not hexadecimal');
  const field = (index: number) => Number.parseInt(text.slice(6 + index * 8, 14 + index * 8), 16);

  const align = (at: number) => base + Math.ceil((at - base) / 4) * 4;
  const nameBytes = field(11);
  const sizeBytes = field(6);
  const nameEnd = offset + HEADER_BYTES + nameBytes;
  if (nameBytes < 1 || nameBytes > MAX_PATH_BYTES) throw damaged(offset, `a name of ${nameBytes} bytes`);
  if (nameEnd > buffer.length) throw damaged(offset, 'it ends inside a name');
  // Early-microcode tools align data with extra NULs after the name, so it ends at the first.
  const nameField = buffer.subarray(offset + HEADER_BYTES, nameEnd);
  if (nameField.at(-1) !== 0) throw damaged(offset, 'a name without its closing NUL');
  const name = nameField.toString('utf8', 0, nameField.indexOf(0));

  const dataStart = align(nameEnd);
  const missing = dataStart + sizeBytes - buffer.length;
  if (sizeBytes > 0 && missing > 0)
    throw damaged(offset, `${JSON.stringify(name)} has ${sizeBytes} bytes, the last ${missing} are missing`);
  const body = sizeBytes > 0 ? buffer.subarray(dataStart, dataStart + sizeBytes) : NOTHING;
  const mode = field(1);
  if (magic === '070702' && (mode & FORMAT_MASK) === TYPE_BITS.file && sizeBytes > 0) {
    let sum = 0;
    for (const byte of body) sum = (sum + byte) >>> 0;
    if (sum !== field(12)) throw damaged(offset, `the checksum of ${JSON.stringify(name)} does not match`);
  }
  return {
    name,
    mode,
    body,
    header: { offset, ino: field(0), uid: field(2), gid: field(3), nlink: field(4), mtimeSeconds: field(5) },
    rdev: { major: field(9), minor: field(10) },
    linkKey: `${field(7)}:${field(8)}:${field(0)}`,
    endOffset: Math.min(align(dataStart + sizeBytes), buffer.length),
  };
}

function toMember(raw: RawMember): CpioMember {
  const { name, header, body } = raw;
  const type = TYPE_OF.get((raw.mode & FORMAT_MASK) as typeof TYPE_BITS.file);
  const mode = raw.mode & 0o7777;
  if (type === 'file') return { type, name, mode, data: body, header };
  if (type === 'symlink') return { type, name, target: body.toString('utf8').replace(/\0.*$/s, ''), header };
  const why = type === undefined ? `of no known type (mode 0${raw.mode.toString(8)})` : `a ${type} with data`;
  if (type === undefined || body.length > 0) throw damaged(header.offset, `${JSON.stringify(name)} is ${why}`);
  return type === 'char' || type === 'block'
    ? { type, name, mode, rdev: raw.rdev, header }
    : { type, name, mode, header };
}

/**
 * One archive, from `offset` to its trailer, or to the first byte that cannot start a header. Data is not copied. Hard
 * links get the data of the last one that has some, as in the kernel. Throws `cpio-damaged` with the byte's offset.
 */
export function readCpio(buffer: Buffer, offset = 0): CpioArchive {
  const members: CpioMember[] = [];
  const linked = new Map<string, { readonly first: string; data: Buffer; readonly places: number[] }>();
  let hasTrailer = false;
  let at = offset;
  while (!hasTrailer && (at === offset || buffer[at] === 0x30)) {
    const raw = readMember(buffer, at, offset);
    at = raw.endOffset;
    hasTrailer = raw.name === TRAILER;
    if (hasTrailer) break;
    const member = toMember(raw);
    if (member.type === 'file' && member.header.nlink > 1) {
      const group = linked.get(raw.linkKey) ?? { first: member.name, data: NOTHING, places: [] };
      if (member.data.length > 0) group.data = member.data;
      group.places.push(members.length);
      linked.set(raw.linkKey, group);
    }
    members.push(member);
  }
  for (const { first, data, places } of linked.values())
    for (const [index, place] of places.entries()) {
      const member = members[place] as CpioMember;
      members[place] = { ...member, data, ...(index > 0 ? { linkTo: first } : {}) } as CpioMember;
    }
  return { members, endOffset: at, hasTrailer };
}
