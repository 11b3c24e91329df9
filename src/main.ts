import { isSea } from 'node:sea';
import type { BootVerb } from './commands/machine/boot-words.ts';
import { errorText } from './commands/print.ts';
import { isStatectlError } from './error.ts';
import { fileError } from './host/file-error.ts';
import { loadPart } from './part.ts';

type Admin = typeof import('./admin.ts');

/** What a booting or running machine needs; all else is another part of the program, so that no machine ever parses the server. */
const isBootVerb = (verb: string): verb is BootVerb =>
  verb === 'boot' ||
  verb === 'rescue' ||
  verb === 'status' ||
  verb === 'lock' ||
  verb === 'agent' ||
  verb === 'drives' ||
  verb === 'logs' ||
  verb === 'slots' ||
  verb === 'btrfs';

async function main(argv: readonly string[]): Promise<number> {
  const [verb = '', ...words] = argv;
  // A reader that has seen enough (`| head`) is no error. A boot prints nothing, and need not make the stream.
  if (verb !== 'boot' || words.includes('--plan'))
    process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));
  if (isBootVerb(verb)) {
    const { bootVerb } = await import('./boot-entry.ts');
    return bootVerb(verb, words);
  }
  const { cli } = isSea() ? loadPart<Admin>('admin') : await import('./admin.ts');
  return cli(argv);
}

main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    const known = isStatectlError(error) ? error : fileError(error);
    process.stderr.write(errorText(known ?? { message: (error as Error).stack ?? String(error) }));
    process.exitCode = known ? (known.code === 'usage' ? 2 : 1) : 70;
  },
);
