import { reasonOf, type StatectlError } from '../error.ts';
import { withDeadline } from '../host/deadline.ts';
import type { Clock } from '../host/host.ts';
import { retry } from '../host/retry.ts';
import type { TaskContext } from '../host/task-context.ts';

interface Patience {
  /** Attempts in all. */
  readonly tries: number;
  /** How long all of them may take; default: as long as they take. */
  readonly seconds?: number | undefined;
  /** What is thrown after that. */
  readonly late: StatectlError;
  /** Answers that asking again does not change; default: those of `retry`. */
  readonly giveUp?: (error: unknown) => boolean;
}

/** Asks until somebody answers, visibly: who waits at the console sees why, and for how long. Throws the last failure, or `late`. */
export const askAgain = <T>(
  clock: Pick<Clock, 'sleep' | 'random'>,
  { tries, seconds = Number.POSITIVE_INFINITY, late, giveUp }: Patience,
  { signal, warn }: TaskContext,
  ask: (signal: AbortSignal) => Promise<T>,
): Promise<T> =>
  withDeadline(clock, { ms: seconds * 1000, error: late, signal }, (within) =>
    retry(
      clock,
      {
        tries,
        baseMs: 500,
        maxMs: 15_000,
        signal: within,
        ...(giveUp && { giveUp }),
        onRetry: ({ attempt, of, waitMs, error }) =>
          warn(`${reasonOf(error)}; try ${attempt + 1} of ${of} in ${(waitMs / 1000).toFixed(1)} s`),
      },
      () => ask(within),
    ),
  );
