import { constants } from 'node:os';

const REASONS = {
  EBUSY: 'resource busy or locked',
  EEXIST: 'file already exists',
  EINVAL: 'invalid argument',
  EISDIR: 'illegal operation on a directory',
  ELOOP: 'too many symbolic links encountered',
  ENOENT: 'no such file or directory',
  ENOSPC: 'no space left on device',
  ENOTDIR: 'not a directory',
  ENOTEMPTY: 'directory not empty',
  EIO: 'i/o error',
} as const;

/** An error as node:fs makes it. */
export function systemError(code: keyof typeof REASONS, call: string, path: string): NodeJS.ErrnoException {
  const error: NodeJS.ErrnoException = new Error(`${code}: ${REASONS[code]}, ${call} '${path}'`);
  return Object.assign(error, { code, errno: -constants.errno[code], syscall: call, path });
}
