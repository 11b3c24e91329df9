/** Files by name, as they lie in the archive. */
export type Members = ReadonlyMap<string, Uint8Array>;

const BLOCK_BYTES = 512;

const octal = (value: number, digits: number): string => `${value.toString(8).padStart(digits, '0')}\0`;

/** POSIX.1-1988 ustar, https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html: a regular file of nobody, of 1970. */
function header(name: string, sizeBytes: number): Buffer {
  const block = Buffer.alloc(BLOCK_BYTES);
  const fields: readonly (readonly [offset: number, text: string])[] = [
    [0, name],
    [100, octal(0o644, 7)],
    [108, octal(0, 7)],
    [116, octal(0, 7)],
    [124, octal(sizeBytes, 11)],
    [136, octal(0, 11)],
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

const paddingOf = (sizeBytes: number): number => (BLOCK_BYTES - (sizeBytes % BLOCK_BYTES)) % BLOCK_BYTES;

/** The one tar of these members: the same files make the same bytes. */
export function writeTar(members: Members): Buffer {
  const sorted = [...members].sort(([a], [b]) => (a < b ? -1 : 1));
  const blocks = sorted.flatMap(([name, data]) => [
    header(name, data.length),
    data,
    Buffer.alloc(paddingOf(data.length)),
  ]);
  return Buffer.concat([...blocks, Buffer.alloc(2 * BLOCK_BYTES)]);
}

/**
 * Reads what `writeTar` wrote and nothing else: the members are written again, and must be the same bytes. So there are no
 * links, devices, other modes, twins or hidden bytes to look for. Throws an Error that says why these bytes are none.
 */
export function readPlainTar(tar: Buffer, isName: (name: string) => boolean): Members {
  const members = new Map<string, Buffer>();
  for (let at = 0; at < tar.length && tar[at] !== 0; ) {
    const name = tar.toString('latin1', at, at + 100).replace(/\0.*$/s, '');
    const sizeBytes = Number.parseInt(tar.toString('latin1', at + 124, at + 135), 8);
    if (!isName(name)) throw new Error(`${JSON.stringify(name)} is not the name of a member`);
    if (members.has(name)) throw new Error(`there are two ${name}`);
    if (!(sizeBytes <= tar.length)) throw new Error(`${name} has no size`);
    members.set(name, tar.subarray(at + BLOCK_BYTES, at + BLOCK_BYTES + sizeBytes));
    at += BLOCK_BYTES + sizeBytes + paddingOf(sizeBytes);
  }
  if (!writeTar(members).equals(tar)) throw new Error('it has other bytes than its members make');
  return members;
}
