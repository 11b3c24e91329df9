import type { Clock } from '../../host/host.ts';

/** Wakes one task. However often it is rung meanwhile, the task wakes once; one that works hears it afterwards. */
export interface Bell {
  ring(): void;
  /** Until it is rung, or for so long; throws the signal's reason. */
  wait(ms: number, signal: AbortSignal): Promise<'rung' | 'late'>;
}

export function bell(clock: Pick<Clock, 'sleep'>): Bell {
  let isRung = false;
  let wake: (() => void) | undefined;
  return {
    ring() {
      isRung = true;
      wake?.();
    },
    async wait(ms, signal) {
      signal.throwIfAborted();
      if (!isRung) {
        // No AbortSignal.any: the agent's own signal lives for months.
        const waking = new AbortController();
        const stop = () => waking.abort();
        wake = stop;
        signal.addEventListener('abort', stop, { once: true });
        try {
          await clock.sleep(ms, waking.signal);
        } catch {
          signal.throwIfAborted();
        } finally {
          signal.removeEventListener('abort', stop);
          wake = undefined;
        }
      }
      const outcome = isRung ? 'rung' : 'late';
      isRung = false;
      return outcome;
    },
  };
}
