import { setImmediate } from 'node:timers';
import type { Clock } from '../host.ts';

interface Sleeper {
  readonly atMs: number;
  readonly wake: () => void;
}

/** mulberry32 (public domain, T. Ettinger): small, and the same numbers on every run. */
function numbersFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * Time that passes only in `sleep`, and then at once. Where several sleep, they wake in the order of their times, each
 * after what the one before it set off has run out of things to do: so a race between tasks ends as it would in real time.
 */
export function memoryClock(startMs: number): Clock {
  let elapsedMs = 0;
  let pumping = false;
  const sleepers = new Set<Sleeper>();

  function wakeNext(): void {
    let next: Sleeper | undefined;
    for (const sleeper of sleepers) if (next === undefined || sleeper.atMs < next.atMs) next = sleeper;
    pumping = next !== undefined && next.atMs !== Number.POSITIVE_INFINITY;
    if (next === undefined || !pumping) return;
    sleepers.delete(next);
    elapsedMs = Math.max(elapsedMs, next.atMs);
    next.wake();
    setImmediate(wakeNext);
  }

  return {
    now: () => startMs + elapsedMs,
    uptimeMs: () => elapsedMs,
    random: numbersFrom(1),
    async sleep(ms, signal) {
      signal?.throwIfAborted();
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const sleeper = { atMs: elapsedMs + Math.max(0, ms), wake: resolve };
      const stop = () => {
        sleepers.delete(sleeper);
        reject(signal?.reason);
      };
      sleepers.add(sleeper);
      signal?.addEventListener('abort', stop, { once: true });
      if (!pumping) setImmediate(wakeNext);
      pumping = true;
      try {
        await promise;
      } finally {
        signal?.removeEventListener('abort', stop);
      }
    },
  };
}
