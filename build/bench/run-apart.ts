import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';

/** A process of this script with IPC, on one core where there are several: taskset(1). */
export function forkOn(script: string, words: readonly string[], { core }: { readonly core?: number }): ChildProcess {
  if (core === undefined || availableParallelism() < 2) return fork(script, words, { execArgv: ['--expose-gc'] });
  const execArgv = ['--cpu-list', String(core), process.execPath, '--expose-gc'];
  return fork(script, words, { execPath: 'taskset', execArgv });
}

/** Runs one task in a process of its own, which is told what to do and says what came of it. */
export async function runApart<T>(
  script: string,
  word: string,
  options: object,
  where: { readonly core?: number },
): Promise<T> {
  const child = forkOn(script, [word], where);
  const ended = once(child, 'exit').then(([status]) => {
    throw new Error(`the process of ${word} ended with ${status} and said nothing`);
  });
  const answer = once(child, 'message');
  child.send(options);
  const [result] = await Promise.race([answer, ended]);
  return result as T;
}
