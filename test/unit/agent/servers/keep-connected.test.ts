import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { bell } from '../../../../src/agent/servers/bell.ts';
import type { ServerEvent } from '../../../../src/agent/servers/event-stream.ts';
import { type Connection, keepConnected } from '../../../../src/agent/servers/keep-connected.ts';
import { type ServerSettings, serverChoice } from '../../../../src/agent/servers/server-choice.ts';
import { StatectlError } from '../../../../src/error.ts';
import type { Server } from '../../../../src/host/memory/http.ts';
import { memoryHost } from '../../../../src/host/memory.ts';
import { createConfig } from '../../../fixtures/config.ts';
import { sized } from '../../../fixtures/effort.ts';
import { type FakeServer, fakeServer } from '../fake-server.ts';

const MINUTE = 60_000;
const [A, B, C] = ['http://a.lab:8080', 'http://b.lab:8080', 'http://c.lab:8080'] as const;

interface LabOptions {
  readonly servers?: readonly string[];
  readonly choose?: 'ordered' | 'weighted' | 'measured';
  readonly before?: Pick<Connection, 'server' | 'pinned'>;
}

/** An agent with up to three servers, and hours that pass at once. */
function lab({ servers = [A, B], choose = 'ordered', before }: LabOptions = {}) {
  const answers: Record<string, Server> = {};
  const host = memoryHost({ servers: answers });
  const { clock } = host;
  const [a, b, c] = [A, B, C].map((url) => fakeServer(url, clock)) as [FakeServer, FakeServer, FakeServer];
  for (const { url, answer } of [a, b, c]) answers[url] = answer;
  const settingsOf = (urls: readonly string[]): ServerSettings => ({
    server: { ...createConfig().server, servers: [...urls], choose },
    listed: urls,
    all: urls,
  });
  let settings = settingsOf(servers);
  const connections: (Connection & { readonly uptimeMs: number })[] = [];
  const heard: (ServerEvent & { readonly server: string })[] = [];
  const wake = bell(clock);
  const stop = new AbortController();
  let missing = false;
  const running = keepConnected(
    {
      clock,
      choice: serverChoice(host, () => settings),
      settings: () => settings,
      open: (url, lastEventId, signal) => {
        if (missing) throw new StatectlError('no-certificate', 'this machine has no certificate');
        const server = [a, b, c].find((each) => each.url === url);
        if (!server) throw new Error(`nobody is ${url}`);
        return server.session(lastEventId, signal);
      },
      heard: (event, server) => heard.push({ ...event, server }),
      changed: (connection) => connections.push({ ...connection, uptimeMs: clock.uptimeMs() }),
      wake,
      ...(before && { before }),
    },
    stop.signal,
  ).catch((error: unknown) => {
    if (!stop.signal.aborted) throw error;
  });
  const at = () => connections.findLast(() => true);
  return {
    ...{ a, b, c, clock, connections, heard, wake, stop, host },
    at,
    /** Where it is, in one word. */
    home: () => (at()?.state === 'connected' ? at()?.server : undefined),
    name(urls: readonly string[]) {
      settings = settingsOf(urls);
    },
    lackCertificate(is: boolean) {
      missing = is;
    },
    pass: (ms: number) => clock.sleep(ms),
    [Symbol.asyncDispose]: async () => {
      stop.abort();
      await running;
    },
  };
}

describe('the stream of a machine', () => {
  it('is at the first of its servers, and asks what it missed once', async () => {
    await using machine = lab();
    await machine.pass(MINUTE);
    expect(machine.home()).toBe(A);
    expect(machine.heard).toMatchObject([{ event: 'resync', server: A }]);
    expect([machine.a.open, machine.b.open]).toEqual([1, 0]);
  });

  it('hands on what the server says, and goes on after the last event when it was cut off', async () => {
    await using machine = lab({ servers: [A] });
    await machine.pass(2 * MINUTE);
    machine.a.say('bundle');
    await machine.pass(MINUTE);
    machine.a.state = 'down';
    await machine.pass(MINUTE);
    machine.a.say('bundle');
    machine.a.say('identity');
    machine.a.state = 'up';
    await machine.pass(5 * MINUTE);
    expect(machine.heard.map(({ event }) => event)).toEqual(['resync', 'bundle', 'bundle', 'identity']);
    expect(machine.a.openings).toEqual([undefined, 'a.lab-1']);
  });

  it('is tried for three hours without a server, ever more rarely, and never given up', async () => {
    await using machine = lab({ servers: [A] });
    await machine.pass(2 * MINUTE);
    machine.a.state = 'down';
    await machine.pass(180 * MINUTE);
    const away = machine.connections.filter(({ state }) => state === 'away').map(({ uptimeMs }) => uptimeMs);
    const waits = away.slice(1).map((ms, index) => ms - (away[index] as number));
    expect(Math.max(...waits)).toBeLessThanOrEqual(5 * MINUTE + 1000);
    expect(away.length).toBeGreaterThan(36);
    expect(away.length).toBeLessThan(150);
    // Jitter: no two waits of the long ones are alike.
    expect(new Set(waits.slice(-20)).size).toBe(20);
    machine.a.state = 'up';
    await machine.pass(6 * MINUTE);
    expect(machine.home()).toBe(A);
    expect(machine.a.open).toBe(1);
  });

  it('leaves nothing behind over hundreds of losses', async () => {
    await using machine = lab({ servers: [A] });
    await machine.pass(MINUTE);
    const before = getEventListeners(machine.stop.signal, 'abort').length;
    for (let loss = 0; loss < sized(200, 2_000); loss += 1) {
      await machine.pass(2 * MINUTE);
      machine.a.state = 'down';
      await machine.pass(20_000);
      machine.a.state = 'up';
      await machine.pass(10_000);
    }
    await machine.pass(10 * MINUTE);
    expect(machine.home()).toBe(A);
    expect(machine.a.open).toBe(1);
    expect(getEventListeners(machine.stop.signal, 'abort').length).toBeLessThanOrEqual(before + 1);
  });

  it('comes at once when the certificate that was missing is there', async () => {
    await using machine = lab();
    machine.lackCertificate(true);
    await machine.pass(60 * MINUTE);
    expect(machine.at()).toMatchObject({ state: 'away', why: 'this machine has no certificate' });
    machine.lackCertificate(false);
    machine.wake.ring();
    await machine.pass(1000);
    expect(machine.home()).toBe(A);
  });

  it('goes to another server when its own dies, and back when that one is well again', async () => {
    await using machine = lab();
    await machine.pass(2 * MINUTE);
    machine.a.state = 'down';
    await machine.pass(MINUTE);
    expect(machine.home()).toBe(B);
    machine.a.state = 'up';
    await machine.pass(2 * MINUTE);
    // Not at once: it stays for a while where it is.
    expect(machine.home()).toBe(B);
    await machine.pass(8 * MINUTE);
    expect(machine.home()).toBe(A);
    expect([machine.a.open, machine.b.open]).toEqual([1, 0]);
  });

  it('is not put to a server again for a while that says it is well and then fails', async () => {
    await using machine = lab({ choose: 'measured' });
    machine.b.load = 0.9;
    machine.a.load = 0;
    machine.a.state = 'closes at once';
    await machine.pass(30 * MINUTE);
    expect(machine.home()).toBe(B);
    // Each time it failed, it is left alone for longer.
    expect(machine.a.openings.length).toBeLessThan(8);
    machine.a.state = 'up';
    await machine.pass(120 * MINUTE);
    expect(machine.home()).toBe(A);
  });
});

describe('a machine that is asked to move', () => {
  it('opens the stream of the other server before it closes its own, and asks anew what it is to be', async () => {
    await using machine = lab();
    await machine.pass(MINUTE);
    machine.a.say('move', { order: 'admin', to: [B], reason: 'A gets a new disk' });
    await machine.pass(MINUTE);
    expect(machine.at()).toMatchObject({ server: B, why: 'A gets a new disk' });
    expect(machine.connections.map(({ state }) => state)).toEqual(['connected', 'connected']);
    expect(machine.heard).toMatchObject([
      { event: 'resync', server: A },
      { event: 'resync', server: B },
    ]);
    expect([machine.a.open, machine.b.open]).toEqual([0, 1]);
    // Although config.d would have A first, the admin's word holds, also when something else of config.d changes.
    machine.name([A, B]);
    await machine.pass(60 * MINUTE);
    expect(machine.home()).toBe(B);
    expect(machine.at()?.pinned).toBe(true);
  });

  it('stays there when its agent begins anew, and when that server dies goes by config.d again', async () => {
    await using machine = lab({ before: { server: B, pinned: true } });
    await machine.pass(20 * MINUTE);
    expect(machine.at()).toMatchObject({ server: B, why: 'an admin sent it here', pinned: true });
    machine.b.state = 'down';
    await machine.pass(MINUTE);
    machine.b.state = 'up';
    await machine.pass(20 * MINUTE);
    expect(machine.home()).toBe(A);
  });

  it('stays where the other cannot be verified', async () => {
    await using machine = lab();
    machine.b.state = 'not ours';
    await machine.pass(MINUTE);
    machine.a.say('move', { order: 'admin', to: [B], reason: '' });
    await machine.pass(10 * MINUTE);
    expect(machine.home()).toBe(A);
    expect(machine.a.openings).toHaveLength(1);
  });

  it('tries sixteen servers of an order at most, and stays where none of them is one', async () => {
    const strangers = Array.from({ length: 16 }, (_, at) => `http://${at}.elsewhere:8080`);
    await using machine = lab();
    await machine.pass(MINUTE);
    machine.a.say('move', { order: 'admin', to: [...strangers, B], reason: '' });
    await machine.pass(MINUTE);
    expect([machine.home(), machine.b.openings]).toEqual([A, []]);
    machine.a.say('move', { order: 'admin', to: [...strangers.slice(1), B], reason: '' });
    await machine.pass(MINUTE);
    expect(machine.home()).toBe(B);
  });

  it('goes to whichever is good where the admin names none', async () => {
    await using machine = lab({ servers: [A, B, C] });
    machine.b.state = 'down';
    await machine.pass(MINUTE);
    machine.a.say('move', { order: 'admin', reason: '' });
    await machine.pass(MINUTE);
    expect(machine.home()).toBe(C);
  });

  it('by a server that is too busy goes only where it is better by the margin, and only after it stayed', async () => {
    await using machine = lab({ choose: 'weighted' });
    await machine.pass(MINUTE);
    const [from, to] = machine.home() === A ? [machine.a, machine.b] : [machine.b, machine.a];
    const ask = async () => {
      from.say('move', { order: 'load', reason: 'too much' });
      await machine.pass(MINUTE);
      return machine.home();
    };
    from.load = 0.95;
    expect(await ask()).toBe(from.url);
    await machine.pass(10 * MINUTE);
    to.load = 0.94;
    expect(await ask()).toBe(from.url);
    to.load = 0.2;
    expect(await ask()).toBe(to.url);
  });

  it('is not moved by nonsense', async () => {
    await using machine = lab();
    await machine.pass(MINUTE);
    for (const data of [null, 7, { order: 'admin', to: ['nonsense', 3] }, { to: {} }])
      machine.a.say('move', data as object);
    await machine.pass(10 * MINUTE);
    expect(machine.home()).toBe(A);
  });
});

describe('a machine that measures its servers', () => {
  it('moves to one that is better by the margin, and then stays', async () => {
    await using machine = lab({ choose: 'measured' });
    await machine.pass(10 * MINUTE);
    const first = machine.home() === A ? machine.a : machine.b;
    const other = first === machine.a ? machine.b : machine.a;
    first.load = 0.2;
    await machine.pass(10 * MINUTE);
    // 12 %, not 30.
    expect(machine.home()).toBe(first.url);
    first.load = 0.5;
    await machine.pass(3 * MINUTE);
    expect(machine.home()).toBe(other.url);
  });

  it('does not run to and fro between two that are busy in turn', async () => {
    await using machine = lab({ choose: 'measured' });
    for (let minute = 0; minute < 240; minute += 1) {
      machine.a.load = minute % 2 === 0 ? 0.9 : 0.1;
      machine.b.load = minute % 2 === 0 ? 0.1 : 0.9;
      await machine.pass(MINUTE);
    }
    // At most one move in the time that it stays.
    expect(machine.a.openings.length + machine.b.openings.length).toBeLessThanOrEqual(1 + 240 / 5);
  });
});

describe('one edit that replaces server A by B', () => {
  it('moves the machine, which verified B first', async () => {
    await using machine = lab({ servers: [A] });
    await machine.pass(MINUTE);
    machine.name([B]);
    await machine.pass(MINUTE);
    expect(machine.at()).toMatchObject({ server: B, why: `config.d does not name ${A} any more` });
    expect(machine.connections.map(({ state }) => state)).toEqual(['connected', 'connected']);
  });

  it('leaves the machine with A while B is wrong, which it says once, and when A is cut off it finds A again', async () => {
    await using machine = lab({ servers: [A] });
    machine.b.state = 'not ours';
    await machine.pass(MINUTE);
    machine.name([B]);
    await machine.pass(60 * MINUTE);
    expect(machine.home()).toBe(A);
    expect(machine.connections.map(({ stays }) => stays)).toEqual([
      undefined,
      `config.d does not name it any more, and no other can be used: ${B} is not trusted`,
    ]);
    machine.a.state = 'down';
    await machine.pass(30_000);
    machine.a.state = 'up';
    await machine.pass(10 * MINUTE);
    expect(machine.home()).toBe(A);
    machine.b.state = 'up';
    await machine.pass(70 * MINUTE);
    expect(machine.home()).toBe(B);
  });

  it('and is taken back leaves the machine where it is, with nothing to say any more', async () => {
    await using machine = lab({ servers: [A] });
    machine.b.state = 'not ours';
    await machine.pass(MINUTE);
    machine.name([B]);
    await machine.pass(MINUTE);
    machine.name([A]);
    await machine.pass(MINUTE);
    expect(machine.connections.map(({ state, stays }) => [state, stays !== undefined])).toEqual([
      ['connected', false],
      ['connected', true],
      ['connected', false],
    ]);
    expect(machine.a.openings).toHaveLength(1);
  });

  it('is survived by the agent’s own restart: the server that it had is asked as well', async () => {
    await using machine = lab({ servers: [B], before: { server: A } });
    machine.b.state = 'not ours';
    await machine.pass(MINUTE);
    expect(machine.home()).toBe(A);
  });
});
