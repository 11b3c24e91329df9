/**
 * The folder that a cache shows, by node:fs and not by the Files port: names are bytes, and one call is one system call, so that a
 * process that is killed at any of them has done a whole one. Nobody but root can reach the folder while it is served.
 */
import {
  type BigIntStats,
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  lchownSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  renameSync,
  rmdirSync,
  statfsSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import type { Account } from '../host/host.ts';
import { CACHE_OWN, GONE } from '../protocol/state/cache.ts';
import { newNames } from './new-names.ts';
import type { LookReal, RealStat } from './union/look.ts';
import type { Attr } from './wire/reply.ts';

const { O_NOFOLLOW, O_RDONLY, O_WRONLY } = constants;

/** Names of what is open and has no other any more. */
const HELD = `${CACHE_OWN}/held`;

/** A file that is open here. */
export interface RealFile {
  stat(): RealStat;
  /** Fills the buffer, as far as there is something; gives how far. */
  read(buffer: Buffer, position: number): number;
  write(data: Buffer, position: number): number;
  truncate(sizeBytes: number): void;
  chmod(mode: number): void;
  sync(): void;
  close(): void;
}

/** Paths are bytes (latin1) below the folder, its own ''. All throw as node:fs does. */
export interface RealFolder extends LookReal {
  open(path: string, how: 'read' | 'write'): RealFile;
  /** A new file of this account. */
  create(path: string, mode: number, account: Account): void;
  /** Folders on the way to a name, of this account, where they are missing. */
  makeAbove(path: string, account: Account): void;
  mkdir(path: string, mode: number, account: Account): void;
  rmdir(path: string): void;
  unlink(path: string): void;
  rename(from: string, to: string): void;
  readlink(path: string): string;
  chmod(path: string, mode: number): void;
  chown(path: string, uid: number, gid: number): void;
  setTimes(path: string, accessedNs: bigint, modifiedNs: bigint): void;
  truncate(path: string, sizeBytes: number): void;
  sync(path: string): void;
  statfs(): Readonly<Record<'blocks' | 'bfree' | 'bavail' | 'files' | 'ffree' | 'bsize', number>>;
  /** A second name of ours for a file that is open, before it loses its own; where it has one it stays. */
  hold(path: string, inode: bigint): void;
  openHeld(inode: bigint, how: 'read' | 'write'): RealFile;
  letGo(inode: bigint): void;
  /** Whoever served before holds nothing any more. */
  letAllGo(): void;
  /** Notes that a name was deleted that was not here, as it is to be found under this id. */
  noteGone(id: string, text: string): void;
  /** What was noted so. */
  gone(): readonly string[];
}

export function realFolder(root: string): RealFolder {
  const top = Buffer.from(`${root}/`);
  const at = (path: string): Buffer => Buffer.concat([top, Buffer.from(path, 'latin1')]);
  makeOwn(root);
  const made = newNames(at);

  function open(path: Buffer, flags: number): RealFile {
    const fd = openSync(path, flags | O_NOFOLLOW);
    return {
      stat: () => statOf(fstatSync(fd, { bigint: true })),
      read: (buffer, position) => readSync(fd, buffer, 0, buffer.length, position),
      write: (data, position) => writeSync(fd, data, 0, data.length, position),
      truncate: (sizeBytes) => ftruncateSync(fd, sizeBytes),
      chmod: (mode) => fchmodSync(fd, mode),
      sync: () => fsyncSync(fd),
      close: () => closeSync(fd),
    };
  }
  const HOW = { read: O_RDONLY, write: O_WRONLY };
  const withOpen = (path: string, how: 'read' | 'write', act: (file: RealFile) => void): void => {
    const file = open(at(path), HOW[how]);
    try {
      act(file);
    } finally {
      file.close();
    }
  };

  return {
    stat(path) {
      const stat = statOrNone(at(path));
      // Pipes and devices are shown to nobody: who opens one waits.
      return stat && (stat.isFile() || stat.isDirectory() || stat.isSymbolicLink()) ? statOf(stat) : undefined;
    },
    list(path) {
      try {
        return readdirSync(at(path), { withFileTypes: true, encoding: 'buffer' }).flatMap((entry) => {
          const type = entry.isFile()
            ? 'file'
            : entry.isDirectory()
              ? 'dir'
              : entry.isSymbolicLink()
                ? 'symlink'
                : undefined;
          return type ? [{ name: entry.name.toString('latin1'), type } as const] : [];
        });
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
        throw error;
      }
    },
    open: (path, how) => open(at(path), HOW[how]),
    create: made.file,
    makeAbove(path, account) {
      const parts = path.split('/').slice(0, -1);
      for (let index = 1; index <= parts.length; index += 1) {
        const folder = parts.slice(0, index).join('/');
        if (!lstatSync(at(folder), { throwIfNoEntry: false })) made.folder(folder, 0o755, account);
      }
    },
    mkdir: made.folder,
    rmdir: (path) => rmdirSync(at(path)),
    unlink: (path) => unlinkSync(at(path)),
    rename: (from, to) => renameSync(at(from), at(to)),
    readlink: (path) => readlinkSync(at(path), { encoding: 'latin1' }),
    // A link that lay here before leads wherever it likes: what is said of it is said of no other file.
    chmod: (path, mode) => withOpen(path, 'read', (file) => file.chmod(mode)),
    chown: (path, uid, gid) => lchownSync(at(path), uid, gid),
    setTimes: (path, accessedNs, modifiedNs) => lutimesSync(at(path), secondsOf(accessedNs), secondsOf(modifiedNs)),
    truncate: (path, sizeBytes) => withOpen(path, 'write', (file) => file.truncate(sizeBytes)),
    sync: (path) => withOpen(path, 'read', (file) => file.sync()),
    statfs: () => statfsSync(root),
    hold(path, inode) {
      try {
        linkSync(at(path), at(`${HELD}/${inode}`));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
    },
    openHeld: (inode, how) => open(at(`${HELD}/${inode}`), HOW[how]),
    letGo(inode) {
      try {
        unlinkSync(at(`${HELD}/${inode}`));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      }
    },
    letAllGo() {
      for (const name of readdirSync(at(HELD))) unlinkSync(at(`${HELD}/${name}`));
    },
    noteGone(id, text) {
      const fresh = at(`${GONE}/${id}.new`);
      writeFileSync(fresh, text);
      renameSync(fresh, at(`${GONE}/${id}`));
    },
    gone: () =>
      readdirSync(at(GONE))
        .filter((name) => !name.endsWith('.new'))
        .flatMap((name) => readOrNone(at(`${GONE}/${name}`))),
  };
}

/** Nothing lies below a file, either. */
function statOrNone(path: Buffer): BigIntStats | undefined {
  try {
    return lstatSync(path, { bigint: true, throwIfNoEntry: false });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOTDIR') return undefined;
    throw error;
  }
}

/** The agent takes it away at any moment, once the server knows of it. */
function readOrNone(path: Buffer): readonly string[] {
  let fd: number;
  try {
    fd = openSync(path, O_RDONLY | O_NOFOLLOW);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  try {
    const text = Buffer.alloc(Number(fstatSync(fd).size));
    return [text.toString('utf8', 0, readSync(fd, text, 0, text.length, 0))];
  } finally {
    closeSync(fd);
  }
}

/** Of root alone: what somebody else made of this name, before the folder was served, is put aside. */
function makeOwn(root: string): void {
  const own = `${root}/${CACHE_OWN}`;
  const stat = lstatSync(own, { throwIfNoEntry: false });
  if (stat && !(stat.isDirectory() && stat.uid === process.geteuid?.() && (stat.mode & 0o077) === 0))
    renameSync(own, `${root}/.statectl-${process.pid}.old`);
  for (const folder of [own, `${root}/${GONE}`, `${root}/${HELD}`]) mkdirSync(folder, { recursive: true, mode: 0o700 });
}

const NS_PER_S = 1e9;
const secondsOf = (ns: bigint): number => Number(ns / 1_000_000_000n) + Number(ns % 1_000_000_000n) / NS_PER_S;

const statOf = (stat: BigIntStats): RealStat => ({
  type: typeOf(stat),
  inode: stat.ino,
  sizeBytes: Number(stat.size),
  mode: Number(stat.mode & 0o7777n),
  uid: Number(stat.uid),
  gid: Number(stat.gid),
  links: Number(stat.nlink),
  accessedNs: stat.atimeNs,
  modifiedNs: stat.mtimeNs,
  changedNs: stat.ctimeNs,
});

const typeOf = (stat: BigIntStats): Attr['type'] =>
  stat.isDirectory() ? 'dir' : stat.isSymbolicLink() ? 'symlink' : 'file';
