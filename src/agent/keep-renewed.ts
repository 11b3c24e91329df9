import type { Clock } from '../host/host.ts';
import type { Renewed } from './agent.ts';

export interface KeepRenewedOptions {
  readonly clock: Pick<Clock, 'now' | 'sleep'>;
  readonly renew: () => Promise<Renewed>;
  readonly renewed: (result: Renewed) => Promise<void>;
}

/** However wrong what `renew` says, servers are not asked more often; and a clock that is set is noticed after this long. */
const SOONEST_MS = 10_000;
const LONGEST_SLEEP_MS = 60 * 60_000;

/** Renews the machine's certificates whenever it is time. */
export async function keepRenewed({ clock, renew, renewed }: KeepRenewedOptions, signal: AbortSignal): Promise<never> {
  for (;;) {
    const result = await renew();
    signal.throwIfAborted();
    await renewed(result);
    do {
      const leftMs = result.nextAtMs - clock.now();
      await clock.sleep(Math.min(LONGEST_SLEEP_MS, Math.max(SOONEST_MS, leftMs)), signal);
    } while (clock.now() < result.nextAtMs);
  }
}
