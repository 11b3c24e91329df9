import type { Exec, OpenPrograms } from '../host.ts';

/** Scripted programs whose output is read as it comes: each letter of what they print is a byte. */
export const memoryOpenProgram =
  (exec: Exec): OpenPrograms =>
  async (argv, input) => {
    const { exitCode, stdout, stderr } = await exec.run(argv, {
      encoding: 'latin1',
      ...(input !== 'kept open' && { input }),
    });
    return {
      output: (async function* () {
        yield Buffer.from(stdout, 'latin1');
      })(),
      ended: Promise.resolve({ exitCode, stderr }),
      [Symbol.asyncDispose]: async () => undefined,
    };
  };
