import { StatectlError } from '../../error.ts';
import type { Host, RunResult } from '../../host/host.ts';
import { shellLine } from '../../host/shell-line.ts';

/** Runs a program that has to succeed. Throws `code` with the last line that it said. */
export async function mustRun(
  { exec }: Pick<Host, 'exec'>,
  argv: readonly string[],
  code: string,
  hint: string,
): Promise<void> {
  const result = await exec.run(argv);
  if (result.exitCode !== 0)
    throw new StatectlError(code, `\`${shellLine(argv)}\` failed: ${lastLine(result)}`, { hint });
}

export const lastLine = ({ exitCode, stdout, stderr }: RunResult): string =>
  (stderr.trim() || stdout.trim()).split('\n').at(-1) || `exit status ${exitCode}`;
