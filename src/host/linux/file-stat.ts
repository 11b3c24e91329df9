import type { Stats } from 'node:fs';
import type { FileType, Stat } from '../host.ts';

const TYPES: readonly (readonly [FileType, (stats: Stats) => boolean])[] = [
  ['file', (stats) => stats.isFile()],
  ['dir', (stats) => stats.isDirectory()],
  ['symlink', (stats) => stats.isSymbolicLink()],
  ['char', (stats) => stats.isCharacterDevice()],
  ['block', (stats) => stats.isBlockDevice()],
  ['fifo', (stats) => stats.isFIFO()],
  ['socket', (stats) => stats.isSocket()],
];

/** gnu_dev_major() and gnu_dev_minor() of glibc, for Linux's 12 and 20 bits. */
const deviceOf = (rdev: number) => ({
  major: (rdev >>> 8) & 0xfff,
  minor: (rdev & 0xff) | ((rdev >>> 12) & 0xfff00),
});

/** What the kernel says of a file, in our words. */
export function statFrom(stats: Stats): Stat {
  return {
    type: TYPES.find(([, matches]) => matches(stats))?.[0] ?? 'file',
    sizeBytes: stats.size,
    mode: stats.mode & 0o7777,
    uid: stats.uid,
    gid: stats.gid,
    mtimeMs: stats.mtimeMs,
    rdev: deviceOf(stats.rdev),
    ...(stats.isFile() && stats.nlink > 1 && { hardLink: stats.ino }),
  };
}
