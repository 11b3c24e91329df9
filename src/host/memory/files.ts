import { dirname } from 'node:path/posix';
import type { AppendStream, Clock, Files } from '../host.ts';
import { systemError } from '../system-error.ts';
import { find, type Inode, makeInode, type Place, totalBytes, walk } from './tree.ts';
import { watchers } from './watch.ts';

const CHUNK_BYTES = 64 * 1024;

/** A change to the tree, for those who want to know what was done. */
export interface FileEffect {
  readonly effect: 'write' | 'append' | 'overwrite' | 'mkdir' | 'symlink' | 'rename' | 'remove' | 'chmod';
  readonly path: string;
}

export interface MemoryFilesOptions {
  readonly root: Inode;
  readonly clock: Pick<Clock, 'now'>;
  /** Room for all files together; beyond it, ENOSPC. */
  readonly capacityBytes: number;
  readonly record: (effect: FileEffect) => void;
}

/** A file tree with the kernel's answers; permissions are root's, who may do everything. */
export function memoryFiles({ root, clock, capacityBytes, record: keepRecord }: MemoryFilesOptions): Files {
  const { changed, watch } = watchers();
  const record = (effect: FileEffect): void => {
    keepRecord(effect);
    changed(effect.path);
  };

  const touch = (inode: Inode) => {
    inode.mtimeMs = clock.now();
  };
  const put = (parent: Inode, name: string, inode: Inode) => {
    touch(parent);
    parent.entries.set(name, inode);
  };
  const mustFit = (addedBytes: number, path: string) => {
    if (capacityBytes !== Number.POSITIVE_INFINITY && totalBytes(root) + addedBytes > capacityBytes)
      throw systemError('ENOSPC', 'write', path);
  };

  function write(path: string, data: string | Uint8Array, mode = 0o644): void {
    const { parent, name, inode } = walk(root, path, 'nofollow', 'rename');
    mustFit(Buffer.byteLength(data), path);
    if (inode?.type === 'dir') throw systemError('EISDIR', 'rename', path);
    put(parent, name, makeInode('file', { mode, data: Buffer.from(data), mtimeMs: clock.now() }));
  }

  /** As open(2) with O_APPEND | O_CREAT: makes the file, also where a dangling symlink points. */
  function openToAppend(path: string): Inode {
    const place = walk(root, path, 'follow', 'open');
    if (place.inode?.type === 'dir') throw systemError('EISDIR', 'open', path);
    if (place.inode) return place.inode;
    const made = makeInode('file', { mtimeMs: clock.now() });
    put(place.parent, place.name, made);
    return made;
  }

  function append(inode: Inode, path: string, data: string | Uint8Array): void {
    mustFit(Buffer.byteLength(data), path);
    inode.data = Buffer.concat([inode.data, Buffer.from(data)]);
    touch(inode);
  }

  function mkdir(path: string, mode = 0o755): void {
    let place: Place;
    try {
      place = walk(root, path, 'nofollow', 'mkdir');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      mkdir(dirname(path), mode);
      mkdir(path, mode);
      return;
    }
    if (place.inode === undefined) put(place.parent, place.name, makeInode('dir', { mode, mtimeMs: clock.now() }));
    else if (walk(root, path, 'follow', 'mkdir').inode?.type !== 'dir') throw systemError('EEXIST', 'mkdir', path);
  }

  function statOf(path: string): Inode | undefined {
    try {
      return walk(root, path, 'nofollow', 'lstat').inode;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
      throw error;
    }
  }

  /** rename(2). */
  function rename(from: string, to: string): void {
    const source = walk(root, from, 'nofollow', 'rename');
    const target = walk(root, to, 'nofollow', 'rename');
    const moved = source.inode;
    if (moved === undefined) throw systemError('ENOENT', 'rename', from);
    if (moved === target.inode) return;
    if (target.above.includes(moved)) throw systemError('EINVAL', 'rename', from);
    if (target.inode && moved.type === 'dir') {
      if (target.inode.type !== 'dir') throw systemError('ENOTDIR', 'rename', from);
      if (target.inode.entries.size > 0) throw systemError('ENOTEMPTY', 'rename', from);
    } else if (target.inode?.type === 'dir') throw systemError('EISDIR', 'rename', from);
    source.parent.entries.delete(source.name);
    touch(source.parent);
    put(target.parent, target.name, moved);
  }

  function remove(path: string): void {
    const inode = statOf(path);
    if (inode === undefined) return;
    if (inode === root) throw systemError('EBUSY', 'rm', path);
    const { parent, name } = walk(root, path, 'nofollow', 'rm');
    parent.entries.delete(name);
    touch(parent);
  }

  function contents(path: string): Inode {
    const inode = find(root, path, 'follow', 'open');
    if (inode.type === 'dir') throw systemError('EISDIR', 'read', path);
    return inode;
  }

  return {
    read: async (path) => Buffer.from(contents(path).data),
    readText: async (path) => contents(path).data.toString('utf8'),
    async readRegular(path, limitBytes) {
      const { type, mode, uid, gid, mtimeMs, rdev, data } = contents(path);
      if (type !== 'file') throw systemError('EINVAL', 'open', path);
      if (data.length > limitBytes) throw systemError('EFBIG', 'read', path);
      const stat = { type, sizeBytes: data.length, mode, uid, gid, mtimeMs, rdev };
      return { bytes: Buffer.from(data), stat, realPath: path };
    },
    async write(path, data, options) {
      record({ effect: 'write', path });
      write(path, data, options?.mode);
    },
    async append(path, data) {
      record({ effect: 'append', path });
      append(openToAppend(path), path, data);
    },
    async overwrite(path, start, data) {
      record({ effect: 'overwrite', path });
      const inode = find(root, path, 'nofollow', 'open');
      if (inode.type === 'symlink') throw systemError('ELOOP', 'open', path);
      if (inode.type === 'dir') throw systemError('EISDIR', 'open', path);
      if (inode.type !== 'file') throw systemError('EINVAL', 'open', path);
      if (start + data.length > inode.data.length) throw systemError('EFBIG', 'write', path);
      const bytes = Buffer.from(inode.data);
      bytes.set(data, start);
      inode.data = bytes;
      touch(inode);
    },
    async mkdir(path, mode) {
      record({ effect: 'mkdir', path });
      mkdir(path, mode);
    },
    async symlink(target, path) {
      record({ effect: 'symlink', path });
      const { parent, name, inode } = walk(root, path, 'nofollow', 'symlink');
      if (inode) throw systemError('EEXIST', 'symlink', path);
      put(parent, name, makeInode('symlink', { target, mtimeMs: clock.now() }));
    },
    async readlink(path) {
      const inode = find(root, path, 'nofollow', 'readlink');
      if (inode.type !== 'symlink') throw systemError('EINVAL', 'readlink', path);
      return inode.target;
    },
    async list(path) {
      const inode = find(root, path, 'follow', 'scandir');
      if (inode.type !== 'dir') throw systemError('ENOTDIR', 'scandir', path);
      return [...inode.entries.keys()].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    },
    async stat(path) {
      const inode = statOf(path);
      if (inode === undefined) return undefined;
      const { type, mode, uid, gid, mtimeMs, rdev } = inode;
      const sizeBytes = type === 'symlink' ? Buffer.byteLength(inode.target) : type === 'file' ? inode.data.length : 0;
      return { type, sizeBytes, mode, uid, gid, mtimeMs, rdev };
    },
    async rename(from, to) {
      record({ effect: 'rename', path: to });
      rename(from, to);
    },
    async remove(path) {
      record({ effect: 'remove', path });
      remove(path);
    },
    async chmod(path, mode) {
      record({ effect: 'chmod', path });
      find(root, path, 'follow', 'chmod').mode = mode & 0o7777;
    },
    async *watch(path, signal) {
      if (find(root, path, 'follow', 'watch').type !== 'dir') throw systemError('ENOTDIR', 'watch', path);
      yield* watch(path, signal);
    },
    async openTree(path) {
      throw Object.assign(new Error(`ENOTSUP: open folders are the kernel's, open '${path}'`), { code: 'ENOTSUP' });
    },
    async *readStream(path, start = 0) {
      const inode = contents(path);
      // Looked at again for every chunk: what is appended meanwhile is read too, as in the kernel.
      for (let at = start; at < inode.data.length; at += CHUNK_BYTES)
        yield Uint8Array.from(inode.data.subarray(at, at + CHUNK_BYTES));
    },
    async appendStream(path): Promise<AppendStream> {
      record({ effect: 'append', path });
      const inode = openToAppend(path);
      let state: 'open' | 'closed' = 'open';
      const close = async () => {
        state = 'closed';
      };
      return {
        async write(chunk) {
          if (state === 'closed') throw Object.assign(new Error('file closed'), { code: 'EBADF' });
          append(inode, path, chunk);
        },
        close,
        [Symbol.asyncDispose]: close,
      };
    },
  };
}
