/**
 * Runs each line of its first argument as the words of a verb, in one process, and prints what came of it as JSON. Started by
 * full-disk.test.ts in a mount namespace of its own.
 */
import { cli } from '../../../src/cli.ts';
import { isStatectlError } from '../../../src/error.ts';

const [, , lines = ''] = process.argv;
const print = process.stdout.write.bind(process.stdout);
process.stdout.write = () => true;
process.stderr.write = () => true;
for (const line of lines.split('\n')) {
  const outcome = await cli(line.split(' ')).then(
    (status) => ({ line, status }),
    (error: unknown) =>
      isStatectlError(error)
        ? { line, status: 1, message: error.message, hint: error.hint }
        : { line, status: 70, message: (error as Error).stack },
  );
  print(`${JSON.stringify(outcome)}\n`);
}
process.exit(0);
