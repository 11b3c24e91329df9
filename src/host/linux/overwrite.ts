import { constants, type FileHandle, open } from 'node:fs/promises';
import { systemError } from '../system-error.ts';

/** What O_DIRECT may ask of a buffer's address and of a position: a block of any disk. */
const BLOCK_BYTES = 4096;
/** Of an allocated buffer, nothing else is known of its address. */
const STEP_BYTES = 16;

/** Nothing waits for a pipe's other end. Links are not followed. */
const FLAGS = constants.O_RDWR | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** Puts bytes over those of a file, waits until they are on its disk, and reads them from there. See `Files`. */
export async function overwrite(path: string, start: number, data: Uint8Array): Promise<void> {
  {
    await using file = await open(path, FLAGS);
    const stats = await file.stat();
    if (stats.isDirectory()) throw systemError('EISDIR', 'open', path);
    if (!stats.isFile()) throw systemError('EINVAL', 'open', path);
    if (start + data.length > stats.size) throw systemError('EFBIG', 'write', path);
    for (let done = 0; done < data.length; ) {
      const { bytesWritten } = await file.write(data, done, data.length - done, start + done);
      done += bytesWritten;
    }
    await file.datasync();
  }
  const back = (await readPastCache(path, start, data.length)) ?? (await readCached(path, start, data.length));
  if (!back.equals(data)) throw systemError('EIO', 'read back', path);
}

/** undefined where this file system, or these places, allow no direct reading. */
async function readPastCache(path: string, start: number, length: number): Promise<Buffer | undefined> {
  if (start % BLOCK_BYTES !== 0 || length % BLOCK_BYTES !== 0) return undefined;
  try {
    await using file = await open(path, FLAGS | constants.O_DIRECT);
    const room = Buffer.allocUnsafeSlow(length + BLOCK_BYTES);
    // Nobody says where a buffer lies: where it does not suit the disk, the kernel answers EINVAL.
    for (let at = 0; at < BLOCK_BYTES; at += STEP_BYTES) {
      const part = room.subarray(at, at + length);
      const bytesRead = await readAligned(file, part, start);
      if (bytesRead !== undefined) return part.subarray(0, bytesRead);
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EINVAL') throw error;
  }
  return undefined;
}

async function readAligned(file: FileHandle, part: Buffer, start: number): Promise<number | undefined> {
  try {
    return (await file.read(part, 0, part.length, start)).bytesRead;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EINVAL') return undefined;
    throw error;
  }
}

async function readCached(path: string, start: number, length: number): Promise<Buffer> {
  await using file = await open(path, FLAGS);
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, start);
  return buffer.subarray(0, bytesRead);
}
