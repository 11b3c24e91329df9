import { constants, type Stats } from 'node:fs';
import { type FileHandle, open, readFile, statfs } from 'node:fs/promises';
import { type OpenRaw, PIECE_BYTES, type RawAccess, type RawFile } from '../raw-file.ts';
import { systemError } from '../system-error.ts';
import { statFrom } from './file-stat.ts';

const { O_CREAT, O_DIRECT, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_RDWR } = constants;
const PAGE_BYTES = 4096;
/** malloc(3) gives places that are a multiple of it. */
const ALIGNED_BYTES = 16;

const FLAGS: Readonly<Record<RawAccess, number>> = {
  read: O_RDONLY,
  'read the disk': O_RDONLY | O_DIRECT,
  write: O_RDWR,
};

/** Partitions and files in their place, by node:fs. */
export const openRaw: OpenRaw = async (path, access) => {
  // udev's names of partitions are links; nobody but root makes any in /dev.
  const inDev = path.startsWith('/dev/');
  const follow = O_NONBLOCK | (inDev ? 0 : O_NOFOLLOW);
  // O_EXCL without O_CREAT: a block device that is mounted or held is refused, open(2). In /dev no file is made by mistake.
  const make = access !== 'write' ? 0 : inDev ? O_EXCL : O_CREAT;
  const handle = await open(path, FLAGS[access] | follow | make, 0o600).catch((error: NodeJS.ErrnoException) => {
    throw access === 'read the disk' && error.code === 'EINVAL' ? systemError('ENOTSUP', 'open', path) : error;
  });
  try {
    const stats = await handle.stat();
    if (!stats.isFile() && !stats.isBlockDevice()) throw systemError('EINVAL', 'open', path);
    const window = access === 'read the disk' ? await directWindow(handle, path) : undefined;
    return rawFile(handle, stats, path, window);
  } catch (error) {
    await handle.close();
    throw error;
  }
};

async function rawFile(handle: FileHandle, stats: Stats, path: string, window: Buffer | undefined): Promise<RawFile> {
  const { type, rdev } = statFrom(stats);
  const device = type === 'block' ? `${rdev.major}:${rdev.minor}` : undefined;
  const { bavail, bsize } = device ? { bavail: 0, bsize: 0 } : await statfs(path);
  return {
    sizeBytes: device ? await partitionBytes(device) : stats.size,
    identity: device ? `device ${device}` : `file ${stats.dev} ${stats.ino}`,
    freeBytes: bavail * bsize,
    async read(into, at) {
      if (!window) return readWhole(handle, into, at);
      const bytes = await readWhole(handle, window.subarray(0, roundUp(into.length)), at);
      const some = Math.min(bytes, into.length);
      window.copy(into, 0, 0, some);
      return some;
    },
    async write(bytes, at) {
      for (let done = 0; done < bytes.length; )
        done += (await handle.write(bytes, done, bytes.length - done, at + done)).bytesWritten;
    },
    sync: () => handle.datasync(),
    async setSize(bytes) {
      if (!device) await handle.truncate(bytes);
    },
    [Symbol.asyncDispose]: () => handle.close(),
  };
}

async function readWhole(handle: FileHandle, into: Uint8Array, at: number): Promise<number> {
  for (let done = 0; ; ) {
    const { bytesRead } = await handle.read(into, done, into.length - done, at + done);
    done += bytesRead;
    // O_DIRECT goes on at whole sectors alone: a short one was the last.
    if (bytesRead === 0 || done === into.length || done % PAGE_BYTES !== 0) return done;
  }
}

const roundUp = (bytes: number): number => Math.ceil(bytes / PAGE_BYTES) * PAGE_BYTES;

/**
 * Memory that O_DIRECT takes: it has to begin at a sector's multiple, and where it begins nobody tells JavaScript. So it is tried.
 * ENOTSUP where no place does: the file system has no O_DIRECT.
 */
async function directWindow(handle: FileHandle, path: string): Promise<Buffer> {
  const room = Buffer.allocUnsafeSlow(PIECE_BYTES + PAGE_BYTES);
  for (let start = 0; start < PAGE_BYTES; start += ALIGNED_BYTES) {
    const window = room.subarray(start, start + PIECE_BYTES);
    try {
      await handle.read(window, 0, PAGE_BYTES, 0);
      return window;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      // It was taken, and the disk failed: whoever reads there will hear of it.
      if (code === 'EIO') return window;
      if (code !== 'EINVAL') throw error;
    }
  }
  throw systemError('ENOTSUP', 'read', path);
}

/** In sysfs sectors have 512 bytes, whatever they have on the disk. */
const partitionBytes = async (device: string): Promise<number> =>
  Number(await readFile(`/sys/dev/block/${device}/size`, 'utf8')) * 512;
