import type { Config } from '../config/config.ts';
import type { Host } from '../host/host.ts';
import { parseRecord } from '../host/record.ts';
import type { AskingMachine } from './asking-machine.ts';
import { orderServers } from './order-servers.ts';
import { type Probe, probeServer } from './probe-server.ts';
import type { ServerFacts } from './server-facts.ts';

/** All servers together get no more of the boot's time than this, whatever config.d says. */
const LONGEST_PROBE_MS = 2_000;

interface Report {
  readonly say: (text: string) => void;
  readonly warn: (text: string) => void;
}

/** The settings that the order of the servers comes from. */
export const choiceSettings = ({ servers, choose, weights }: Config['server']) => ({ servers, choose, weights });

/** What is asked of servers: how they are. */
export interface ServersQuestion {
  readonly urls: readonly string[];
  readonly timeoutMs: number;
  /** A file for what they were like. */
  readonly to: string;
}

/** What they were like, as it is kept for the boot to put them in order. */
interface Measured {
  readonly probes: readonly Probe[];
  readonly tookMs: number;
}

type Choice = Pick<AskingMachine, 'config' | 'network'>;

const urlsOf = ({ config }: Choice): readonly string[] => [...new Set(config.server.servers)];

/** Why nobody is measured: one server alone costs no time, and without a network nobody can be asked. Pure. */
const unmeasured = (facts: Choice): string | undefined => {
  if (urlsOf(facts).length <= 1) return 'the only one';
  return (facts.network.leases ?? []).length === 0 ? 'not measured: there is no network' : undefined;
};

/** Whom to measure, and how long; undefined: the order is that of config.d. Pure. */
export const serversToMeasure = (facts: Choice): Omit<ServersQuestion, 'to'> | undefined =>
  unmeasured(facts) === undefined
    ? { urls: urlsOf(facts), timeoutMs: Math.min(facts.config.server.probe.timeoutMs, LONGEST_PROBE_MS) }
    : undefined;

/** Measures all servers at once. */
export async function measureServers(
  { urls, timeoutMs, to }: ServersQuestion,
  host: Pick<Host, 'files' | 'http' | 'clock'>,
  { signal }: { readonly signal: AbortSignal },
): Promise<void> {
  const startedMs = host.clock.uptimeMs();
  const probes = await Promise.all(urls.map((url) => probeServer(host, url, { timeoutMs, signal })));
  const tookMs = Math.round(host.clock.uptimeMs() - startedMs);
  await host.files.write(to, JSON.stringify({ probes, tookMs } satisfies Measured));
}

/** Puts all servers in order, as `choose` says, by what they were like when they were measured. */
export async function chooseServers(
  { files, clock }: Pick<Host, 'files' | 'clock'>,
  file: string,
  facts: Choice,
  { say, warn }: Report,
): Promise<{ readonly servers: readonly ServerFacts[]; readonly probeMs: number }> {
  const reason = unmeasured(facts);
  if (reason !== undefined) return { servers: urlsOf(facts).map((url) => ({ url, reason })), probeMs: 0 };
  const { probes, tookMs } = parseRecord<Measured>(await files.readText(file), { probes: 'list', tookMs: 'number' });
  const servers = orderServers(probes, facts.config.server, () => clock.random());
  const failed = new Set(probes.flatMap(({ kind, url }) => (kind === 'failed' ? [url] : [])));
  for (const { url, reason } of servers) (failed.has(url) ? warn : say)(`server ${url}: ${reason}`);
  return { servers, probeMs: tookMs };
}

export interface ServersInOrder {
  readonly first: readonly string[];
  /** Asked only where none of the others gave an answer. */
  readonly last: readonly string[];
}

/** Whom to ask, the best first. Where no server is good, none is put off. */
export function serversInOrder({
  servers: { inOrder: servers },
  config,
}: Pick<AskingMachine, 'servers' | 'config'>): ServersInOrder {
  if (!servers) return { first: config.server.servers, last: [] };
  const [first, last] = [false, true].map((isLast) =>
    servers.filter((server) => (server.isLast ?? false) === isLast).map(({ url }) => url),
  ) as [string[], string[]];
  return first.length > 0 ? { first, last } : { first: last, last: [] };
}
