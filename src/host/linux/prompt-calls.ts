import {
  chmodSync,
  closeSync,
  fchmodSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import type { FileCalls } from './files.ts';

/**
 * The calls of linuxFiles, each done when it returns: for a boot, which has nothing else to do meanwhile. node:fs/promises
 * hands every call to a thread; measured under TCG, a folder made and journalled costs 3 ms so, 8 ms by threads.
 */
export const promptCalls: FileCalls = {
  chmod: async (path, mode) => chmodSync(path, mode),
  lstat: async (path) => lstatSync(path),
  mkdir: async (path) => mkdirSync(path),
  async open(path, flags, mode) {
    const fd = openSync(path, flags, mode);
    const close = async () => closeSync(fd);
    return {
      chmod: async (bits) => fchmodSync(fd, bits),
      read: async (buffer, offset, length, position) => ({ bytesRead: readSync(fd, buffer, offset, length, position) }),
      sync: async () => fsyncSync(fd),
      writeFile: async (data) => writeFileSync(fd, data),
      close,
      [Symbol.asyncDispose]: close,
    };
  },
  readBytes: async (path) => readFileSync(path),
  readText: async (path) => readFileSync(path, 'utf8'),
  readdir: async (path) => readdirSync(path),
  readlink: async (path) => readlinkSync(path),
  rename: async (from, to) => renameSync(from, to),
  rm: async (path, options) => rmSync(path, options),
  stat: async (path) => statSync(path),
  symlink: async (target, path) => symlinkSync(target, path),
};
