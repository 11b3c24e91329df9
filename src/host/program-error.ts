import { StatectlError } from '../error.ts';
import { shellLine } from './shell-line.ts';

/** The program is not there, or cannot be executed. */
export const programMissing = (program: string, why: string, cause?: unknown): StatectlError =>
  new StatectlError('program-missing', `cannot start "${program}": ${why}`, {
    cause,
    hint: `install the package that has "${program}", or add it to the tools of the image`,
  });

/** The program ran longer than it was given, and was killed. */
export const programTimeout = (argv: readonly string[], timeoutMs: number, stderr = ''): StatectlError =>
  new StatectlError('program-timeout', `"${argv[0]}" did not end within ${timeoutMs} ms`, {
    cause: stderr.trim() === '' ? undefined : new Error(stderr.trim()),
    hint: `run it by hand to see what it waits for: ${shellLine(argv)}`,
  });
