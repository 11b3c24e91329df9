import { dirname } from 'node:path/posix';
import { entryOf } from '../../entry-of.ts';
import type { Files } from '../../host/host.ts';
import { onMachine, resolveInTree } from '../../host/tree.ts';
import { patternOf } from '../../name-pattern.ts';
import { readInTree } from '../tree/tree-content.ts';
import type { ElfInfo } from './elf.ts';

/** Where the dynamic linker of a tree looks for libraries, beyond what the programs themselves say. */

/** Debian's names, https://wiki.debian.org/Multiarch/Tuples; the others are `<machine>-linux-gnu`. */
const MULTIARCH: Readonly<Record<string, readonly string[]>> = {
  arm: ['arm-linux-gnueabihf', 'arm-linux-gnueabi'],
  mips64el: ['mips64el-linux-gnuabi64'],
  ppc: ['powerpc-linux-gnu'],
  ppc64: ['powerpc64-linux-gnu'],
  ppc64le: ['powerpc64le-linux-gnu'],
  x32: ['x86_64-linux-gnux32'],
};

/** What ld.so has for `$PLATFORM` (AT_PLATFORM) where it differs from the machine's name. */
export const PLATFORMS: Readonly<Record<string, string>> = { arm: 'v7l', i386: 'i686' };

const multiarchOf = (machine: string): readonly string[] => entryOf(MULTIARCH, machine) ?? [`${machine}-linux-gnu`];

/** The values of `$LIB`: Debian's, and the others'. */
export const libDirs = ({ bits, machine }: ElfInfo): string[] => [
  ...multiarchOf(machine).map((tuple) => `lib/${tuple}`),
  ...(bits === 64 ? ['lib64'] : ['lib32']),
  'lib',
];

async function linesOf(files: Files, root: string, path: string): Promise<string[]> {
  return (await readInTree(files, root, path))?.toString('utf8').split('\n') ?? [];
}

/** The folders of ld.so.conf(5) and its includes, in ldconfig(8)'s order. */
async function configuredDirs(files: Files, root: string, path = '/etc/ld.so.conf', depth = 0): Promise<string[]> {
  const dirs: string[] = [];
  for (const line of await linesOf(files, root, path)) {
    const [word, ...rest] = line
      .replace(/#.*/, '')
      .trim()
      .split(/[\s:,]+/);
    if (word === 'include' && depth < 8) {
      for (const pattern of rest)
        for (const file of await globIn(files, root, pattern.startsWith('/') ? pattern : `${dirname(path)}/${pattern}`))
          dirs.push(...(await configuredDirs(files, root, file, depth + 1)));
    } else if (word !== 'hwcap') {
      dirs.push(...[word ?? '', ...rest].filter((dir) => dir.startsWith('/')).map((dir) => dir.replace(/=.*/, '')));
    }
  }
  return dirs;
}

/** Paths that match a pattern with `*` or `?` in its last part. */
async function globIn(files: Files, root: string, pattern: string): Promise<string[]> {
  const folder = await resolveInTree(files, root, dirname(pattern));
  if (folder?.stat.type !== 'dir') return [];
  const names = await files.list(onMachine(root, folder.path));
  return names.filter(patternOf(pattern.slice(pattern.lastIndexOf('/') + 1))).map((name) => `${folder.path}/${name}`);
}

/** The folders that every program with this interpreter looks in last: those of musl, or of glibc's configuration. */
export async function systemDirs(files: Files, root: string, program: ElfInfo): Promise<readonly string[]> {
  const musl = /ld-musl-(.*)\.so/.exec(program.interpreter ?? '')?.[1];
  if (musl === undefined)
    return [...(await configuredDirs(files, root)), ...libDirs(program).flatMap((lib) => [`/${lib}`, `/usr/${lib}`])];
  const lines = await linesOf(files, root, `/etc/ld-musl-${musl}.path`);
  const dirs = lines.flatMap((line) => line.split(':')).filter(Boolean);
  return dirs.length > 0 ? dirs : ['/lib', '/usr/local/lib', '/usr/lib'];
}
