import { StatectlError } from '../error.ts';
import type { Host } from '../host/host.ts';

export interface SquashfsOptions {
  /** As mksquashfs names it, with its own options. */
  readonly compression: readonly string[];
  /** Wildcards below the directory that stay out. */
  readonly excludes?: readonly string[];
  /** Everything belongs to root: for what we put together, not for a system's tree. */
  readonly allRoot?: boolean;
}

/** What each name of `--compression` means to mksquashfs(1). */
export const COMPRESSIONS = {
  zstd: ['-comp', 'zstd', '-Xcompression-level', '15', '-b', '256K'],
  'zstd-fast': ['-comp', 'zstd', '-Xcompression-level', '3', '-b', '128K'],
  lz4: ['-comp', 'lz4', '-Xhc', '-b', '128K'],
  xz: ['-comp', 'xz', '-Xbcj', 'x86', '-b', '1M'],
} as const;
export type CompressionName = keyof typeof COMPRESSIONS;

/** One squashfs of a directory, the same bytes for the same content: no times but zero. Throws `squashfs-failed`. */
export async function makeSquashfs({ exec, files }: Pick<Host, 'exec' | 'files'>, dir: string, out: string, options: SquashfsOptions): Promise<void> {
  const temporary = `${out}.tmp`;
  await files.remove(temporary);
  const argv = [
    'mksquashfs',
    dir,
    temporary,
    '-noappend',
    '-no-progress',
    '-quiet',
    '-no-exports',
    '-reproducible',
    ...['-mkfs-time', '0'],
    ...['-all-time', '0'],
    ...options.compression,
    ...(options.allRoot ? ['-all-root', '-no-xattrs'] : []),
    ...(options.excludes?.length ? ['-wildcards', '-e', ...options.excludes] : []),
  ];
  const { exitCode, stderr } = await exec.run(argv);
  if (exitCode !== 0) {
    await files.remove(temporary);
    throw new StatectlError('squashfs-failed', `mksquashfs of ${dir} failed: ${stderr.trim().split('\n').at(-1)}`, { hint: 'is there room on the disk for the image?' });
  }
  await files.rename(temporary, out);
}
