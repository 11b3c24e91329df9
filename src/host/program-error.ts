import { constants } from 'node:os';
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

/** What the kernel says of a program that it does not start, in our words. */
export const START_FAILURES: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such program',
  EACCES: 'it is not executable',
  EPERM: 'this process may not take the rights of another account',
  ENOEXEC: 'it is not a program for this machine',
};

export const folderMissing = (program: string, cwd: string): StatectlError =>
  new StatectlError('folder-missing', `cannot start "${program}" in ${cwd}: there is no such folder`);

/** The exit status of a program that a signal ended, as a shell has it: 128 + the signal's number. */
export const signalCode = (signal: string): number => 128 + (constants.signals[signal as NodeJS.Signals] ?? 0);

export const programOutput = (program: string, mostOutput: number): StatectlError =>
  new StatectlError('program-output', `"${program}" printed more than ${mostOutput} letters`);
