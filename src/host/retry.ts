import { isStatectlError } from '../error.ts';
import { type BackOff, backOffMs } from './back-off.ts';
import type { Clock } from './host.ts';
import { askedWaitMs } from './http/server-busy.ts';

export interface Attempt {
  /** The one that failed, counted from 1. */
  readonly attempt: number;
  readonly of: number;
  /** Until the next one begins. */
  readonly waitMs: number;
  readonly error: unknown;
}

export interface RetryOptions extends BackOff {
  /** Attempts in all; Infinity never gives up by itself. */
  readonly tries: number;
  readonly signal?: AbortSignal;
  /** Called before each wait, so that whoever waits sees the count. */
  readonly onRetry?: (attempt: Attempt) => void;
  /** Errors that another attempt cannot mend; default `isFinal`. */
  readonly giveUp?: (error: unknown) => boolean;
}

/** Codes of errors that stay the same however often one tries. */
const FINAL_CODES: readonly string[] = ['program-missing', 'redirect-loop', 'server-untrusted', 'url-invalid'];

const isFinal = (error: unknown): boolean => isStatectlError(error) && FINAL_CODES.includes(error.code);

/**
 * Runs the task until it succeeds, waiting longer after each failure (`backOffMs`). A server that says when to come back is
 * obeyed, up to `maxMs`, and the jitter comes on top. Throws the last attempt's error, or the signal's reason.
 */
export async function retry<T>(
  clock: Pick<Clock, 'sleep' | 'random'>,
  { tries, baseMs, maxMs, signal, onRetry, giveUp = isFinal }: RetryOptions,
  task: (attempt: number) => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    signal?.throwIfAborted();
    try {
      return await task(attempt);
    } catch (error) {
      signal?.throwIfAborted();
      if (attempt >= tries || giveUp(error)) throw error;
      const askedMs = Math.min(maxMs, askedWaitMs(error) ?? 0);
      const waitMs = Math.round(askedMs + backOffMs(clock, attempt, { baseMs, maxMs }));
      onRetry?.({ attempt, of: tries, waitMs, error });
      await clock.sleep(waitMs, signal);
    }
  }
}
