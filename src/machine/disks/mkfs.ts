/** The argument vector that makes a file system where nobody's is: each program asks nobody, and takes the whole partition. */
export function mkfsArgv(type: string, label: string, path: string): readonly string[] {
  switch (type) {
    case 'btrfs':
      return ['mkfs.btrfs', '-q', '-f', '-L', label, path];
    case 'vfat':
      return ['mkfs.vfat', '-n', label, path];
    case 'swap':
      return ['mkswap', '-L', label, path];
    default:
      return ['mkfs.ext4', '-q', '-F', '-L', label, path];
  }
}
