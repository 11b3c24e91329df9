import { isSea } from 'node:sea';
import { Worker } from 'node:worker_threads';
import { reasonOf } from '../../error.ts';
import { sourceOf } from '../../part.ts';
import type { Snapshot } from '../history/snapshot.ts';
import type { CheckedFault } from './check.ts';

export interface CheckLimits {
  readonly timeMs: number;
  readonly memoryMib: number;
}

/** Ten thousand nodes take 3 s and 0.3 GiB. */
const LIMITS: CheckLimits = { timeMs: 60_000, memoryMib: 1024 };

/** The fault of a config.d that cannot be checked within the limits; which text it is, nobody knows. */
export const CHECK_TOO_MUCH = 'cannot be checked';

/**
 * Checks all of a config.d, for every machine, in a thread of its own: whatever somebody wrote, who serves others goes on. What
 * takes more than the limits is a fault of the whole.
 */
export async function checkApart(snapshot: Snapshot, limits: CheckLimits = LIMITS): Promise<readonly CheckedFault[]> {
  const thread = new Worker(programOfThread(), {
    eval: true,
    workerData: snapshot,
    execArgv: [],
    resourceLimits: { maxOldGenerationSizeMb: limits.memoryMib },
  });
  let timer: NodeJS.Timeout | undefined;
  try {
    return await new Promise<readonly CheckedFault[]>((resolve) => {
      const fail = (why: string): void => resolve([tooMuch(why)]);
      timer = setTimeout(() => fail(`it takes longer than ${limits.timeMs / 1000} s`), limits.timeMs);
      thread.once('message', resolve);
      thread.once('error', (error: NodeJS.ErrnoException) =>
        fail(
          error.code === 'ERR_WORKER_OUT_OF_MEMORY' ? `it takes more than ${limits.memoryMib} MiB` : reasonOf(error),
        ),
      );
      thread.once('exit', () => fail('the check ended without an answer'));
    });
  } finally {
    clearTimeout(timer);
    await thread.terminate();
  }
}

const tooMuch = (why: string): CheckedFault => ({
  file: 'config.d',
  line: 1,
  column: 1,
  message: `${CHECK_TOO_MUCH}: ${why}. Take back what was changed last, or find it with \`statectl config check\``,
  nodes: [],
  nodeFiles: [],
});

/** From the executable, or in a checkout from src. */
const programOfThread = (): string =>
  isSea()
    ? `${sourceOf('admin')}\n;module.exports.answerCheck();`
    : `import(${JSON.stringify(new URL('./check-thread.ts', import.meta.url).href)}).then((thread) => thread.answerCheck());`;
