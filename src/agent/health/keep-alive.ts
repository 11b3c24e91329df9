import type { Host } from '../../host/host.ts';
import { type Cycle, writeEvidence } from '../../slots/evidence.ts';

const ALIVE_MS = 30_000;
/** Once more, so long after the start: from then on the disk is left alone. */
const LAST_MS = 60 * 60_000;

export interface KeepAliveOptions {
  readonly cycle: Cycle;
  /** By the uptime, when the gate began. */
  readonly sinceMs: number;
  /** By the uptime, since when the system counts as started; undefined: not yet. */
  readonly startedMs: () => number | undefined;
}

/**
 * Stamps the disk every 30 s until the system counts as started, and once more an hour later. A disk that takes nothing is told
 * once. Ends with the signal alone.
 */
export async function keepAlive(
  host: Pick<Host, 'files' | 'clock' | 'console'>,
  { cycle, sinceMs, startedMs }: KeepAliveOptions,
  signal: AbortSignal,
): Promise<never> {
  const { clock, console } = host;
  let isTold = false;
  const stamp = (): Promise<void> => {
    const uptimeMs = clock.uptimeMs();
    return writeEvidence(host, 'alive', cycle, { uptimeMs, gateMs: uptimeMs - sinceMs }).catch((error: Error) => {
      if (!isTold) console.line('warning', `the sign of life of this boot is not on the disk: ${error.message}`);
      isTold = true;
    });
  };
  for (; startedMs() === undefined; await clock.sleep(ALIVE_MS, signal)) await stamp();
  const lastMs = (startedMs() ?? 0) + LAST_MS - clock.uptimeMs();
  if (lastMs > 0) {
    await clock.sleep(lastMs, signal);
    await stamp();
  }
  for (;;) await clock.sleep(LAST_MS, signal);
}
