import { entryOf } from '../../entry-of.ts';
import type { Ntp } from '../host.ts';

/** What each time server says, Unix milliseconds; those that are not there are silent. */
export type TimeServers = Readonly<Record<string, number>>;

/** Time servers made of values. */
export const memoryNtp = (servers: TimeServers): Ntp => ({
  async ask(server, { timeoutMs, signal }) {
    signal?.throwIfAborted();
    const nowMs = entryOf(servers, server);
    if (nowMs !== undefined) return nowMs;
    throw new Error(`${server}: no answer in ${timeoutMs / 1000} s`);
  },
});
