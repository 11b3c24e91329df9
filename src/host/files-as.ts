import { dirname } from 'node:path/posix';
import type { Account, AppendStream, Files, Host } from './host.ts';
import { systemError, systemErrorIn } from './system-error.ts';

/** Done by the shell and coreutils: a process cannot take another account's rights for one call and one thread. */
const SCRIPTS = {
  write: `umask 077
file=$(mktemp "$2/.statectl-XXXXXXXXXXXX.tmp") || exit
if cat > "$file" && chmod "$3" "$file" && sync "$file" && mv -fT -- "$file" "$1"; then sync "$2"
else status=$?; rm -f -- "$file"; exit "$status"; fi`,
  append: 'cat >> "$1" && sync "$1" "$2"',
  overwrite: 'dd of="$1" oflag=seek_bytes,nofollow seek="$3" conv=notrunc,fdatasync status=none',
  mkdir: 'umask "$3"; mkdir -p -- "$1" && sync "$2"',
  symlink: 'ln -sT -- "$3" "$1" && sync "$2"',
  rename: '[ "$3" = "$1" ] || { mv -fT -- "$3" "$1" && sync "$2"; }',
  remove: 'rm -rf -- "$1" && sync "$2"',
  chmod: 'chmod "$3" -- "$1"',
} as const;

/** Of what is taken in whole. */
const WRITE_MS = 60_000;
/** Each append is a program, and waits for the disk. */
const APPEND_BYTES = 8 << 20;

const octal = (mode: number): string => mode.toString(8);

/**
 * Files that are changed with the rights of an account alone, so that no link of theirs leads root anywhere. Looks are our
 * own. Errors are those of node:fs, by the words of the program that met them.
 */
export function filesAs({ files, exec }: Pick<Host, 'files' | 'exec'>, as: Account): Files {
  const run = async (call: keyof typeof SCRIPTS, path: string, word = '', input: string | Uint8Array = '') => {
    const { exitCode, stderr } = await exec.run(['sh', '-c', SCRIPTS[call], 'sh', path, dirname(path), word], {
      as,
      input,
      env: { LC_ALL: 'C' },
      timeoutMs: WRITE_MS,
    });
    if (exitCode !== 0) throw systemErrorIn(stderr, call, path);
  };
  const append = (path: string, data: string | Uint8Array) => run('append', path, '', data);
  return {
    ...files,
    write: (path, data, { mode = 0o644 } = {}) => run('write', path, octal(mode), data),
    append,
    async overwrite(path, start, data) {
      const { bytes } = await files.readRegular(path, Number.MAX_SAFE_INTEGER);
      if (start + data.length > bytes.length) throw systemError('EFBIG', 'write', path);
      await run('overwrite', path, String(start), data);
    },
    mkdir: (path, mode = 0o755) => run('mkdir', path, octal(0o777 & ~mode)),
    async symlink(target, path) {
      await run('symlink', path, target).catch(async (error: unknown) => {
        throw (await files.stat(path)) ? systemError('EEXIST', 'symlink', path) : error;
      });
    },
    rename: (from, to) => run('rename', to, from),
    async remove(path) {
      if (await files.stat(path)) await run('remove', path);
    },
    chmod: (path, mode) => run('chmod', path, octal(mode)),
    async appendStream(path): Promise<AppendStream> {
      await append(path, '');
      let waiting: Uint8Array[] = [];
      let bytes = 0;
      const flush = async (): Promise<void> => {
        const all = Buffer.concat(waiting);
        waiting = [];
        bytes = 0;
        if (all.length > 0) await append(path, all);
      };
      return {
        async write(chunk) {
          // Who writes may use the bytes again.
          waiting.push(Uint8Array.from(chunk));
          bytes += chunk.length;
          if (bytes >= APPEND_BYTES) await flush();
        },
        close: flush,
        [Symbol.asyncDispose]: flush,
      };
    },
  };
}
