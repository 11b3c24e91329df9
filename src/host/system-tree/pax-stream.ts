import { createHash, type Hash, hash } from 'node:crypto';
import { entryOf } from '../../entry-of.ts';
import type { EntryType, TreeEntry, Xattr } from './tree-entry.ts';

const BLOCK_BYTES = 512;
/** Names of 4096 bytes and xattrs of 64 KiB each fit; more is no header. */
const MOST_HEADER_BYTES = 4 << 20;

const TYPES: Readonly<Record<string, EntryType>> = {
  ...{ '0': 'file', '\0': 'file', '1': 'file', '2': 'symlink', '3': 'char', '4': 'block', '5': 'dir', '6': 'fifo' },
};
const XATTR = 'SCHILY.xattr.';

export interface PaxParser {
  /** Entries that end in this piece of the stream. Throws an Error for what is no such stream. */
  feed(chunk: Uint8Array): readonly TreeEntry[];
  /** Throws an Error where the stream was cut. */
  end(): void;
}

/** Numbers of ustar: octal, or where that has no room, base-256 after a first bit (GNU). */
function numberAt(block: Buffer, at: number, bytes: number): number {
  if ((block[at] ?? 0) & 0x80) {
    let value = (block[at] ?? 0) & 0x7f;
    for (let next = at + 1; next < at + bytes; next += 1) value = value * 256 + (block[next] ?? 0);
    return value;
  }
  const text = textAt(block, at, bytes).trim();
  const value = text === '' ? 0 : /^[0-7]+$/.test(text) ? Number.parseInt(text, 8) : Number.NaN;
  if (!Number.isSafeInteger(value)) throw new Error(`"${text}" in a header of tar is no number`);
  return value;
}

function textAt(block: Buffer, at: number, bytes: number): string {
  const end = block.indexOf(0, at);
  return block.toString('latin1', at, end < 0 || end > at + bytes ? at + bytes : end);
}

/** `./usr/bin/` is /usr/bin, `./` the root. */
function pathOf(name: string): string {
  const path = name.replace(/^\.(?=\/|$)/, '').replace(/\/+$/, '');
  if (path === '') return '/';
  if (!path.startsWith('/') || /\/(?:\.{0,2})(?:\/|$)/.test(path))
    throw new Error(`${JSON.stringify(name)} is no name below the tree`);
  return path;
}

/** Records of an extended header: `LENGTH KEY=VALUE\n`; values are bytes. POSIX.1-2001, pax(1). */
function recordsIn(data: Buffer): Map<string, string> {
  const records = new Map<string, string>();
  for (let at = 0; at < data.length; ) {
    const space = data.indexOf(0x20, at);
    const length = Number(data.toString('latin1', at, space));
    const equals = data.indexOf(0x3d, space);
    if (space < 0 || equals < 0 || !(length > 3) || equals >= at + length || data[at + length - 1] !== 0x0a)
      throw new Error('an extended header of tar is damaged');
    records.set(data.toString('latin1', space + 1, equals), data.toString('latin1', equals + 1, at + length - 1));
    at += length;
  }
  return records;
}

/** GNU tar writes `=` and `%` in the name of an xattr as `%3D` and `%25`. */
const decoded = (name: string): string => name.replace(/%3D/g, '=').replace(/%25/g, '%');

function xattrsIn(records: ReadonlyMap<string, string>): readonly Xattr[] {
  const found: Xattr[] = [];
  for (const [key, value] of records)
    if (key.startsWith(XATTR)) found.push([decoded(key.slice(XATTR.length)), value] as const);
  return found.sort(([a], [b]) => (a < b ? -1 : 1));
}

/** What a header and its extension say, without the content. */
function entryIn(block: Buffer, records: ReadonlyMap<string, string>): { entry: TreeEntry; sizeBytes: number } {
  const flag = String.fromCharCode(block[156] ?? 0);
  const type = entryOf(TYPES, flag);
  if (type === undefined) throw new Error(`tar has something of the kind ${JSON.stringify(flag)}`);
  const number = (key: string, at: number) => Number(records.get(key) ?? numberAt(block, at, key === 'size' ? 12 : 8));
  const prefix = textAt(block, 345, 155);
  const name = records.get('path') ?? `${prefix}${prefix === '' ? '' : '/'}${textAt(block, 0, 100)}`;
  const link = records.get('linkpath') ?? textAt(block, 157, 100);
  const xattrs = xattrsIn(records);
  const sizeBytes = flag === '1' ? 0 : number('size', 124);
  const entry: TreeEntry = {
    path: pathOf(name),
    type,
    mode: numberAt(block, 100, 8) & 0o7777,
    uid: number('uid', 108),
    gid: number('gid', 116),
    ...(flag === '1' && { hardLink: pathOf(link) }),
    ...(type === 'symlink' && { target: link }),
    ...((type === 'char' || type === 'block') && {
      rdev: { major: numberAt(block, 329, 8), minor: numberAt(block, 337, 8) },
    }),
    ...(xattrs.length > 0 && { xattrs }),
  };
  return { entry, sizeBytes };
}

/**
 * Reads what `tar --format=pax` of GNU prints, and hashes each file as it comes: nothing of it is kept. Whatever tar meets in a
 * hostile tree, an entry is what that name is, since tar follows no link. Pure but for the bytes it holds.
 */
export function paxParser(): PaxParser {
  let rest: Buffer = Buffer.alloc(0);
  let isOver = false;
  let records: ReadonlyMap<string, string> = new Map();
  let leftBytes = 0;
  let paddingBytes = 0;
  let take: (piece: Buffer, isLast: boolean) => TreeEntry | undefined = () => undefined;

  /** Of an extended header: held until it is whole. */
  function takeHeader(flag: string): typeof take {
    const pieces: Buffer[] = [];
    return (piece, isLast) => {
      pieces.push(Buffer.from(piece));
      // `g` is about all that follows, and nothing that is asked for here is ever in it.
      if (isLast && flag === 'x') records = recordsIn(Buffer.concat(pieces));
      return undefined;
    };
  }

  function takeContent(entry: TreeEntry, sizeBytes: number): typeof take {
    if (entry.type !== 'file' || entry.hardLink !== undefined) return (_, isLast) => (isLast ? entry : undefined);
    let running: Hash | undefined;
    return (piece, isLast) => {
      if (isLast && running === undefined) return { ...entry, sizeBytes, sha256: hash('sha256', piece) };
      running ??= createHash('sha256');
      running.update(piece);
      return isLast ? { ...entry, sizeBytes, sha256: running.digest('hex') } : undefined;
    };
  }

  /** After it so many bytes of content are to come. */
  function begin(block: Buffer): void {
    if (block.toString('latin1', 257, 262) !== 'ustar') throw new Error('it is no stream of tar');
    const flag = String.fromCharCode(block[156] ?? 0);
    let sizeBytes: number;
    if (flag === 'x' || flag === 'g') {
      sizeBytes = numberAt(block, 124, 12);
      if (sizeBytes > MOST_HEADER_BYTES) throw new Error(`an extended header of tar has ${sizeBytes} bytes`);
      take = takeHeader(flag);
    } else {
      const found = entryIn(block, records);
      records = new Map();
      sizeBytes = found.sizeBytes;
      take = takeContent(found.entry, sizeBytes);
    }
    leftBytes = sizeBytes;
    paddingBytes = (BLOCK_BYTES - (sizeBytes % BLOCK_BYTES)) % BLOCK_BYTES;
  }

  return {
    feed(chunk) {
      const entries: TreeEntry[] = [];
      const data =
        rest.length === 0 ? Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length) : Buffer.concat([rest, chunk]);
      let at = 0;
      const pass = (most: number) => {
        const piece = data.subarray(at, at + Math.min(most, data.length - at));
        at += piece.length;
        return piece;
      };
      while (!isOver) {
        if (leftBytes > 0) {
          const piece = pass(leftBytes);
          if (piece.length === 0) break;
          leftBytes -= piece.length;
          const entry = take(piece, leftBytes === 0);
          if (entry) entries.push(entry);
          continue;
        }
        if (paddingBytes > 0) {
          paddingBytes -= pass(paddingBytes).length;
          if (paddingBytes > 0) break;
        }
        if (data.length - at < BLOCK_BYTES) break;
        const block = pass(BLOCK_BYTES);
        // Two blocks of zeros, and what fills the last record.
        if (block[0] === 0) {
          isOver = true;
          break;
        }
        begin(block);
        if (leftBytes > 0) continue;
        const entry = take(Buffer.alloc(0), true);
        if (entry) entries.push(entry);
      }
      rest = isOver ? Buffer.alloc(0) : Buffer.from(data.subarray(at));
      return entries;
    },
    end() {
      if (!isOver) throw new Error('the stream of tar was cut');
    },
  };
}
