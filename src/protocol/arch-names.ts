import { entryOf } from '../entry-of.ts';

/** iPXE's and Debian's words for what `uname -m` says. */
const ARCH_NAMES: Readonly<Record<string, string>> = {
  arm64: 'aarch64',
  arm32: 'armv7l',
  armhf: 'armv7l',
  amd64: 'x86_64',
  x64: 'x86_64',
  loong64: 'loongarch64',
  ppc64el: 'ppc64le',
};

/** What machines say: `uname -m` of those that Node runs on, and iPXE's i386. */
export const MACHINE_ARCHS: readonly string[] = [
  'x86_64',
  'i386',
  'i686',
  'aarch64',
  'armv6l',
  'armv7l',
  'armv8l',
  'riscv32',
  'riscv64',
  'loongarch64',
  'mips64',
  'ppc64le',
  's390x',
];

/** An architecture as `uname -m` prints it. */
export const archName = (text: string): string => entryOf(ARCH_NAMES, text.toLowerCase()) ?? text.toLowerCase();
