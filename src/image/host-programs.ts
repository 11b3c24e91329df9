import { isStatectlError, StatectlError } from '../error.ts';
import type { Host, RunOptions } from '../host/host.ts';
import { byLine } from './progress.ts';

/** The programs that building takes from the admin's machine, and the Debian package of each. */
const DEBIAN_PACKAGES = {
  bzip2: 'bzip2',
  chmod: 'coreutils',
  cp: 'coreutils',
  depmod: 'kmod',
  find: 'findutils',
  'fsck.erofs': 'erofs-utils',
  'grub-mkimage': 'grub-common',
  gzip: 'gzip',
  id: 'coreutils',
  lz4: 'lz4',
  lzop: 'lzop',
  mknod: 'coreutils',
  'mkfs.erofs': 'erofs-utils',
  mksquashfs: 'squashfs-tools',
  mmdebstrap: 'mmdebstrap',
  mount: 'mount',
  patchelf: 'patchelf',
  strip: 'binutils',
  tar: 'tar',
  touch: 'coreutils',
  umount: 'mount',
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

/** Lines of a program's standard error that are no warnings. */
const CHATTER: Partial<Record<HostProgram, RegExp>> = {
  // The latter two are of how it works, and of folders that the tree of tools has not: nothing of them is in what is built.
  mmdebstrap: /^(?!W: )|^W: (Download is performed unsandboxed|skipping mounting of )/,
  // What --checkpoint-action=echo=%u prints.
  tar: /^tar: \d+$/,
};
/** Of a packer that ends with success: words by which a file is not in the image, or not as it was. */
const LOST = /creating empty file|failed to read|, ignoring|(cannot|could not|couldn't) (l?stat|open|read)/i;
const PACKERS: ReadonlySet<string> = new Set(['mksquashfs', 'mkfs.erofs']);
/** What a program's words mean to the person who builds, where they do not say it. */
const MEANINGS: readonly (readonly [words: RegExp, meaning: string])[] = [
  [/xattr prefix system\.posix_acl/i, 'access lists (ACLs) of files are not kept: --type erofs keeps them'],
];
const SHOWN_LINES = 5;
/** Of a program whose output goes elsewhere as it comes: enough for what apt says before its last word. */
const REMEMBERED_LINES = 400;

const linesOf = (text: string): readonly string[] => text.split(/[\r\n]/).filter((line) => line.trim() !== '');
/** Names in what a program says are of a foreign tree: they must not steer the terminal. */
const shown = (line: string): string => line.slice(0, LONGEST_LINE).replace(/[\0-\x1f\x7f-\x9f]/g, ' ');
const meaningOf = (line: string): string => {
  const meaning = MEANINGS.find(([words]) => words.test(line))?.[1];
  return meaning === undefined ? shown(line) : `${shown(line)} (${meaning})`;
};

/**
 * Runs a program that must succeed; its standard output. What it warns of is shown, though it succeeds. Throws
 * `program-missing`, and `build-failed` with the last lines of what it printed, or with what a packer could not keep.
 */
export async function runProgram(
  { exec, console }: Pick<Host, 'exec'> & Partial<Pick<Host, 'console'>>,
  argv: readonly [HostProgram, ...string[]],
  options: RunOptions & { readonly hint?: string } = {},
): Promise<string> {
  const { hint, onOutput, ...runOptions } = options;
  const heard: string[] = [];
  const hear = byLine((line) => {
    heard.push(line);
    if (heard.length > REMEMBERED_LINES) heard.shift();
  });
  const listening = onOutput && {
    onOutput: (text: string) => {
      hear(text);
      onOutput(text);
    },
  };
  const result = await exec.run(argv, { ...runOptions, ...listening }).catch((error: unknown) => {
    throw isMissing(error) ? missing([argv[0]], error) : error;
  });
  hear('\n');
  const [program] = argv;
  const warnings = linesOf(result.stderr).filter((line) => !CHATTER[program]?.test(line));
  if (result.exitCode !== 0) {
    const said = [...linesOf(result.stderr), ...linesOf(result.stdout), ...heard];
    const reason = reasonIn(said, warnings, result.exitCode);
    throw new StatectlError('build-failed', `${program} failed: ${reason}`, {
      hint: /no space left on device/i.test(reason) ? 'make room, and do it again' : hint,
    });
  }
  const lost = PACKERS.has(program) ? warnings.filter((line) => LOST.test(line)) : [];
  if (lost.length > 0)
    throw new StatectlError(
      'build-failed',
      `${program} cannot keep ${lost.length === 1 ? 'a file' : `${lost.length} files`}: ${lost.slice(0, 3).map(shown).join(' / ')}`,
      { hint: 'mend these files of the tree, or leave them out with --exclude' },
    );
  for (const line of warnings.slice(0, SHOWN_LINES)) console?.line('warning', `${program}: ${meaningOf(line)}`);
  if (warnings.length > SHOWN_LINES)
    console?.line('warning', `${program}: ${warnings.length - SHOWN_LINES} more warnings, ${warnings.length} in all`);
  return result.stdout;
}

const LONGEST_LINE = 200;
/** apt says why in lines of their own, before it says that it cannot. */
const UNMET = 'The following packages have unmet dependencies:';

/** What it calls errors, the first of which is the cause; without any, the last of what it complains of, or of its words. */
function reasonIn(said: readonly string[], warnings: readonly string[], exitCode: number): string {
  const start = said.indexOf(UNMET) + 1;
  const end = said.findIndex((line, index) => index >= start && !/^\s/.test(line));
  const unmet = start === 0 ? [] : said.slice(start, end < 0 ? undefined : end).slice(0, 5);
  const errors = [...new Set(said.filter((line) => /^(E|error|fatal error): /i.test(line)))].slice(0, 3);
  const lines = errors.length > 0 ? [...unmet, ...errors] : (warnings.length > 0 ? warnings : said).slice(-3);
  return lines.map((line) => shown(line).trim()).join(' / ') || `exit status ${exitCode}`;
}
