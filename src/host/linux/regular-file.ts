import { fstatSync, readlinkSync } from 'node:fs';
import { constants, type FileHandle, open } from 'node:fs/promises';
import type { RegularFile } from '../host.ts';
import { systemError } from '../system-error.ts';
import { statFrom } from './file-stat.ts';

/** open(2): the file's place alone. Nothing waits for a pipe's other end, and no device notices. */
const O_PATH = 0o10000000;
const CHUNK_BYTES = 64 * 1024;

/** Links are followed, and where they led is in `realPath`. */
export async function readRegular(path: string, limitBytes: number): Promise<RegularFile> {
  await using place = await open(path, O_PATH);
  // What is asked of an open file waits for no disk, and a thread would cost more than the call.
  const stats = fstatSync(place.fd);
  if (stats.isDirectory()) throw systemError('EISDIR', 'read', path);
  if (!stats.isFile()) throw systemError('EINVAL', 'open', path);
  if (stats.size > limitBytes) throw systemError('EFBIG', 'read', path);
  const link = `/proc/self/fd/${place.fd}`;
  const realPath = readlinkSync(link);
  await using file = await open(link, constants.O_RDONLY).catch((error: NodeJS.ErrnoException) => {
    throw Object.assign(error, { path });
  });
  const bytes = await readToEnd(file, Math.max(stats.size + 1, CHUNK_BYTES), limitBytes);
  if (bytes.length > limitBytes) throw systemError('EFBIG', 'read', path);
  return { bytes, stat: statFrom(stats), realPath };
}

/** A read that comes back short has met the end. The size tells how much to ask for, not how much there is: procfs says 0. */
async function readToEnd(file: FileHandle, chunkBytes: number, limitBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for (let total = 0; total <= limitBytes; ) {
    const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(chunkBytes), 0, chunkBytes, null);
    total += bytesRead;
    chunks.push(buffer.subarray(0, bytesRead));
    if (bytesRead < chunkBytes) break;
  }
  return chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks);
}
