import { entryOf } from '../entry-of.ts';
import { StatectlError } from '../error.ts';
import { printableLine } from '../printable.ts';

type Reason = readonly [why: string, next: string];

const OWNER = 'run statectl as the owner of it, or as root';
const ROOM = 'make room, and do it again';
const NAME = 'look whether its name is right';

/** What the kernel says of a file that a person named, in our words, and what to do. */
const REASONS: Readonly<Record<string, Reason>> = {
  EACCES: ['permission denied', OWNER],
  EPERM: ['the kernel does not allow it', OWNER],
  EROFS: ['it is on a read-only file system', 'mount that writable, or name another place'],
  ENOSPC: ['no space is left there', ROOM],
  EDQUOT: ['your quota is used up', ROOM],
  EFBIG: ['it is too large', 'name a smaller one, or another file system for it'],
  ENOENT: ['there is no such file or folder', NAME],
  ENOTDIR: ['a folder of this path is a file', NAME],
  EISDIR: ['it is a folder', 'name a file in it'],
  EEXIST: ['something is there already that is in the way', 'look at it with: ls -ld'],
  ENOTEMPTY: ['it is not empty', 'look at it with: ls -la'],
  EINVAL: ['it is no regular file, or its file system cannot do that', 'look at it with: stat'],
  EBUSY: ['it is in use', 'look who uses it with: fuser -v, or whether something is mounted there'],
  EIO: ['the disk cannot be read or written', 'look at what the kernel says of it: dmesg'],
  EMFILE: ['too many files are open', 'do it again when less is under way, or raise the limit: ulimit -n'],
  ENFILE: ['too many files are open on this machine', 'do it again when less is under way'],
  ENAMETOOLONG: ['its name is too long', 'name a shorter one'],
  ELOOP: ['its symbolic links go round in a circle', 'look at them with: namei -l'],
};

/** An error of the kernel about a file, for the operator; undefined for any other. */
export function fileError(error: unknown): StatectlError | undefined {
  const { code, syscall, ...at } = (error ?? {}) as Readonly<Record<'code' | 'syscall' | 'path' | 'dest', unknown>>;
  // symlink(2) names first what the link says.
  const path = syscall === 'symlink' ? (at.dest ?? at.path) : at.path;
  const [why, hint] = entryOf(REASONS, String(code)) ?? [];
  if (why === undefined || hint === undefined || typeof path !== 'string' || typeof syscall !== 'string')
    return undefined;
  return new StatectlError('file-unusable', `${printableLine(path)}: ${why}`, { cause: error, hint });
}

/**
 * Does it, and names the file in what fails. The kernel's answer about an open file has no name, and a temporary file's tells
 * nobody anything.
 */
export async function namingFile<T>(path: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    throw error instanceof Error && 'errno' in error ? Object.assign(error, { path }) : error;
  }
}

/** Of https://www.sqlite.org/rescode.html, the lower byte of its result codes. */
const DATABASE_REASONS: Readonly<Record<number, Reason>> = {
  3: REASONS.EACCES as Reason,
  5: ['another process holds it', 'do it again in a moment; `fuser -v` on the file tells who'],
  6: ['another process holds it', 'do it again in a moment; `fuser -v` on the file tells who'],
  8: ['it cannot be written: a read-only file system, or not yours', OWNER],
  10: [
    'it cannot be read or written: its disk is full, or fails',
    'look at it with df and dmesg; make room, and do it again',
  ],
  11: ['it is damaged', 'restore it from a backup; without it every machine has to be approved anew'],
  13: REASONS.ENOSPC as Reason,
  14: ['it cannot be opened: a read-only file system, or not yours', OWNER],
  26: ['it is no database', 'restore it from a backup; without it every machine has to be approved anew'],
};

function databaseCode(error: unknown): number | undefined {
  const { code, errcode } = (error ?? {}) as { code?: unknown; errcode?: unknown };
  return code === 'ERR_SQLITE_ERROR' && typeof errcode === 'number' ? errcode & 0xff : undefined;
}

/** SQLite could not get a lock that another connection has. */
export const isDatabaseBusy = (error: unknown): boolean => databaseCode(error) === 5;

/** An error of SQLite about a database, for the operator; undefined for any other. */
export function databaseError(error: unknown, path: string): StatectlError | undefined {
  const [why, hint] = DATABASE_REASONS[databaseCode(error) ?? -1] ?? [];
  if (why === undefined || hint === undefined) return undefined;
  return new StatectlError('enrolments-unusable', `${path}: ${why}`, { cause: error, hint });
}
