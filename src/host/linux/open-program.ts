import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { entryOf } from '../../entry-of.ts';
import type { OpenProgram, OpenPrograms } from '../host.ts';
import { programMissing, START_FAILURES, signalCode } from '../program-error.ts';

/** The last of what it says: tar has a line for each folder of a file system without xattrs. */
const MOST_SAID = 4 << 20;
/** A daemon that it leaves behind may hold its stderr for ever. */
const STDERR_AFTER_EXIT_MS = 300;

/** Programs through node:child_process. Input that is kept open ends with the program, or with this one. Throws `program-missing`. */
export const openProgram: OpenPrograms = async (argv, input) => {
  const [program = '', ...rest] = argv;
  // In the group and session of the caller: ssh asks its questions at /dev/tty.
  const child = spawn(program, rest, { stdio: 'pipe' });
  child.stdin.on('error', () => undefined);
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-MOST_SAID);
  });
  const { promise: ended, resolve } = Promise.withResolvers<{ readonly exitCode: number; readonly stderr: string }>();
  child.once('exit', (code, by) => {
    const tell = (): void => resolve({ exitCode: code ?? signalCode(by ?? ''), stderr: said });
    child.stderr.once('close', tell);
    setTimeout(tell, STDERR_AFTER_EXIT_MS).unref();
    if (child.stderr.closed) tell();
  });
  await once(child, 'spawn').catch((error: NodeJS.ErrnoException) => {
    throw programMissing(program, entryOf(START_FAILURES, error.code ?? '') ?? error.message, error);
  });
  if (input !== 'kept open') child.stdin.end(input);
  return {
    output: child.stdout,
    ended,
    async [Symbol.asyncDispose]() {
      child.kill();
      child.stdin.destroy();
      child.stdout.destroy();
      await ended;
    },
  } satisfies OpenProgram;
};
