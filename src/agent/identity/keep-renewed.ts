import type { Clock } from '../../host/host.ts';
import type { Renewed } from '../agent.ts';
import type { Bell } from '../servers/bell.ts';

export interface KeepRenewedOptions {
  readonly clock: Pick<Clock, 'now'>;
  /** Rung when config.d says something else: the machine may have to prove itself for more than before. */
  readonly bell: Bell;
  readonly renew: () => Promise<Renewed>;
  readonly renewed: (result: Renewed) => Promise<void>;
}

/** However wrong what `renew` says, servers are not asked more often; and a clock that is set is noticed after this long. */
const SOONEST_MS = 10_000;
const LONGEST_SLEEP_MS = 60 * 60_000;

/** Renews the machine's certificates whenever it is time. */
export async function keepRenewed(options: KeepRenewedOptions, signal: AbortSignal): Promise<never> {
  const { clock, bell, renew, renewed } = options;
  for (;;) {
    const result = await renew();
    signal.throwIfAborted();
    await renewed(result);
    let woken: 'rung' | 'late';
    do {
      const leftMs = result.nextAtMs - clock.now();
      woken = await bell.wait(Math.min(LONGEST_SLEEP_MS, Math.max(SOONEST_MS, leftMs)), signal);
    } while (woken === 'late' && clock.now() < result.nextAtMs);
  }
}
