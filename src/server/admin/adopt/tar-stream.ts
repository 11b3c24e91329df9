import { StatectlError } from '../../../error.ts';

/** A member of an archive, as its header says. */
export interface TarMember {
  readonly name: string;
  /** `file`, or what else it is. */
  readonly type: 'file' | 'other';
  readonly sizeBytes: number;
}

const BLOCK = 512;
/** Names and times of one member; a kernel allows 4 KiB of a name. */
const MOST_EXTRA_BYTES = 64 << 10;

/**
 * Reads an archive as it comes: ustar, with the long names of GNU and pax (POSIX.1-2001). `take` gets every member with its bytes,
 * of which it need not read any; names are given as they stand and nothing is made of them. What ends early, or has more than
 * `mostBytes`, is an error. Throws `adopt-archive`.
 */
export async function readTarStream(
  chunks: AsyncIterable<Uint8Array>,
  mostBytes: number,
  take: (member: TarMember, body: AsyncIterable<Uint8Array>) => Promise<void>,
): Promise<void> {
  const source = bounded(chunks, mostBytes);
  let extra: { name?: string; sizeBytes?: number } = {};
  for (;;) {
    const block = await source.exactly(BLOCK);
    if (block.every((byte) => byte === 0)) break;
    const header = headerOf(block);
    const padded = (sizeBytes: number) => Math.ceil(sizeBytes / BLOCK) * BLOCK;
    if (header.type === 'L' || header.type === 'K' || header.type === 'x' || header.type === 'g') {
      if (header.sizeBytes > MOST_EXTRA_BYTES) throw broken(`a member has ${header.sizeBytes} bytes of names`);
      const said = (await source.exactly(padded(header.sizeBytes))).subarray(0, header.sizeBytes);
      if (header.type === 'L') extra = { ...extra, name: said.toString('utf8').replace(/\0[\s\S]*$/, '') };
      if (header.type === 'x') extra = { ...extra, ...paxOf(said) };
      continue;
    }
    const { name = header.name, sizeBytes = header.sizeBytes } = extra;
    extra = {};
    const isFile = header.type === '0' || header.type === '\0' || header.type === '7';
    // Of a link or a device a size says nothing: no bytes follow.
    const follows = isFile || !/^[1-6]$/.test(header.type) ? sizeBytes : 0;
    let left = follows;
    async function* body(): AsyncIterable<Uint8Array> {
      while (left > 0) {
        const chunk = await source.some(left);
        left -= chunk.length;
        yield chunk;
      }
    }
    await take({ name, type: isFile ? 'file' : 'other', sizeBytes }, body());
    for await (const _ of body());
    await source.exactly(padded(follows) - follows);
  }
  // What comes behind it, blocks of zeros, is read so that the program can end.
  await source.drain();
}

function headerOf(block: Buffer): { name: string; type: string; sizeBytes: number } {
  const said = Number.parseInt(block.toString('latin1', 148, 156), 8);
  const sum = block.reduce((all, byte, at) => all + (at >= 148 && at < 156 ? 0x20 : byte), 0);
  if (sum !== said) throw broken('a header has another sum than it says');
  const text = (from: number, to: number) => block.toString('utf8', from, to).replace(/\0[\s\S]*$/, '');
  const prefix = text(257, 262) === 'ustar' && block[263] === 0x30 ? text(345, 500) : '';
  const name = text(0, 100);
  return {
    name: prefix === '' ? name : `${prefix}/${name}`,
    type: String.fromCharCode(block[156] ?? 0),
    sizeBytes: numberAt(block, 124, 136),
  };
}

/** Octal, or of GNU a number in base 256. */
function numberAt(block: Buffer, from: number, to: number): number {
  if (((block[from] ?? 0) & 0x80) === 0) {
    const text = block
      .toString('latin1', from, to)
      .replace(/\0[\s\S]*$/, '')
      .trim();
    if (!/^[0-7]*$/.test(text)) throw broken('a size is no number');
    return text === '' ? 0 : Number.parseInt(text, 8);
  }
  const value = block.subarray(from + 1, to).reduce((all, byte) => all * 256 + byte, (block[from] ?? 0) & 0x3f);
  if (!Number.isSafeInteger(value)) throw broken('a size is larger than any file');
  return value;
}

/** `LENGTH KEY=VALUE\n`, where the length counts all of it. */
function paxOf(said: Buffer): { name?: string; sizeBytes?: number } {
  const found: { name?: string; sizeBytes?: number } = {};
  for (let at = 0; at < said.length; ) {
    const [, digits = ''] = /^(\d{1,9}) /.exec(said.toString('latin1', at, at + 10)) ?? [];
    const length = Number(digits);
    if (digits === '' || length <= digits.length + 1 || at + length > said.length)
      throw broken('its names cannot be read');
    const record = said.toString('utf8', at + digits.length + 1, at + length - 1);
    const equals = record.indexOf('=');
    const [key, value] = [record.slice(0, equals), record.slice(equals + 1)];
    if (key === 'path') found.name = value;
    if (key === 'size') {
      if (!/^\d{1,15}$/.test(value)) throw broken('a size is no number');
      found.sizeBytes = Number(value);
    }
    at += length;
  }
  return found;
}

/** Bytes of a stream, as many as are wanted; never more than `mostBytes` in all. */
function bounded(chunks: AsyncIterable<Uint8Array>, mostBytes: number) {
  const iterator = chunks[Symbol.asyncIterator]();
  let rest = Buffer.alloc(0);
  let bytes = 0;
  const more = async (): Promise<boolean> => {
    const next = await iterator.next();
    if (next.done) return false;
    bytes += next.value.length;
    if (bytes > mostBytes) {
      await iterator.return?.();
      throw broken(`it has more than the ${mostBytes} bytes that the files have`);
    }
    rest = rest.length === 0 ? Buffer.from(next.value) : Buffer.concat([rest, next.value]);
    return true;
  };
  const some = async (most: number): Promise<Buffer> => {
    while (rest.length === 0) if (!(await more())) throw broken('it ends in the middle');
    const chunk = rest.subarray(0, most);
    rest = rest.subarray(chunk.length);
    return chunk;
  };
  return {
    some,
    async exactly(count: number): Promise<Buffer> {
      const parts: Buffer[] = [];
      for (let left = count; left > 0; ) {
        const part = await some(left);
        parts.push(part);
        left -= part.length;
      }
      return Buffer.concat(parts);
    },
    async drain(): Promise<void> {
      for (;;) {
        rest = Buffer.alloc(0);
        if (!(await more())) return;
      }
    },
  };
}

const broken = (why: string): StatectlError =>
  new StatectlError('adopt-archive', `the archive that the host sends is none: ${why}`, {
    hint: 'run it again; if that is how it stays, look at the tar and the shell of that host',
  });
