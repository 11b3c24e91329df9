import { StatectlError } from '../error.ts';
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

/** EROFS_NAME_LEN is 255, and mkfs.erofs fails at it, with words about the device. */
const LONGEST_NAME_BYTES = 254;

async function refuseLongNames(host: Pick<Host, 'exec'>, dir: string): Promise<void> {
  // In the C locale each byte is a character.
  const tooLong = ['-name', `${'?'.repeat(LONGEST_NAME_BYTES + 1)}*`, '-printf', '%P\\0'];
  const found = (await runProgram(host, ['find', dir, ...tooLong], { env: { LC_ALL: 'C' } }))
    .split('\0')
    .filter(Boolean);
  if (found.length === 0) return;
  throw new StatectlError(
    'image-source',
    `${found.length} name${found.length === 1 ? '' : 's'} of the tree ${found.length === 1 ? 'has' : 'have'} more than ${LONGEST_NAME_BYTES} bytes, which mkfs.erofs cannot keep: ${found[0]?.slice(0, 80)}…`,
    { hint: 'take --type squashfs, or leave it out with --exclude' },
  );
}

/**
 * One erofs of a system's tree, in lz4: all that kernels before 6.10 read. Throws `image-source` for a name that is too long,
 * `build-failed`, `program-missing`.
 */
export async function makeErofs(
  host: Pick<Host, 'exec' | 'files' | 'console'>,
  dir: string,
  out: string,
  { epochSeconds, report }: ErofsOptions,
): Promise<void> {
  await refuseLongNames(host, dir);
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
