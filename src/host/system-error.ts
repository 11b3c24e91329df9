import { constants } from 'node:os';

const REASONS = {
  EACCES: 'permission denied',
  EBUSY: 'resource busy or locked',
  EDQUOT: 'disk quota exceeded',
  EEXIST: 'file already exists',
  EFBIG: 'file too large',
  EINVAL: 'invalid argument',
  EISDIR: 'illegal operation on a directory',
  ELOOP: 'too many symbolic links encountered',
  ENOENT: 'no such file or directory',
  ENOSPC: 'no space left on device',
  ENOTDIR: 'not a directory',
  ENOTEMPTY: 'directory not empty',
  EPERM: 'operation not permitted',
  EROFS: 'read-only file system',
  EIO: 'i/o error',
  ENOTSUP: 'operation not supported on socket',
  ESTALE: 'stale file handle',
} as const;

type Code = keyof typeof REASONS;

/** An error as node:fs makes it. */
export function systemError(code: Code, call: string, path: string): NodeJS.ErrnoException {
  const error: NodeJS.ErrnoException = new Error(`${code}: ${REASONS[code]}, ${call} '${path}'`);
  return Object.assign(error, { code, errno: -constants.errno[code], syscall: call, path });
}

/** What strerror(3) of LC_ALL=C, mv and dash call otherwise than libuv does. */
const OTHER_WORDS: Readonly<Partial<Record<Code, readonly string[]>>> = {
  EEXIST: ['file exists'],
  EISDIR: ['is a directory', 'cannot overwrite directory'],
  ELOOP: ['too many levels of symbolic links'],
  EIO: ['input/output error'],
  ENOENT: ['directory nonexistent'],
};

/** The error that a program of coreutils met, by its words: `mv: cannot …: No space left on device`. */
export function systemErrorIn(text: string, call: string, path: string): NodeJS.ErrnoException {
  const said = text.trim().toLowerCase();
  const codes = Object.keys(REASONS) as readonly Code[];
  const code = codes.find((one) =>
    [REASONS[one], ...(OTHER_WORDS[one] ?? [])].some((words) => said.includes(`: ${words}`)),
  );
  if (code) return systemError(code, call, path);
  return Object.assign(new Error(`${call} '${path}': ${text.trim() || 'it failed and did not say why'}`), {
    syscall: call,
    path,
  });
}
