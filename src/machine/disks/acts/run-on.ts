import { StatectlError } from '../../../error.ts';
import type { Host } from '../../../host/host.ts';
import { lastLine } from '../../steps/must-run.ts';
import type { OnPartition } from './guard.ts';

/** A disk of some terabytes on USB 2 takes minutes. */
const LONGEST_MS = 30 * 60_000;

interface How {
  /** Exit statuses that are good. */
  readonly good?: readonly number[];
  readonly input?: Uint8Array;
}

/** Runs a program on a partition. Throws `disk-failed`, which names both and what it said. */
export async function run(
  { exec }: Pick<Host, 'exec'>,
  where: OnPartition,
  argv: readonly string[],
  { good = [0], input }: How = {},
): Promise<void> {
  const result = await exec.run(argv, { timeoutMs: LONGEST_MS, ...(input && { input }) });
  if (!good.includes(result.exitCode)) throw failed(where, `${argv[0]} failed: ${lastLine(result)}`);
}

export const failed = ({ disk: { drive, id }, partition: { name } }: OnPartition, what: string): StatectlError =>
  new StatectlError('disk-failed', `drive ${drive}: ${name} on ${id}: ${what}`, {
    hint: 'dmesg | tail says whether the disk is at fault',
  });
