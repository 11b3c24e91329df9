import type { OpenRaw } from '../raw-file.ts';
import { systemError } from '../system-error.ts';
import { find, type Inode, makeInode, walk } from './tree.ts';

/** Partitions (block devices) and files of a tree of memory; what is written is on the disk at once. */
export const memoryOpenRaw =
  (root: Inode, record: (path: string) => void = () => undefined): OpenRaw =>
  async (path, access) => {
    if (access === 'write' && !path.startsWith('/dev/')) {
      const { parent, name, inode } = walk(root, path, 'nofollow', 'open');
      if (!inode) parent.entries.set(name, makeInode('file', { mode: 0o600 }));
    }
    const inode = find(root, path, 'follow', 'open');
    if (inode.type !== 'file' && inode.type !== 'block') throw systemError('EINVAL', 'open', path);
    const isFile = inode.type === 'file';
    return {
      get sizeBytes() {
        return inode.data.length;
      },
      identity: path,
      freeBytes: isFile ? Number.MAX_SAFE_INTEGER / 2 : 0,
      read: async (into, at) => inode.data.copy(into, 0, at, at + into.length),
      async write(bytes, at) {
        if (access !== 'write') throw systemError('EACCES', 'write', path);
        record(path);
        const end = at + bytes.length;
        if (end > inode.data.length && !isFile) throw systemError('ENOSPC', 'write', path);
        const data = Buffer.alloc(Math.max(inode.data.length, end));
        inode.data.copy(data);
        data.set(bytes, at);
        inode.data = data;
      },
      sync: async () => undefined,
      async setSize(bytes) {
        if (isFile) inode.data = Buffer.concat([inode.data, Buffer.alloc(bytes)]).subarray(0, bytes);
      },
      async [Symbol.asyncDispose]() {},
    };
  };
