import { createHash, type Hash } from 'node:crypto';
import { StatectlError } from '../../error.ts';
import { type OpenRaw, PIECE_BYTES, type RawFile } from '../../host/raw-file.ts';

/** An image by its content, on a partition or in a file; what is after it there does not count. */
export interface RawImage {
  readonly path: string;
  /** Lower-case hex. */
  readonly sha256: string;
  readonly sizeBytes: number;
}

export type Progress = (doneBytes: number) => void;

/** How long work takes is asked of nobody here: it ends by this, or when it is done. */
export interface Reading {
  readonly signal: AbortSignal;
  readonly progress?: Progress | undefined;
  /** Default: new; one that reads several times takes the same. */
  readonly room?: Room;
}

/** Two pieces: one is used while the other is read. */
export type Room = readonly [Buffer, Buffer];
export const makeRoom = (): Room => [Buffer.allocUnsafeSlow(PIECE_BYTES), Buffer.allocUnsafeSlow(PIECE_BYTES)];

const SECTOR_BYTES = 512;
const PAGE_BYTES = 4096;
const HINT = 'dmesg | tail says whether the disk is at fault';

const codeOf = (error: unknown): unknown => (error as { readonly code?: unknown } | undefined)?.code;

/** What the kernel says of a disk, by the sector where it says so; any other error as it is. */
export function diskError(what: string, path: string, at: number, cause: unknown): unknown {
  const code = codeOf(cause);
  if (typeof code !== 'string') return cause;
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return new StatectlError('disk-full', `no room for ${path}, of which ${at} bytes are there`, {
      cause,
      hint: 'make room on that disk; the copy goes on where it was',
    });
  const reason = code === 'EIO' ? 'the disk answers with an error' : (cause as Error).message;
  return new StatectlError(
    'disk-failed',
    `${path} cannot be ${what} at sector ${Math.floor(at / SECTOR_BYTES)} (byte ${at}): ${reason}`,
    { cause, hint: HINT },
  );
}

/** Opens it. Throws `disk-failed` in words that name it. */
export async function opened(open: OpenRaw, path: string, access: Parameters<OpenRaw>[1]): Promise<RawFile> {
  try {
    return await open(path, access);
  } catch (cause) {
    if (access === 'read the disk' && codeOf(cause) === 'ENOTSUP') throw cause;
    const why = codeOf(cause) === 'EBUSY' ? 'it is mounted, or held by something else' : (cause as Error).message;
    throw new StatectlError('disk-failed', `${path} cannot be opened: ${why}`, { cause, hint: HINT });
  }
}

/** The first page that cannot be read: of a piece the kernel says only that it failed. */
async function firstBad(file: RawFile, from: number, bytes: number): Promise<number> {
  const page = Buffer.alloc(PAGE_BYTES);
  for (let at = from; at < from + bytes; at += PAGE_BYTES)
    if (
      !(await file.read(page.subarray(0, Math.min(PAGE_BYTES, from + bytes - at)), at).then(
        () => true,
        () => false,
      ))
    )
      return at;
  return from;
}

/** Fills the buffer from there. Throws `disk-failed`, which names the sector, also where there is less of it. */
export async function readPiece(file: RawFile, path: string, into: Uint8Array, at: number): Promise<void> {
  let bytes: number;
  try {
    bytes = await file.read(into, at);
  } catch (cause) {
    throw diskError('read', path, await firstBad(file, at, into.length), cause);
  }
  if (bytes < into.length)
    throw new StatectlError('disk-failed', `${path} ends after ${at + bytes} bytes`, { hint: HINT });
}

/**
 * Reads an image piece by piece, the next while the last is used; `use` may not keep a piece. Two pieces of memory, however large
 * the image is.
 */
export async function eachPiece(
  file: RawFile,
  { path, sizeBytes }: Pick<RawImage, 'path' | 'sizeBytes'>,
  fromBytes: number,
  { signal, progress, room = makeRoom() }: Reading,
  use: (piece: Buffer, at: number) => Promise<void> | void,
): Promise<void> {
  let turn: 0 | 1 = 0;
  const begin = (at: number) => {
    const piece = room[turn].subarray(0, Math.min(PIECE_BYTES, sizeBytes - at));
    turn = turn === 0 ? 1 : 0;
    const read = at < sizeBytes ? readPiece(file, path, piece, at) : Promise.resolve();
    // Whoever stops before it waits for it has its own error.
    read.catch(() => undefined);
    return { piece, at, read };
  };
  for (let next = begin(fromBytes); next.at < sizeBytes; ) {
    signal.throwIfAborted();
    const { piece, at, read } = next;
    await read;
    next = begin(at + piece.length);
    try {
      await use(piece, at);
    } catch (error) {
      await next.read.catch(() => undefined);
      throw error;
    }
    progress?.(at + piece.length);
  }
}

/** Through the cache, or past it; where no file system helps, through it. */
async function openedAs(open: OpenRaw, path: string, how: 'cached' | 'from the disk'): Promise<RawFile> {
  if (how === 'cached') return opened(open, path, 'read');
  return opened(open, path, 'read the disk').catch((error: unknown) => {
    if (codeOf(error) === 'ENOTSUP') return opened(open, path, 'read');
    throw error;
  });
}

/**
 * Hashes all of an image that is there. Throws `image-altered` where it is another one, `disk-failed` where it cannot be read,
 * the signal's reason. Gives the state of the hash as it was after `stateAt` bytes.
 */
export async function verifyImage(
  open: OpenRaw,
  { path, sha256, sizeBytes }: RawImage,
  how: 'cached' | 'from the disk',
  reading: Reading,
  stateAt = 0,
): Promise<Hash> {
  await using file = await openedAs(open, path, how);
  const altered = (what: string) =>
    new StatectlError('image-altered', `${path} ${what}`, {
      hint: 'this copy is damaged: it is made anew from another one, or fetched from a server',
    });
  if (file.sizeBytes < sizeBytes) throw altered(`has ${file.sizeBytes} bytes of ${sizeBytes}`);
  const hash = createHash('sha256');
  let state = createHash('sha256');
  await eachPiece(file, { path, sizeBytes }, 0, reading, (piece, at) => {
    hash.update(piece);
    if (at + piece.length === stateAt) state = hash.copy();
  });
  const actual = hash.digest('hex');
  if (actual !== sha256) throw altered(`has SHA-256 ${actual}, and should have ${sha256}`);
  return state;
}
