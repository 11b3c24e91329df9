import { StatectlError } from '../error.ts';
import { printableLine } from '../printable.ts';

/** What the kernel says of a file that a person named, in our words, and what to do. */
const REASONS: Readonly<Record<string, readonly [why: string, next: string]>> = {
  EACCES: ['permission denied', 'run statectl as the owner of it, or as root'],
  EPERM: ['the kernel does not allow it', 'run statectl as the owner of it, or as root'],
  EROFS: ['it is on a read-only file system', 'mount that writable, or name another place'],
  ENOSPC: ['no space is left there', 'make room, and do it again'],
  EDQUOT: ['your quota is used up', 'make room, and do it again'],
  ENOENT: ['there is no such file or folder', 'look whether its name is right'],
  ENOTDIR: ['a folder of this path is a file', 'look whether its name is right'],
  EISDIR: ['it is a folder', 'name a file in it'],
  ENAMETOOLONG: ['its name is too long', 'name a shorter one'],
  ELOOP: ['its symbolic links go round in a circle', 'look at them with: namei -l'],
};

/** An error of the kernel about a file, for the operator; undefined for any other. */
export function fileError(error: unknown): StatectlError | undefined {
  const { code, path, syscall } = (error ?? {}) as { code?: unknown; path?: unknown; syscall?: unknown };
  const [why, hint] = REASONS[String(code)] ?? [];
  if (why === undefined || hint === undefined || typeof path !== 'string' || typeof syscall !== 'string')
    return undefined;
  return new StatectlError('file-unusable', `${printableLine(path)}: ${why}`, { cause: error, hint });
}
