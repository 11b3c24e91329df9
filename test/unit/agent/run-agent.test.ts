import { describe, expect, it } from 'vitest';
import type { Refreshed, Renewed } from '../../../src/agent/agent.ts';
import { type AgentState, readAgentState } from '../../../src/agent/agent-state.ts';
import { runAgent } from '../../../src/agent/run-agent.ts';
import type { Config } from '../../../src/config/config.ts';
import { keepBundle } from '../../../src/fetch/kept-bundle.ts';
import type { Server } from '../../../src/host/memory/http.ts';
import { type MemoryHost, memoryHost } from '../../../src/host/memory.ts';
import { BOOT_RECORD, FACTS } from '../../../src/machine/paths.ts';
import { unpackMembers } from '../../../src/signed/bundle/archive.ts';
import { sha256Of } from '../../../src/signed/bundle/manifest.ts';
import { verifyBundle } from '../../../src/signed/bundle/verify.ts';
import { createBundle } from '../../fixtures/bundle.ts';
import { createFacts } from '../../fixtures/facts.ts';
import { makeCertificate } from '../../fixtures/identity/certificates.ts';
import { TRUSTED_KEY } from '../../fixtures/image/image.ts';
import { createRecord } from '../../fixtures/running-system.ts';

const SERVER = 'http://boot.lab:8080';
const SECURE = 'https://boot.lab:8443';
const MINUTE = 60_000;
const HELLO = 'id: ab-1\nevent: hello\ndata: {}\n\n';
const BUNDLE = 'id: ab-2\nevent: bundle\ndata: {}\n\n';
/** 13 in a second: the memory host says no fewer. */
const beats = (ms: number): string => ':\n\n'.repeat((ms / 1000) * 13);

interface LabOptions {
  readonly url?: string;
  readonly server?: Partial<Config['server']>;
  readonly certificate?: boolean;
  /** By name, as texts. */
  readonly pems?: Readonly<Record<string, string>>;
  readonly startMs?: number;
  /** The bodies of the streams, one after the other; the last one again and again. */
  readonly streams?: readonly string[];
  /** When the server is away. */
  readonly away?: readonly [fromMs: number, toMs: number];
  readonly refresh?: (count: number, host: MemoryHost) => Partial<Refreshed> | Error | Promise<Partial<Refreshed>>;
  readonly renew?: (count: number, nowMs: number) => Partial<Renewed>;
  readonly takes?: (id: string) => number;
}

function lab({
  url: served = SERVER,
  server = {},
  certificate = true,
  pems = { cert: 'cert', key: 'key', ca: 'ca' },
  startMs,
  streams = [HELLO + beats(120 * MINUTE)],
  away = [Number.POSITIVE_INFINITY, 0],
  refresh = () => ({}),
  renew = () => ({}),
  takes = () => 204,
}: LabOptions = {}) {
  const facts = createFacts({ config: { server: { servers: [served], ...server } } });
  const record = createRecord(facts);
  const reports: { readonly id: string; readonly event: string; readonly atMs: number; readonly config: object }[] = [];
  let opened = 0;
  const isAway = () => host.clock.uptimeMs() >= away[0] && host.clock.uptimeMs() < away[1];
  const servers: Record<string, Server> = {
    [served]: ({ url, body }) => {
      if (isAway()) return 'refused';
      if (url.pathname === '/v1/tls') return { body: '{"port": 8443}' };
      if (url.pathname !== '/v1/reports') return { status: 404 };
      const { id, agent, config } = JSON.parse(body);
      const status = takes(id);
      // The health of the system has its own tests.
      if (status === 204 && agent.event !== 'health')
        reports.push({ id, event: agent.event, atMs: host.clock.uptimeMs(), config });
      return { status };
    },
    [SECURE]: () => {
      if (isAway()) return 'refused';
      opened += 1;
      return { body: streams[Math.min(opened, streams.length) - 1] ?? '', bytesPerSecond: 40 };
    },
  };
  const host = memoryHost({
    servers,
    files: {
      [BOOT_RECORD]: JSON.stringify(record),
      [FACTS]: JSON.stringify(facts),
      '/proc/self': { target: '4242' },
      '/proc/4242/cmdline': '/run/statectl/rt/statectl\0agent\0',
      '/proc/sys/kernel/random/boot_id': 'b00710d0-0000-4000-8000-000000000001\n',
      ...(certificate &&
        Object.fromEntries(
          Object.entries(pems).map(([name, text]) => [`/run/statectl/identity/${name}.pem`, text] as const),
        )),
    },
    ...(startMs !== undefined && { startMs }),
  });
  const refreshes: number[] = [];
  const renewals: number[] = [];
  const stop = new AbortController();
  const running = runAgent(
    host,
    {
      async refresh() {
        refreshes.push(host.clock.uptimeMs());
        const result = await refresh(refreshes.length, host);
        if (result instanceof Error) throw result;
        return {
          state: isAway() ? 'unreachable' : 'unchanged',
          applied: [],
          needsReboot: [],
          keptLocal: [],
          ...result,
        };
      },
      async renew() {
        renewals.push(host.clock.uptimeMs());
        const nextAtMs = host.clock.now() + 240 * 60 * MINUTE;
        return { state: 'current', nextAtMs, ...renew(renewals.length, host.clock.now()) };
      },
    },
    stop.signal,
  );
  return {
    ...{ host, facts, record, reports, refreshes, renewals, stop, running },
    opened: () => opened,
    pass: (ms: number) => host.clock.sleep(ms),
    state: async () => (await readAgentState(host)) as AgentState & { readonly runs: boolean },
    [Symbol.asyncDispose]: async () => {
      stop.abort();
      await running;
    },
  };
}

describe('the agent', () => {
  it('asks what the machine is to be at the start and when its stream is open, and says where it is', async () => {
    await using agent = lab();
    await agent.pass(5 * MINUTE);
    expect(agent.refreshes).toHaveLength(2);
    expect(await agent.state()).toMatchObject({
      pid: 4242,
      runs: true,
      connection: { state: 'connected', server: SERVER, why: 'the only one' },
      lastEvent: { event: 'resync', server: SERVER },
      refreshed: { state: 'unchanged', server: SERVER },
      renewed: { state: 'current' },
      queue: { length: 0, dropped: 0 },
    });
  });

  it('asks again when the server says that there is something new', async () => {
    await using agent = lab({ streams: [HELLO + beats(10 * MINUTE) + BUNDLE + beats(60 * MINUTE)] });
    await agent.pass(9 * MINUTE);
    expect(agent.refreshes).toHaveLength(2);
    await agent.pass(3 * MINUTE);
    expect(agent.refreshes).toHaveLength(3);
    expect((await agent.state()).lastEvent?.event).toBe('bundle');
  });

  it('asks now and then where no event comes, and more often where it cannot listen', async () => {
    await using listening = lab();
    await listening.pass(60 * MINUTE);
    expect(listening.refreshes.length).toBeGreaterThanOrEqual(4);
    expect(listening.refreshes.length).toBeLessThanOrEqual(8);
    await using deaf = lab({ certificate: false });
    await deaf.pass(60 * MINUTE);
    expect(deaf.refreshes.length).toBeGreaterThan(45);
    expect((await deaf.state()).connection).toMatchObject({ state: 'away', why: 'this machine has no certificate' });
    // The reports go by another way.
    expect(deaf.reports.map(({ event }) => event)).toEqual(['booted']);
  });

  it('tells the boot, and what became of it, once and in order', async () => {
    await using agent = lab({
      refresh: (count) =>
        count === 2 ? { state: 'applied', applied: ['/etc/motd'], needsReboot: ['boot.image'] } : {},
    });
    await agent.pass(30 * MINUTE);
    expect(agent.reports.map(({ event }) => event)).toEqual(['booted', 'connected', 'bundle']);
    expect(agent.reports[0]?.id).toBe('boot-b00710d0-0000-4000-8000-000000000001');
    // What waits for a reboot is not what the machine runs with.
    expect(agent.reports.at(-1)?.config).toMatchObject({ digest: agent.record.configDigest });
    expect(new Set(agent.reports.map(({ id }) => id)).size).toBe(3);
  });

  it('keeps its reports over ten minutes without a server, and then sends them, oldest first', async () => {
    await using agent = lab({
      streams: [HELLO + beats(6 * MINUTE), HELLO.replace('hello', 'resync') + beats(60 * MINUTE)],
      away: [5 * MINUTE, 15 * MINUTE],
    });
    await agent.pass(10 * MINUTE);
    // The other one is of the health of the system.
    expect(await agent.state()).toMatchObject({ connection: { state: 'away', server: SERVER }, queue: { length: 2 } });
    expect(await agent.host.files.list('/run/statectl/queue')).toHaveLength(2);
    await agent.pass(15 * MINUTE);
    expect(agent.reports.map(({ event }) => event)).toEqual(['booted', 'connected', 'server-lost', 'connected']);
    expect(await agent.state()).toMatchObject({ connection: { state: 'connected' }, queue: { length: 0 } });
    // And it asks anew, as the server cannot say what was missed.
    expect(agent.refreshes.at(-1)).toBeGreaterThan(15 * MINUTE);
  });

  it('tells what it put right while no server was there', async () => {
    await using agent = lab({
      away: [0, 10 * MINUTE],
      refresh: (count) => (count === 3 ? { applied: ['/etc/motd'] } : {}),
    });
    await agent.pass(30 * MINUTE);
    expect(agent.reports.map(({ event }) => event)).toEqual(['booted', 'bundle', 'connected']);
  });

  it('does not send for ever what the server refuses', async () => {
    await using agent = lab({ takes: (id) => (id.startsWith('boot-') ? 400 : 204) });
    await agent.pass(10 * MINUTE);
    expect(agent.reports.map(({ event }) => event)).toEqual(['connected']);
    expect((await agent.state()).queue).toMatchObject({ length: 0, dropped: 1 });
  });

  it('renews at its time, however far that is, and listens at once with a certificate that came', async () => {
    await using agent = lab({
      certificate: false,
      renew: (count, nowMs) =>
        count === 1
          ? { state: 'refused', nextAtMs: nowMs + 90 * MINUTE, reason: 'waits' }
          : { state: 'renewed', nextAtMs: nowMs + 10 * 24 * 60 * MINUTE },
    });
    await agent.pass(85 * MINUTE);
    expect(agent.renewals).toHaveLength(1);
    for (const name of ['cert', 'key', 'ca']) {
      await agent.host.files.mkdir('/run/statectl/identity');
      await agent.host.files.write(`/run/statectl/identity/${name}.pem`, name);
    }
    await agent.pass(6 * MINUTE);
    expect(agent.renewals).toHaveLength(2);
    expect((await agent.state()).connection.state).toBe('connected');
    expect(agent.reports.map(({ event }) => event)).toContain('certificate');
  });

  it('looks at once whether it has to prove itself for more when config.d is another', async () => {
    await using agent = lab({
      async refresh(count, { files, ...host }) {
        if (count !== 2) return {};
        const { archive } = createBundle();
        const { digest } = verifyBundle(unpackMembers(archive), [TRUSTED_KEY.publicPem]);
        await files.mkdir('/run/statectl/bundle');
        await files.write('/run/answer', archive);
        await keepBundle({ ...host, files }, '/run/statectl/bundle', {
          ...{ archive: '/run/answer', sha256: sha256Of(archive), digest },
        });
        return { state: 'applied', applied: ['/etc/motd'] };
      },
    });
    await agent.pass(10 * MINUTE);
    expect(agent.renewals).toHaveLength(2);
    expect(agent.reports.at(-1)).toMatchObject({
      event: 'bundle',
      config: { digest: 'cd'.repeat(32), node: 'print01' },
    });
  });

  it('is not driven to ask without end by what says that it is due now', async () => {
    await using agent = lab({ renew: () => ({ nextAtMs: 0 }) });
    await agent.pass(10 * MINUTE);
    expect(agent.renewals.length).toBeLessThanOrEqual(61);
  });

  it('asks a server behind a proxy in the name of the machine, where config.d says mtls, and of config.d’s authorities', async () => {
    const url = 'https://boot.lab';
    const own = await makeCertificate({ name: 'print01', isAuthority: false });
    await using agent = lab({
      url,
      server: { authentication: 'mtls', authorities: ['LAB'] },
      pems: { cert: own.pem, key: own.keyPem, ca: 'ca' },
      startMs: Date.now(),
    });
    await agent.pass(5 * MINUTE);
    expect(agent.reports.map(({ event }) => event)).toEqual(['booted', 'connected']);
    const asked = agent.host.calls.flatMap((call) =>
      call.kind === 'request' && call.url.origin === url ? [[call.url.pathname, call.request.tls]] : [],
    );
    const tls = { caPem: 'LAB\n', certPem: own.pem, keyPem: own.keyPem };
    expect(asked.map(([path]) => path).toSorted()).toEqual(['/v1/reports', '/v1/reports', '/v1/tls']);
    for (const [, shown] of asked) expect(shown).toEqual(tls);
  });

  it('goes on when a part of it fails as it never should', async () => {
    await using agent = lab({ refresh: (count) => (count === 1 ? new Error('a bug') : {}) });
    await agent.pass(5 * MINUTE);
    expect(agent.host.lines).toContainEqual({ level: 'error', text: 'bundle: a bug; it begins anew in 60 s' });
    expect(agent.refreshes.length).toBeGreaterThan(1);
    expect((await agent.state()).connection.state).toBe('connected');
  });

  it('ends when it is told to, at once', async () => {
    const agent = lab();
    await agent.pass(MINUTE);
    agent.stop.abort();
    await agent.running;
    expect(agent.host.clock.uptimeMs()).toBeLessThan(2 * MINUTE);
  });

  it('is refused where statectl booted nothing', async () => {
    const host = memoryHost();
    const running = runAgent(host, {} as never, new AbortController().signal);
    await expect(running).rejects.toMatchObject({ code: 'not-booted' });
  });
});
