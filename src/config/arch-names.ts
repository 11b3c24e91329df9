/** iPXE's and Debian's words for what `uname -m` says. */
const ARCH_NAMES: Readonly<Record<string, string>> = {
  arm64: 'aarch64',
  arm32: 'armv7l',
  amd64: 'x86_64',
  x64: 'x86_64',
};

/** An architecture as `uname -m` prints it. */
export const archName = (text: string): string => ARCH_NAMES[text.toLowerCase()] ?? text.toLowerCase();
