import { isStatectlError, StatectlError } from '../error.ts';
import type { Host, RunOptions, RunResult } from '../host/host.ts';

/** The programs that building takes from the admin's machine, and the Debian package of each. */
const DEBIAN_PACKAGES = {
  bzip2: 'bzip2',
  chmod: 'coreutils',
  cp: 'coreutils',
  depmod: 'kmod',
  find: 'findutils',
  'fsck.erofs': 'erofs-utils',
  gzip: 'gzip',
  id: 'coreutils',
  lz4: 'lz4',
  lzop: 'lzop',
  mknod: 'coreutils',
  'mkfs.erofs': 'erofs-utils',
  mksquashfs: 'squashfs-tools',
  mmdebstrap: 'mmdebstrap',
  patchelf: 'patchelf',
  strip: 'binutils',
  tar: 'tar',
  uname: 'coreutils',
  unsquashfs: 'squashfs-tools',
  xz: 'xz-utils',
  zstd: 'zstd',
} as const;
export type HostProgram = keyof typeof DEBIAN_PACKAGES;

/** What to do about programs that are not there. */
export const installHint = (programs: readonly HostProgram[]): string =>
  `needs ${programs.join(', ')}: apt install ${[...new Set(programs.map((program) => DEBIAN_PACKAGES[program]))].join(' ')}`;

const isMissing = (error: unknown): boolean => isStatectlError(error) && error.code === 'program-missing';

const missing = (programs: readonly HostProgram[], cause?: unknown): StatectlError =>
  new StatectlError('program-missing', `this machine lacks ${programs.join(', ')}`, {
    cause,
    hint: installHint(programs),
  });

/** Looks for programs before work that takes minutes. Throws `program-missing`, which names all of them. */
export async function requirePrograms({ exec }: Pick<Host, 'exec'>, programs: readonly HostProgram[]): Promise<void> {
  const lacking: HostProgram[] = [];
  // What it answers does not matter, only that it can be started.
  for (const program of programs)
    await exec.run([program, '--version']).catch((error: unknown) => {
      if (!isMissing(error)) throw error;
      lacking.push(program);
    });
  if (lacking.length > 0) throw missing(lacking);
}

/**
 * Runs a program that must succeed; its standard output. Throws `program-missing`, and `build-failed` with the last lines
 * of what it printed.
 */
export async function runProgram(
  { exec }: Pick<Host, 'exec'>,
  argv: readonly [HostProgram, ...string[]],
  options: RunOptions & { readonly hint?: string } = {},
): Promise<string> {
  const { hint, ...runOptions } = options;
  const result = await exec.run(argv, runOptions).catch((error: unknown) => {
    throw isMissing(error) ? missing([argv[0]], error) : error;
  });
  if (result.exitCode === 0) return result.stdout;
  throw new StatectlError('build-failed', `${argv[0]} failed: ${reasonIn(result)}`, { hint });
}

const LONGEST_LINE = 200;

/** What it calls errors, the first of which is the cause; without any, its last words. */
function reasonIn({ stderr, stdout, exitCode }: RunResult): string {
  const said = `${stderr}\n${stdout}`.split(/[\r\n]/).filter((line) => line.trim() !== '');
  const errors = said.filter((line) => /^(E|error|fatal error): /i.test(line)).slice(0, 3);
  const lines = errors.length > 0 ? errors : said.slice(-3);
  return lines.map((line) => line.slice(0, LONGEST_LINE)).join(' / ') || `exit status ${exitCode}`;
}
