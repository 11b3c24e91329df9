import { basename } from 'node:path/posix';
import { entryOf } from '../../entry-of.ts';
import type { Clock, Exec, RunOptions, RunResult } from '../host.ts';
import { programMissing, programTimeout } from '../program-error.ts';

/** What a scripted program answers; `tookMs` of virtual time pass before (Infinity: it never ends). */
export interface ProgramResult extends Partial<RunResult> {
  readonly tookMs?: number;
}

type Outcome = ProgramResult | string | undefined;

/** A string is its standard output, nothing is success. */
export type Program = (argv: readonly string[], input: string, options: RunOptions) => Outcome | Promise<Outcome>;

/** Programs by name or by path; argv[0] is looked up as it is, then without its folders. */
export type Programs = Readonly<Record<string, Program>>;

const textOf = (input: RunOptions['input']): string =>
  typeof input === 'string' ? input : Buffer.from(input ?? []).toString('utf8');

export function memoryExec(
  programs: Programs,
  clock: Pick<Clock, 'sleep'>,
  record: (argv: readonly string[], options: RunOptions) => void,
): Exec {
  return {
    async run(argv, options = {}) {
      const { timeoutMs = Number.POSITIVE_INFINITY, signal, inherit, input, onOutput } = options;
      signal?.throwIfAborted();
      record(argv, options);
      const [program = ''] = argv;
      const name = [program, basename(program)].find((candidate) => Object.hasOwn(programs, candidate));
      if (name === undefined) throw programMissing(program, 'there is no such program');
      const answer = await entryOf(programs, name)?.(argv, textOf(input), options);
      const {
        exitCode = 0,
        stdout = '',
        stderr = '',
        tookMs = 0,
      } = typeof answer === 'string' ? { stdout: answer } : (answer ?? {});
      if (tookMs > 0) await clock.sleep(Math.min(tookMs, timeoutMs), signal);
      signal?.throwIfAborted();
      if (tookMs > timeoutMs) throw programTimeout(argv, timeoutMs, stderr);
      for (const text of [stdout, stderr]) if (text !== '') onOutput?.(text);
      if (onOutput) return { exitCode, stdout: '', stderr };
      return inherit ? { exitCode, stdout: '', stderr: '' } : { exitCode, stdout, stderr };
    },
  };
}
