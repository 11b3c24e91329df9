import type { Config } from '../config/config.ts';
import type { Host } from '../host/host.ts';
import type { AskingMachine } from './asking-machine.ts';
import { orderServers } from './order-servers.ts';
import { probeServer } from './probe-server.ts';
import type { ServerFacts } from './server-facts.ts';

/** All servers together get no more of the boot's time than this, whatever config.d says. */
const LONGEST_PROBE_MS = 2_000;

interface Report {
  readonly say: (text: string) => void;
  readonly warn: (text: string) => void;
  readonly signal: AbortSignal;
}

/** The settings that the order of the servers comes from. */
export const choiceSettings = ({ servers, choose, weights }: Config['server']) => ({ servers, choose, weights });

/**
 * Measures all servers at once and puts them in order, as `choose` says. One server alone costs no time, and where there
 * is no network nobody is asked: the order is then that of config.d.
 */
export async function chooseServers(
  host: Pick<Host, 'http' | 'clock'>,
  facts: Pick<AskingMachine, 'config' | 'leases'>,
  { say, warn, signal }: Report,
): Promise<{ readonly servers: readonly ServerFacts[]; readonly probeMs: number }> {
  const { probe, ...settings } = facts.config.server;
  const urls = [...new Set(settings.servers)];
  const isAlone = urls.length <= 1;
  if (isAlone || (facts.leases ?? []).length === 0) {
    const reason = isAlone ? 'the only one' : 'not measured: there is no network';
    return { servers: urls.map((url) => ({ url, reason })), probeMs: 0 };
  }
  const startedMs = host.clock.uptimeMs();
  const timeoutMs = Math.min(probe.timeoutMs, LONGEST_PROBE_MS);
  const probes = await Promise.all(urls.map((url) => probeServer(host, url, { timeoutMs, signal })));
  const servers = orderServers(probes, settings, () => host.clock.random());
  const failed = new Set(probes.flatMap(({ kind, url }) => (kind === 'failed' ? [url] : [])));
  for (const { url, reason } of servers) (failed.has(url) ? warn : say)(`server ${url}: ${reason}`);
  return { servers, probeMs: Math.round(host.clock.uptimeMs() - startedMs) };
}

export interface ServersInOrder {
  readonly first: readonly string[];
  /** Asked only where none of the others gave an answer. */
  readonly last: readonly string[];
}

/** Whom to ask, the best first. Where no server is good, none is put off. */
export function serversInOrder({ servers, config }: Pick<AskingMachine, 'servers' | 'config'>): ServersInOrder {
  if (!servers) return { first: config.server.servers, last: [] };
  const [first, last] = [false, true].map((isLast) =>
    servers.filter((server) => (server.isLast ?? false) === isLast).map(({ url }) => url),
  ) as [string[], string[]];
  return first.length > 0 ? { first, last } : { first: last, last: [] };
}
