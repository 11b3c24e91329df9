/** Files by name, as they lie in the archive. */
export type Members = ReadonlyMap<string, Uint8Array>;

export const BLOCK_BYTES = 512;

const octal = (value: number, digits: number): string => `${value.toString(8).padStart(digits, '0')}\0`;

const NAME_BYTES = 100;
const PREFIX_AT = 345;
const PREFIX_BYTES = 155;

/** A name as its two fields: a long one is parted at a slash. Throws an Error where there is no room for it. */
function namedBy(path: string): readonly [name: Buffer, prefix: Buffer] {
  const bytes = Buffer.from(path);
  if (bytes.length <= NAME_BYTES) return [bytes, Buffer.alloc(0)];
  const slash = bytes.indexOf('/', bytes.length - NAME_BYTES - 1);
  const prefix = bytes.subarray(0, slash);
  if (slash > 0 && slash < bytes.length - 1 && prefix.length <= PREFIX_BYTES)
    return [bytes.subarray(slash + 1), prefix];
  throw new Error(`${JSON.stringify(path)} is too long a name`);
}

/** Whether the name of a file has room in such an archive. */
export function hasTarName(path: string): boolean {
  try {
    return path !== '' && namedBy(path).length > 0;
  } catch {
    return false;
  }
}

/** POSIX.1-1988 ustar, https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html: a regular file of nobody, by default of 1970. */
export function tarHeader(path: string, sizeBytes: number, { mode = 0o644, mtimeMs = 0 } = {}): Buffer {
  const block = Buffer.alloc(BLOCK_BYTES);
  const [name, prefix] = namedBy(path);
  name.copy(block);
  prefix.copy(block, PREFIX_AT);
  const fields: readonly (readonly [offset: number, text: string])[] = [
    [100, octal(mode, 7)],
    [108, octal(0, 7)],
    [116, octal(0, 7)],
    [124, octal(sizeBytes, 11)],
    [136, octal(Math.max(0, Math.floor(mtimeMs / 1000)), 11)],
    [148, ' '.repeat(8)],
    [156, '0'],
    [257, 'ustar\x0000'],
    [329, octal(0, 7)],
    [337, octal(0, 7)],
  ];
  for (const [offset, text] of fields) block.write(text, offset, 'latin1');
  // The sum is made with blanks in its own place.
  block.write(
    `${octal(
      block.reduce((sum, byte) => sum + byte, 0),
      6,
    )} `,
    148,
    'latin1',
  );
  return block;
}

/** What is missing to whole blocks. */
export const tarPadding = (sizeBytes: number): number => (BLOCK_BYTES - (sizeBytes % BLOCK_BYTES)) % BLOCK_BYTES;

/** The one tar of these members: the same files make the same bytes. Throws an Error that names one whose name has no room. */
export function writeTar(members: Members): Buffer {
  const sorted = [...members].sort(([a], [b]) => (a < b ? -1 : 1));
  const blocks = sorted.flatMap(([name, data]) => [
    tarHeader(name, data.length),
    data,
    Buffer.alloc(tarPadding(data.length)),
  ]);
  return Buffer.concat([...blocks, Buffer.alloc(2 * BLOCK_BYTES)]);
}

const textAt = (tar: Buffer, at: number, bytes: number): string =>
  tar.toString('utf8', at, at + bytes).replace(/\0.*$/s, '');

/** Of the header that begins there; size in bytes, NaN where it says none. */
export const tarSize = (tar: Buffer, at: number): number =>
  Number.parseInt(tar.toString('latin1', at + 124, at + 135), 8);

export function tarName(tar: Buffer, at: number): string {
  const prefix = textAt(tar, at + PREFIX_AT, PREFIX_BYTES);
  return `${prefix}${prefix === '' ? '' : '/'}${textAt(tar, at, NAME_BYTES)}`;
}

/**
 * Reads what `writeTar` wrote and nothing else: the members are written again, and must be the same bytes. So there are no
 * links, devices, other modes, twins or hidden bytes to look for. Throws an Error that says why these bytes are none.
 */
export function readPlainTar(tar: Buffer, isName: (name: string) => boolean): Members {
  const members = new Map<string, Buffer>();
  for (let at = 0; at < tar.length && tar[at] !== 0; ) {
    if (tar.toString('latin1', at + 257, at + 262) !== 'ustar') throw new Error('it is no tar of this program');
    const name = tarName(tar, at);
    const sizeBytes = tarSize(tar, at);
    if (!isName(name)) throw new Error(`${JSON.stringify(name)} is not the name of a member`);
    if (members.has(name)) throw new Error(`there are two ${name}`);
    if (!(sizeBytes <= tar.length)) throw new Error(`${name} has no size`);
    members.set(name, tar.subarray(at + BLOCK_BYTES, at + BLOCK_BYTES + sizeBytes));
    at += BLOCK_BYTES + sizeBytes + tarPadding(sizeBytes);
  }
  if (!writeTar(members).equals(tar)) throw new Error('it has other bytes than its members make');
  return members;
}
