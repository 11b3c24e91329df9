import { backOffMs } from '../host/back-off.ts';
import type { Clock } from '../host/host.ts';
import type { Refreshed } from './agent.ts';
import type { Bell } from './servers/bell.ts';

export interface KeepRefreshedOptions {
  readonly clock: Pick<Clock, 'random'>;
  readonly servers: () => readonly string[];
  /** Rung by the server's events. */
  readonly bell: Bell;
  readonly pollMs: () => number;
  /** Then events say when there is something new, and polling is for what nobody thought of. */
  readonly isConnected: () => boolean;
  readonly refresh: (server: string) => Promise<Refreshed>;
  readonly refreshed: (result: Refreshed, server: string) => Promise<void>;
}

const RARELY = 15;
/** It was asked because something is new, by a server that is there: it has much to do. */
const WAITS = { baseMs: 4_000, maxMs: 5 * 60_000 };

/**
 * Asks what the machine is to be: at the start, when an event says so, and now and then in any case. Again soon where nobody
 * answers although events come: what is new would be known after a quarter of an hour only.
 */
export async function keepRefreshed(options: KeepRefreshedOptions, signal: AbortSignal): Promise<never> {
  const { clock, bell, servers, refresh, refreshed } = options;
  let failures = 0;
  for (;;) {
    failures += 1;
    for (const server of servers()) {
      const result = await refresh(server);
      signal.throwIfAborted();
      await refreshed(result, server);
      if (result.state === 'unreachable') continue;
      failures = 0;
      break;
    }
    if (failures > 0 && options.isConnected()) {
      await bell.wait(backOffMs(clock, failures, WAITS), signal);
      continue;
    }
    const everyMs = options.pollMs() * (options.isConnected() ? RARELY : 1);
    await bell.wait(everyMs * (0.75 + clock.random() / 2), signal);
  }
}
