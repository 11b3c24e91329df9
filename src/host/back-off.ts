import type { Clock } from './host.ts';

export interface BackOff {
  /** The longest wait after the first failure; it doubles with each one more. */
  readonly baseMs: number;
  readonly maxMs: number;
}

/**
 * How long to wait after so many failures in a row, from 1. Drawn from the whole span ("full jitter", Brooker, *Exponential
 * Backoff and Jitter*, 2015): machines that lost their server together do not come back together.
 */
export const backOffMs = ({ random }: Pick<Clock, 'random'>, failures: number, { baseMs, maxMs }: BackOff): number =>
  random() * Math.min(maxMs, baseMs * 2 ** Math.min(Math.max(0, failures - 1), 30));
