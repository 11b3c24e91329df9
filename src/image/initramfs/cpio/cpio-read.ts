import { StatectlError } from '../../../error.ts';
import { type CpioEntry, type DeviceNumber, MAX_PATH_BYTES, type Moded, TRAILER, TYPE_BITS } from './cpio.ts';

/** Reads cpio archives in the "newc" format strictly, as the kernel's init/initramfs.c does. */

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
const FORMAT_MASK = 0o170000;
const TYPE_OF = new Map(Object.entries(TYPE_BITS).map(([type, bits]) => [bits, type as CpioMember['type']]));
const NOTHING = Buffer.alloc(0);

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
