import fc from 'fast-check';
import { isStatectlError } from '../../src/error.ts';
import type { Target } from './targets.ts';

/** One input may take this of the processor, and so much more for each KiB of it. */
const LONGEST_MS = 1_000;
const MS_PER_KIB = 20;
const MOST_MIB = 512;

/** Why what a parser did with an input is a find; undefined: it did what it should. */
export async function findIn({ read }: Target, input: string | Uint8Array): Promise<string | undefined> {
  const started = process.threadCpuUsage();
  const before = process.memoryUsage().heapUsed;
  try {
    if ((await read(input as never)) === false) return 'it does not hold';
  } catch (error) {
    if (!isStatectlError(error)) return error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
  const tookMs = process.threadCpuUsage(started).user / 1000;
  const mostMs = LONGEST_MS + (input.length / 1024) * MS_PER_KIB;
  if (tookMs > mostMs) return `${Math.round(tookMs)} ms for ${input.length} bytes, more than ${Math.round(mostMs)}`;
  const mib = (process.memoryUsage().heapUsed - before) / 2 ** 20;
  return mib > MOST_MIB ? `${Math.round(mib)} MiB for ${input.length} bytes` : undefined;
}

export interface Fuzzed {
  readonly runs: number;
  /** With the seed and path by which it comes again. */
  readonly find?: string;
}

/** Gives one parser inputs for so long. */
export async function fuzz(
  target: Target,
  { seed, ms, path }: { readonly seed: number; readonly ms: number; readonly path?: string },
): Promise<Fuzzed> {
  const property = fc.asyncProperty(target.inputs, async (input) => {
    const find = await findIn(target, input);
    if (find !== undefined) throw new Error(find);
  });
  const result = await fc.check(property, {
    seed,
    numRuns: 1_000_000,
    interruptAfterTimeLimit: ms,
    ...(path !== undefined && { path }),
  });
  if (!result.failed || result.counterexample === null) return { runs: result.numRuns };
  const [input] = result.counterexample;
  const shown = typeof input === 'string' ? JSON.stringify(input) : Buffer.from(input).toString('hex');
  const why = result.errorInstance instanceof Error ? result.errorInstance.message : String(result.errorInstance);
  return {
    runs: result.numRuns,
    find: `--seed ${result.seed} --path ${result.counterexamplePath}\n  ${shown.slice(0, 500)}\n  ${why}`,
  };
}
