/**
 * Large files by node:fs and not by the Files port: a blob is streamed with a start and an end, hashed while it is copied,
 * and read from one open file even when its name goes away meanwhile. Nothing else of the server touches node:fs.
 */
import { createHash, randomBytes } from 'node:crypto';
import type { ReadStream } from 'node:fs';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { reasonOf, StatectlError } from '../error.ts';

export interface Digest {
  /** Lower-case hex. */
  readonly sha256: string;
  readonly sizeBytes: number;
}

export const sameDigest = (a: Digest, b: Digest): boolean => a.sha256 === b.sha256 && a.sizeBytes === b.sizeBytes;

const CHUNK_BYTES = 1024 * 1024;

async function openSource(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'r');
  } catch (cause) {
    throw new StatectlError('image-incomplete', `${path} cannot be read: ${reasonOf(cause)}`, {
      cause,
      hint: 'an image folder has the files that its manifest.json names; build it again with `statectl build image`',
    });
  }
}

/** Hashes a file from its start to its end; `take` gets every chunk before the next is read, and may not keep it. */
async function digestOf(source: FileHandle, take?: (chunk: Buffer) => Promise<unknown>): Promise<Digest> {
  const hash = createHash('sha256');
  const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
  for (let sizeBytes = 0; ; ) {
    const { bytesRead } = await source.read(buffer, 0, CHUNK_BYTES, null);
    if (bytesRead === 0) return { sha256: hash.digest('hex'), sizeBytes };
    const chunk = buffer.subarray(0, bytesRead);
    hash.update(chunk);
    await take?.(chunk);
    sizeBytes += bytesRead;
  }
}

/** Reads the whole file. Throws `image-incomplete` when it cannot be read. */
export async function digestFile(path: string): Promise<Digest> {
  await using source = await openSource(path);
  return await digestOf(source);
}

async function syncFolder(path: string): Promise<void> {
  await using folder = await open(path, 'r');
  await folder.sync();
}

async function writeCopy(source: FileHandle, path: string): Promise<Digest> {
  await using target = await open(path, 'wx', 0o644);
  const digest = await digestOf(source, (chunk) => target.writeFile(chunk));
  await target.sync();
  return digest;
}

/**
 * Copies a file, hashing what it writes, and gives it the name that `nameOf` makes of the digest. The name appears only
 * when every byte is on the disk; when `nameOf` throws (a wrong digest), nothing remains.
 */
export async function copyHashed(from: string, folder: string, nameOf: (digest: Digest) => string): Promise<Digest> {
  const temporary = join(folder, randomBytes(8).toString('hex'));
  try {
    await using source = await openSource(from);
    const digest = await writeCopy(source, temporary);
    const name = nameOf(digest);
    await rename(temporary, name);
    await syncFolder(dirname(name));
    return digest;
  } catch (error) {
    await rm(temporary, { force: true });
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
