import type { BootVerb } from './commands/boot-words.ts';
import { onDemand } from './on-demand.ts';
import { StatectlError } from './error.ts';

/** What a booting or running machine needs; all else is loaded on demand, so that a boot never parses the server. */
const isBootVerb = (verb: string): verb is BootVerb => verb === 'boot' || verb === 'rescue' || verb === 'status';

async function main(argv: readonly string[]): Promise<number> {
  const [verb = '', ...words] = argv;
  if (isBootVerb(verb)) {
    const { bootVerb } = await import('./boot-entry.ts');
    return bootVerb(verb, words);
  }
  return (await onDemand()).cli(argv);
}

main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    const { message, hint } = error instanceof StatectlError ? error : { message: (error as Error).stack ?? String(error), hint: undefined };
    process.stderr.write(`statectl: ${message}\n${hint ? `→ ${hint}\n` : ''}`);
    process.exitCode = error instanceof StatectlError ? (error.code === 'usage' ? 2 : 1) : 70;
  },
);
