import { entryOf } from '../entry-of.ts';
import { StatectlError } from '../error.ts';
import type { Host } from '../host/host.ts';
import { readElf } from './elf/elf.ts';
import { readInTree } from './tree/tree-content.ts';

/** Debian's name for what `uname -m` prints: https://wiki.debian.org/SupportedArchitectures. */
const DEBIAN_NAMES: Readonly<Record<string, string>> = {
  x86_64: 'amd64',
  aarch64: 'arm64',
  armv7l: 'armhf',
  i686: 'i386',
  ppc64le: 'ppc64el',
  riscv64: 'riscv64',
  s390x: 's390x',
};

/** Throws `arch-unknown`. */
export function debianArch(arch: string): string {
  const name = entryOf(DEBIAN_NAMES, arch);
  if (name === undefined)
    throw new StatectlError('arch-unknown', `Debian has no tools for ${arch}`, {
      hint: "take the image's own with --tools image, or a folder with --tools DIR",
    });
  return name;
}

/** The machine of an ELF file as `uname -m` prints it. */
export const archOfElf = (machine: string): string => entryOf({ arm: 'armv7l', i386: 'i686' }, machine) ?? machine;

const PROGRAMS = ['/usr/lib/systemd/systemd', '/sbin/init', '/bin/sh', '/bin/true'] as const;

/** What machine a tree's programs are for. Throws `image-source`. */
export async function archOfTree({ files }: Pick<Host, 'files'>, tree: string): Promise<string> {
  for (const path of PROGRAMS) {
    const program = await readInTree(files, tree, path);
    const elf = program && readElf(program, path);
    if (elf) return archOfElf(elf.machine);
  }
  throw new StatectlError('image-source', 'the tree has neither an init nor a shell', {
    hint: 'give the root folder of a whole system, such as debootstrap, mmdebstrap or a container export makes',
  });
}
