import type { Host } from '../host/host.ts';
import { runProgram } from './host-programs.ts';
import { byLine, type Report } from './progress.ts';

/** What each name of `--compression` means to mksquashfs(1). */
const COMPRESSIONS = {
  zstd: ['-comp', 'zstd', '-Xcompression-level', '15', '-b', '256K'],
  'zstd-fast': ['-comp', 'zstd', '-Xcompression-level', '3', '-b', '128K'],
  lz4: ['-comp', 'lz4', '-Xhc', '-b', '128K'],
  xz: ['-comp', 'xz', '-Xbcj', 'x86', '-b', '1M'],
} as const;
export type CompressionName = keyof typeof COMPRESSIONS;
export const COMPRESSION_NAMES = Object.keys(COMPRESSIONS) as readonly CompressionName[];

export interface SquashfsOptions {
  readonly compression: CompressionName;
  /**
   * `ours`: put together by the builder; all belongs to root, without times and xattrs, so the same content gives the same
   * bytes. `system`: somebody's tree, kept as it is. Python trusts its compiled files by their sources' times.
   */
  readonly content: 'ours' | 'system';
  /** Seconds since 1970 that no time of a `system` is after. */
  readonly epochSeconds?: number;
  readonly report?: Report;
}

/** One squashfs of a directory; nothing is left under `out` when it fails. Throws `build-failed`, `program-missing`. */
export async function makeSquashfs(
  host: Pick<Host, 'exec' | 'files'> & Partial<Pick<Host, 'console'>>,
  dir: string,
  out: string,
  { compression, content, epochSeconds, report }: SquashfsOptions,
): Promise<void> {
  const temporary = `${out}.tmp`;
  await host.files.remove(temporary);
  const argv = [
    '-noappend',
    '-no-exports',
    '-reproducible',
    ...(content === 'ours' ? ['-all-root', '-no-xattrs'] : []),
    ...COMPRESSIONS[compression],
  ];
  const totalBytes = await sizeOf(host, dir);
  const progress = byLine((line) => {
    // `[=====/    ] 1234/5678  21%`, in blocks, of which a small file takes a whole one.
    const [, done, total] = /\s(\d+)\/(\d+)\s+\d+%/.exec(line) ?? [];
    if (done && total) report?.({ done: (Number(done) / Number(total)) * totalBytes, total: totalBytes });
  });
  try {
    await runProgram(host, ['mksquashfs', dir, temporary, ...argv], {
      onOutput: progress,
      // Not by -all-time: mksquashfs refuses that beside this variable, which the person's environment may have.
      env: { SOURCE_DATE_EPOCH: String(content === 'ours' ? 0 : epochSeconds) },
      hint: 'is there room on the disk for the image?',
    });
    // mksquashfs does not always say so of what took it a moment.
    report?.({ done: totalBytes, total: totalBytes });
    await host.files.rename(temporary, out);
  } finally {
    await host.files.remove(temporary);
  }
}

/** All files of a directory together. */
async function sizeOf(host: Pick<Host, 'exec'>, dir: string): Promise<number> {
  const sizes = await runProgram(host, ['find', dir, '-type', 'f', '-printf', '%s\n']);
  return sizes.split('\n').reduce((sum, size) => sum + Number(size), 0);
}
