import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { bell } from '../../src/agent/servers/bell.ts';
import type { ServerEvent } from '../../src/agent/servers/event-stream.ts';
import { type Connection, keepConnected } from '../../src/agent/servers/keep-connected.ts';
import { serverChoice } from '../../src/agent/servers/server-choice.ts';
import { openSession } from '../../src/agent/servers/server-session.ts';
import { type AgentLab, agentLab, IDENTITY, type LabMachine } from '../fixtures/agent-lab.ts';
import { createConfig } from '../fixtures/config.ts';

const MACHINES = 500;
const SERVERS = createConfig().server;

/** An agent of one machine: the real stream, to the real servers. */
function startAgent({ host }: LabMachine, lab: AgentLab, signal: AbortSignal) {
  const all = lab.servers.map(({ url }) => url);
  const settings = { server: SERVERS, listed: all, all };
  const connections: Connection[] = [];
  const events: (ServerEvent & { readonly server: string })[] = [];
  /** What config.d said when it asked last: it asks whenever an event says so. */
  let known = '';
  const running = keepConnected(
    {
      clock: host.clock,
      choice: serverChoice(host, () => settings),
      settings: () => settings,
      open: (server, lastEventId, until) =>
        openSession(
          host,
          server,
          {
            ...{ identity: IDENTITY, authorities: [], connectMs: 20_000, stallMs: 20_000 },
            ...(lastEventId !== undefined && { lastEventId }),
          },
          until,
        ),
      heard(event, server) {
        events.push({ ...event, server });
        known = lab.revision();
      },
      changed: (connection) => connections.push(connection),
      wake: bell(host.clock),
    },
    signal,
  ).catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
  return { connections, events, running, known: () => known };
}

const until = async (condition: () => boolean): Promise<void> => {
  while (!condition()) await sleep(50);
};

describe(`${MACHINES} machines and two servers`, () => {
  it('move from one to the other with no event lost, and are never without a server', async () => {
    await using lab = await agentLab({ machines: MACHINES, servers: 2 });
    const [a, b] = lab.servers;
    if (!a || !b) throw new Error('two servers');
    const stop = new AbortController();
    const agents = lab.machines.map((machine) => startAgent(machine, lab, stop.signal));
    const at = (url: string) =>
      agents.filter(({ connections }) => {
        const last = connections.at(-1);
        return last?.state === 'connected' && last.server === url;
      }).length;
    await until(() => at(a.url) === MACHINES);
    lab.commit('second');
    // While config.d goes on changing: what is told before, during and after the move.
    await a.keys.order(
      lab.machines.map(({ node }) => node),
      { to: b.url, reason: 'A gets a new disk' },
    );
    await until(() => at(b.url) > 50);
    lab.commit('third');
    await until(() => at(b.url) === MACHINES);
    lab.commit('last');
    await until(() => agents.every(({ known }) => known() === 'last'));

    expect(agents.flatMap(({ connections }) => connections.map(({ state }) => state))).not.toContain('away');
    for (const { events, connections } of agents) {
      expect(connections.map(({ server }) => server)).toEqual([a.url, b.url]);
      for (const { url } of [a, b]) {
        // The numbers of the events of one server: none is missing, none comes twice.
        const ids = events.filter(({ server }) => server === url).map(({ id }) => Number(id?.split('-')[1]));
        expect(ids).toEqual(ids.map((_, index) => (ids[0] ?? 0) + index));
      }
      expect(events.filter(({ event }) => event === 'resync').map(({ server }) => server)).toEqual([a.url, b.url]);
    }
    stop.abort();
    await Promise.all(agents.map(({ running }) => running));
  });
});
