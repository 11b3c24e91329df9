import { describe, expect, it } from 'vitest';
import { serversInOrder } from '../../../src/fetch/choose-servers.ts';
import type { Host } from '../../../src/host/host.ts';
import type { ServedAnswer, Server } from '../../../src/host/memory/http.ts';
import { memoryHost } from '../../../src/host/memory.ts';
import type { TaskContext } from '../../../src/host/task-context.ts';
import { planMeasure, takeServers } from '../../../src/machine/delivery/take-servers.ts';
import type { Facts } from '../../../src/machine/facts/facts.ts';
import { RUN_INITRAMFS } from '../../../src/machine/paths.ts';
import { applyStep } from '../../../src/machine/steps/step.ts';
import { readSaid } from '../../../src/protocol/read-answer.ts';
import { ServerStatus } from '../../../src/protocol/server-status.ts';
import { createFacts } from '../../fixtures/facts.ts';

const [A, B, C] = ['http://a:8080', 'http://b:8080', 'http://c:8080'] as const;

const status =
  (load: unknown, how: Partial<ServedAnswer> = {}, accepting: unknown = true): Server =>
  ({ url }) =>
    url.pathname === '/v1/status' ? { body: JSON.stringify({ accepting, load }), ...how } : { status: 500 };
const says =
  (body: string | Uint8Array, how: Partial<ServedAnswer> = {}): Server =>
  () => ({ body, ...how });

const machine = (servers: Record<string, Server>) =>
  memoryHost({ servers, files: { [RUN_INITRAMFS]: { type: 'dir' } } });

/** As a boot does: by a step, and the next look takes what it left. */
async function chooseServers(host: Host, facts: Facts, boot: TaskContext) {
  for (const step of planMeasure(facts)) await applyStep(step, host, boot);
  const { servers: found } = await takeServers(host, facts, boot);
  return { servers: found?.inOrder ?? [], probeMs: found?.probeMs };
}

function choose(servers: Record<string, Server>, changes: Parameters<typeof createFacts>[0] = {}) {
  const host = machine(servers);
  const settings = { servers: Object.keys(servers), choose: 'measured' as const, ...changes.config?.server };
  const facts = createFacts({ ...changes, config: { server: settings } });
  const said: string[] = [];
  const warned: string[] = [];
  const boot = {
    say: (text: string) => void said.push(text),
    warn: (text: string) => void warned.push(text),
    signal: new AbortController().signal,
  };
  return { host, said, warned, chosen: chooseServers(host, facts, boot) };
}
const reasons = async ({ chosen }: ReturnType<typeof choose>) =>
  Object.fromEntries((await chosen).servers.map(({ url, reason }) => [url, reason]));

describe('a machine with several servers', () => {
  it('asks all at once, and takes the better one', async () => {
    const { host, said, chosen } = choose({ [A]: status(0.2, { tookMs: 300 }), [B]: status(0.3, { tookMs: 10 }) });
    expect(await chosen).toEqual({
      servers: [
        { url: B, reason: 'measured: 10 ms, load 0.3', roundTripMs: 10, load: 0.3 },
        { url: A, reason: 'measured: 300 ms, load 0.2', roundTripMs: 300, load: 0.2 },
      ],
      probeMs: 300,
    });
    expect(host.clock.uptimeMs()).toBe(300);
    expect(said).toEqual([`server ${B}: measured: 10 ms, load 0.3`, `server ${A}: measured: 300 ms, load 0.2`]);
  });

  it.each<[string, Server, string]>([
    ['is dead', () => 'refused', 'not reachable'],
    ['takes no connection', () => 'silent', 'silent'],
    ['takes one and says nothing', status(0, { tookMs: Number.POSITIVE_INFINITY }), 'silent'],
    ['is slower than anybody waits', status(0, { tookMs: 5_000 }), 'silent'],
    ['dribbles', status(0, { bytesPerSecond: 1 }), 'silent'],
    ['breaks off', status(0, { end: 'break' }), 'broke the connection'],
    ['fails', says('', { status: 500 }), 'answers 500'],
    ['is overloaded', status(1, {}, false), 'takes no new boots: 0 ms, load 1'],
    ['is too busy to say so', says('', { status: 503 }), 'takes no new boots: 0 ms, load unknown'],
    ['lies: less than nothing to do', status(-5), 'does not answer like a statectl server'],
    ['lies: no number', says('{"accepting":true,"load":NaN}'), 'does not answer like a statectl server'],
    ['lies: a text', status('0'), 'does not answer like a statectl server'],
    ['lies: more than all to do', says('{"accepting":true,"load":1e308}'), 'does not answer like a statectl server'],
    ['lies: endless', says('{"accepting":true,"load":1e999}'), 'does not answer like a statectl server'],
    ['does not say whether it accepts', status(0, {}, null), 'does not answer like a statectl server'],
    ['is another program', says('<html>router</html>'), 'does not answer like a statectl server'],
    ['says null', says('null'), 'does not answer like a statectl server'],
    ['sends ten megabytes', says(Buffer.alloc(10_000_000, ' ')), 'does not answer like a statectl server'],
    ['redirects for ever', ({ url }) => ({ status: 302, headers: { location: url.href } }), 'redirects without end'],
  ])('puts one at the end that %s, within two seconds', async (_title, bad, reason) => {
    const test = choose({ [A]: bad, [B]: status(0.2) });
    const { servers } = await test.chosen;
    expect(servers).toMatchObject([{ url: B }, { url: A, reason, isLast: true }]);
    // One that is busy is no trouble.
    expect(test.warned).toEqual(reason.startsWith('takes') ? [] : [`server ${A}: ${reason}`]);
    expect(test.host.clock.uptimeMs()).toBeLessThanOrEqual(2_000);
    expect(serversInOrder({ servers: { inOrder: servers }, config: createFacts().config })).toEqual({
      first: [B],
      last: [A],
    });
  });

  it('reads no more of a long answer than it needs', async () => {
    let chunks = 0;
    const host = machine({ [B]: status(0) });
    const http: typeof host.http = {
      request: async (url, request) =>
        url.startsWith(B)
          ? host.http.request(url, request)
          : {
              status: 200,
              headers: {},
              body: (async function* () {
                for (; chunks < 10_000; chunks += 1) yield new Uint8Array(1000);
              })(),
            },
    };
    const facts = createFacts({ config: { server: { servers: [A, B] } } });
    await chooseServers({ ...host, http }, facts, {
      say: () => {},
      warn: () => {},
      signal: new AbortController().signal,
    });
    expect(chunks).toBeLessThan(10);
  });

  it('takes a server of an older version for one that accepts', async () => {
    expect(await reasons(choose({ [A]: says('', { status: 404 }), [B]: status(0.9, { tookMs: 90 }) }))).toEqual({
      [A]: 'measured: 0 ms, load unknown',
      [B]: 'measured: 90 ms, load 0.9',
    });
  });

  it('keeps the order of all where none answers, and puts none off', async () => {
    const { chosen, host } = choose({ [A]: () => 'silent', [B]: () => 'refused', [C]: () => 'silent' });
    const { servers, probeMs } = await chosen;
    expect(servers.map(({ url }) => url)).toEqual([A, B, C]);
    expect(serversInOrder({ servers: { inOrder: servers }, config: createFacts().config })).toEqual({
      first: [A, B, C],
      last: [],
    });
    expect([host.clock.uptimeMs(), probeMs]).toEqual([2_000, 2_000]);
  });

  it('waits as long as config.d says, and never more than two seconds', async () => {
    const probe = (timeoutMs: number) => ({ ...createFacts().config.server.probe, timeoutMs });
    const wait = async (timeoutMs: number) => {
      const { host, chosen } = choose(
        { [A]: () => 'silent', [B]: status(0) },
        { config: { server: { probe: probe(timeoutMs) } } },
      );
      await chosen;
      return host.clock.uptimeMs();
    };
    expect([await wait(500), await wait(60_000)]).toEqual([500, 2_000]);
  });

  it('names one that is no address, and goes on with the others', async () => {
    const config = { server: { servers: ['boot lab', A] } };
    expect(await reasons(choose({ [A]: status(0) }, { config }))).toMatchObject({
      'boot lab': 'no address of a server',
    });
  });

  it('has each once, however often it is named', async () => {
    const config = { server: { servers: [A, B, A] } };
    const { servers } = await choose({ [A]: status(0), [B]: status(0) }, { config }).chosen;
    expect(servers.map(({ url }) => url).toSorted()).toEqual([A, B]);
  });
});

it('a status is read up to the last byte that one may have', async () => {
  const of = (sizeBytes: number) => says(`{"accepting":true,"load":0}`.padEnd(sizeBytes));
  expect(await reasons(choose({ [A]: of(4096), [B]: of(4097) }))).toMatchObject({
    [A]: 'measured: 0 ms, load 0',
    [B]: 'does not answer like a statectl server',
  });
});

it('servers that nobody looked at yet are asked as config.d has them', () => {
  const { config } = createFacts({ config: { server: { servers: [B, A] } } });
  expect(serversInOrder({ servers: {}, config })).toEqual({ first: [B, A], last: [] });
});

it('nobody is measured any more when the boot goes on without', async () => {
  const stop = new AbortController();
  const why = new Error('the boot goes on');
  const gone: Server = () => {
    stop.abort(why);
    return 'refused';
  };
  const facts = createFacts({ config: { server: { servers: [A, B] } } });
  const report = { say: () => {}, warn: () => {}, signal: stop.signal };
  const host = machine({ [A]: gone, [B]: gone });
  await expect(chooseServers(host, facts, report)).rejects.toBe(why);
});

describe('nobody is measured', () => {
  it.each([
    ['where there is one server alone', [A], {}, [{ url: A, reason: 'the only one' }]],
    ['where there is none', [], {}, []],
    [
      'without a network',
      [A, B],
      { network: { leases: [] } },
      [A, B].map((url) => ({ url, reason: 'not measured: there is no network' })),
    ],
  ])('%s', async (_title, servers, changes, expected) => {
    const { host, chosen } = choose({}, { ...changes, config: { server: { servers } } });
    expect(await chosen).toEqual({ servers: expected, probeMs: 0 });
    expect(host.calls).toEqual([]);
    expect(host.clock.uptimeMs()).toBe(0);
  });
});

it('fields that a later server adds to its status change nothing', () => {
  expect(readSaid('{"accepting":true,"load":0.5,"transfers":3,"mood":"good"}', ServerStatus).value).toEqual({
    accepting: true,
    load: 0.5,
  });
});
