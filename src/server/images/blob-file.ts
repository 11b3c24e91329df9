/**
 * Large files are read by node:fs and not by the Files port: a blob is streamed with a start and an end, hashed while it is
 * copied, and read from one open file even when its name goes away meanwhile.
 */
import { createHash, randomBytes } from 'node:crypto';
import { constants, type ReadStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { reasonOf, StatectlError } from '../../error.ts';
import { fileError, namingFile } from '../../host/file-error.ts';
import type { Files } from '../../host/host.ts';

export interface Digest {
  /** Lower-case hex. */
  readonly sha256: string;
  readonly sizeBytes: number;
}

export const sameDigest = (a: Digest, b: Digest): boolean => a.sha256 === b.sha256 && a.sizeBytes === b.sizeBytes;

const CHUNK_BYTES = 1024 * 1024;
/** Enough to see what a file is. */
const LOOKED_AT_BYTES = 4096;

/** A regular file that is open, however its name changes now. */
interface Source extends AsyncDisposable {
  readonly path: string;
  readonly handle: FileHandle;
  readonly sizeBytes: number;
}

const HINT = 'an image folder has the files that its manifest.json names; build it again with `statectl build image`';
const incomplete = (path: string, why: string, cause?: unknown) =>
  new StatectlError('image-incomplete', `${path} cannot be read: ${why}`, { cause, hint: HINT });

/** `followed`: the operator named this very file. */
export type Links = 'refused' | 'followed';

export interface Opening {
  readonly links?: Links;
  /** Sees how the file begins, and its size, before the rest is read; what it throws ends the reading. */
  readonly look?: (start: Buffer, sizeBytes: number) => void;
}

/**
 * Opens a file of a folder that may be another person's. A link would publish what its owner cannot read himself, a pipe
 * be waited for, a device never end: only a regular file is taken, and usually no link in its place. Throws
 * `image-incomplete`, `file-unusable`, and what `look` throws.
 */
async function openSource(path: string, { links = 'refused', look }: Opening = {}): Promise<Source> {
  const { O_RDONLY, O_NONBLOCK, O_NOFOLLOW } = constants;
  let handle: FileHandle;
  try {
    // O_NONBLOCK: opening a pipe would wait for who writes.
    handle = await open(path, O_RDONLY | O_NONBLOCK | (links === 'refused' ? O_NOFOLLOW : 0));
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ELOOP') throw incomplete(path, 'it is a symbolic link, which may lead to anything', cause);
    throw (code === 'ENOENT' ? undefined : fileError(cause)) ?? incomplete(path, reasonOf(cause), cause);
  }
  try {
    const stats = await handle.stat();
    if (!stats.isFile()) throw incomplete(path, 'it is no regular file');
    if (look) {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(LOOKED_AT_BYTES), 0, LOOKED_AT_BYTES, 0);
      look(buffer.subarray(0, bytesRead), stats.size);
    }
    return { path, handle, sizeBytes: stats.size, [Symbol.asyncDispose]: () => handle.close() };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** Hashes a file from its start to its end; `take` gets every chunk before the next is read, and may not keep it. */
async function digestOf(
  { path, handle, sizeBytes: knownBytes }: Source,
  take?: (chunk: Buffer) => Promise<unknown>,
): Promise<Digest> {
  const hash = createHash('sha256');
  const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
  for (let sizeBytes = 0; ; ) {
    const { bytesRead } = await handle.read(buffer, 0, CHUNK_BYTES, sizeBytes);
    if (bytesRead === 0) return { sha256: hash.digest('hex'), sizeBytes };
    const chunk = buffer.subarray(0, bytesRead);
    hash.update(chunk);
    await take?.(chunk);
    sizeBytes += bytesRead;
    // It would never end of a file that somebody writes on.
    if (sizeBytes > knownBytes) throw incomplete(path, 'it grows while it is read');
  }
}

/** Reads the whole file. Throws as `openSource`. */
export async function digestFile(path: string, opening?: Opening): Promise<Digest> {
  await using source = await openSource(path, opening);
  return await digestOf(source);
}

/** A file that is read whole. Throws as `openSource`, and `image-incomplete` when it is larger. */
export async function readSmallFile(path: string, mostBytes: number): Promise<Buffer> {
  await using source = await openSource(path);
  if (source.sizeBytes > mostBytes) throw incomplete(path, `it has ${source.sizeBytes} bytes, that is too many`);
  const { buffer, bytesRead } = await source.handle.read(Buffer.alloc(source.sizeBytes), 0, source.sizeBytes, 0);
  return buffer.subarray(0, bytesRead);
}

async function writeCopy(files: Pick<Files, 'appendStream'>, source: Source, path: string): Promise<Digest> {
  const naming = <T>(act: () => Promise<T>): Promise<T> => namingFile(dirname(path), act);
  await using target = await naming(() => files.appendStream(path));
  const digest = await digestOf(source, (chunk) => naming(() => target.write(chunk)));
  await naming(() => target.close());
  return digest;
}

/**
 * Copies a file, hashing what it writes, and gives it the name that `nameOf` makes of the digest. The name appears only
 * when every byte is on the disk; when `nameOf` throws (a wrong digest), nothing remains. Throws as `openSource`.
 */
export async function copyHashed(
  files: Pick<Files, 'appendStream' | 'rename' | 'remove'>,
  from: string,
  folder: string,
  nameOf: (digest: Digest) => string,
  opening?: Opening,
): Promise<Digest> {
  const temporary = join(folder, randomBytes(8).toString('hex'));
  try {
    await using source = await openSource(from, opening);
    const digest = await writeCopy(files, source, temporary);
    await files.rename(temporary, nameOf(digest));
    return digest;
  } catch (error) {
    await files.remove(temporary);
    throw error;
  }
}

/** A file that is being served: its size is known, and it can be streamed once. Dispose it when it is not streamed. */
export interface OpenFile extends AsyncDisposable {
  readonly sizeBytes: number;
  /** From `start` to `end`, both inclusive. The stream closes the file at its end and when it is destroyed. */
  stream(start: number, end: number): ReadStream;
}

/** undefined when no regular file is there. */
export async function openFile(path: string): Promise<OpenFile | undefined> {
  let handle: FileHandle;
  try {
    handle = await open(path, 'r');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
  const stats = await handle.stat();
  const close = () => handle.close();
  if (!stats.isFile()) {
    await close();
    return undefined;
  }
  return {
    sizeBytes: stats.size,
    stream: (start, end) => handle.createReadStream({ start, end, highWaterMark: CHUNK_BYTES / 4 }),
    [Symbol.asyncDispose]: close,
  };
}
