import type { Host } from '../host/host.ts';
import { runProgram } from './host-programs.ts';
import { byLine, type Report } from './progress.ts';

export interface ErofsOptions {
  /** Seconds since 1970 that no time is after. */
  readonly epochSeconds: number;
  readonly report?: Report;
}

/** An image is known by its digest, so nobody needs to tell two of them apart by this. */
const NO_UUID = '00000000-0000-0000-0000-000000000000';

/** One erofs of a system's tree, in lz4: all that kernels before 6.10 read. Throws `build-failed`, `program-missing`. */
export async function makeErofs(
  host: Pick<Host, 'exec' | 'files'>,
  dir: string,
  out: string,
  { epochSeconds, report }: ErofsOptions,
): Promise<void> {
  const total = (await runProgram(host, ['find', dir, '-printf', '.'])).length;
  let done = 0;
  const progress = byLine((line) => {
    if (line.includes('Processing ')) report?.({ done: Math.min(++done, total), total });
  });
  try {
    await runProgram(host, ['mkfs.erofs', '-zlz4hc', '-C65536', `-U${NO_UUID}`, out, dir], {
      onOutput: progress,
      env: { SOURCE_DATE_EPOCH: String(epochSeconds) },
      hint: 'is there room on the disk for the image?',
    });
  } catch (error) {
    await host.files.remove(out);
    throw error;
  }
}
