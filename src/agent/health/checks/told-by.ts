import { reasonOf } from '../../../error.ts';
import type { Host, RunResult } from '../../../host/host.ts';

const PATIENCE_MS = 20_000;
const MOST_LETTERS = 1_000_000;

/** What a program of the system says; one that cannot be asked says why as its error. */
export async function toldBy(
  { exec }: Pick<Host, 'exec'>,
  argv: readonly string[],
  signal: AbortSignal,
): Promise<RunResult> {
  try {
    return await exec.run(argv, { timeoutMs: PATIENCE_MS, mostOutput: MOST_LETTERS, signal });
  } catch (error) {
    signal.throwIfAborted();
    return { exitCode: 1, stdout: '', stderr: reasonOf(error) };
  }
}

/** The last line that says something, without colours. */
export const lastLine = (text: string): string =>
  text
    .replace(/\u001b\[[0-9;]*m/g, '')
    .trimEnd()
    .split('\n')
    .at(-1)
    ?.trim() ?? '';
