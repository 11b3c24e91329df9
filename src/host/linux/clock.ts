import { readFileSync } from 'node:fs';
import type { Clock } from '../host.ts';

/** setTimeout fires at once beyond this. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

const monotonicMs = (): number => Number(process.hrtime.bigint()) / 1e6;

/** Ms from the machine's start to hrtime's zero: /proc/uptime (proc(5), seconds) counts suspended time too. */
function startOffsetMs(): number {
  try {
    return Number.parseFloat(readFileSync('/proc/uptime', 'ascii')) * 1000 - monotonicMs();
  } catch {
    return 0; // /proc is not mounted: hrtime is CLOCK_MONOTONIC, which starts with the machine too.
  }
}

function wait(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop);
      resolve();
    }, ms);
    signal?.addEventListener('abort', stop, { once: true });
  });
}

/** The machine's own time. */
export function linuxClock(): Clock {
  let offsetMs: number | undefined;
  return {
    now: () => Date.now(),
    uptimeMs() {
      offsetMs ??= startOffsetMs();
      return monotonicMs() + offsetMs;
    },
    async sleep(ms, signal) {
      signal?.throwIfAborted();
      const end = monotonicMs() + ms;
      for (let left = ms; left > 0; left = end - monotonicMs()) await wait(Math.min(left, LONGEST_TIMER_MS), signal);
    },
    random: () => Math.random(),
  };
}
