import type { Config } from '../../config/config.ts';
import { orderServers, score } from '../../fetch/order-servers.ts';
import { type Probe, probeServer } from '../../fetch/probe-server.ts';
import type { ServerFacts } from '../../fetch/server-facts.ts';
import type { Host } from '../../host/host.ts';

/** What config.d in force says of the servers. */
export interface ServerSettings {
  readonly server: Config['server'];
  /** Those that it names; the machine belongs to one of them. */
  readonly listed: readonly string[];
  /** Those of the initramfs too: to fall back on. */
  readonly all: readonly string[];
}

/** Which server to try, and which to leave for another. What a server says of itself counts for nothing once it failed. */
export interface ServerChoice {
  /** All of `urls`, the best first; those that failed lately stand at the end. */
  inOrder(urls: readonly string[], signal: AbortSignal): Promise<readonly ServerFacts[]>;
  /** A server that is worth leaving the present one for. */
  better(present: string, why: 'preferred' | 'asked', signal: AbortSignal): Promise<ServerFacts | undefined>;
  failed(url: string): void;
  worked(url: string): void;
}

const LONGEST_PROBE_MS = 2_000;
const DISTRUST_MS = 60_000;
const LONGEST_DISTRUST_MS = 60 * 60_000;

export function serverChoice(host: Pick<Host, 'http' | 'clock'>, settings: () => ServerSettings): ServerChoice {
  const { clock } = host;
  const distrusted = new Map<string, { readonly times: number; readonly untilMs: number }>();
  const random = () => clock.random();
  const isDistrusted = (url: string): boolean => (distrusted.get(url)?.untilMs ?? 0) > clock.uptimeMs();
  const measure = (urls: readonly string[], signal: AbortSignal): Promise<readonly Probe[]> => {
    const timeoutMs = Math.min(settings().server.probe.timeoutMs, LONGEST_PROBE_MS);
    return Promise.all(urls.map((url) => probeServer(host, url, { timeoutMs, signal })));
  };

  return {
    async inOrder(urls, signal) {
      const wanted = [...new Set(urls)];
      const ordered =
        wanted.length <= 1
          ? wanted.map((url) => ({ url, reason: 'the only one' }))
          : orderServers(await measure(wanted, signal), settings().server, random);
      return [
        ...ordered.filter(({ url }) => !isDistrusted(url)),
        ...ordered.filter(({ url }) => isDistrusted(url)).map((facts) => ({ ...facts, reason: 'failed lately' })),
      ];
    },
    async better(present, why, signal) {
      const { server, listed } = settings();
      const { choose, probe } = server;
      const others = listed.filter((url) => url !== present && !isDistrusted(url));
      if (others.length === 0 || (choose === 'weighted' && why === 'preferred')) return undefined;
      const probes = await measure([present, ...others], signal);
      const here = probes.find(({ url }) => url === present);
      const accepting = probes.filter((each) => each.kind === 'accepts').filter(({ url }) => url !== present);
      if (choose === 'ordered' && why === 'preferred') {
        const earlier = listed.slice(0, Math.max(0, listed.indexOf(present)));
        return orderServers(
          accepting.filter(({ url }) => earlier.includes(url)),
          server,
          random,
        )[0];
      }
      // A server that takes no new boots, or is silent to strangers, is as busy as can be.
      const hereScore = here?.kind === 'accepts' ? score(here) : Number.POSITIVE_INFINITY;
      const worth = accepting.filter((each) => score(each) * (1 + probe.margin / 100) < hereScore);
      return orderServers(worth, { choose: 'measured', weights: {} }, random)[0];
    },
    failed(url) {
      const times = (distrusted.get(url)?.times ?? 0) + 1;
      const forMs = Math.min(LONGEST_DISTRUST_MS, DISTRUST_MS * 2 ** Math.min(times - 1, 10));
      distrusted.set(url, { times, untilMs: clock.uptimeMs() + forMs });
      // Servers come and go over the years; the machine stays.
      for (const known of distrusted.keys())
        if (!settings().all.includes(known) && known !== url) distrusted.delete(known);
    },
    worked: (url) => void distrusted.delete(url),
  };
}
