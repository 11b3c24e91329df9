import { describe, expect, it } from 'vitest';
import { printerChecks } from '../../../../../src/agent/health/checks/printer-checks.ts';
import { serverCheck, urlChecks } from '../../../../../src/agent/health/checks/reach-checks.ts';
import type { PrinterState } from '../../../../../src/agent/printers/printer-state.ts';
import type { Server } from '../../../../../src/host/memory/http.ts';
import { memoryHost } from '../../../../../src/host/memory.ts';

const SIGNAL = new AbortController().signal;
const A = 'http://a:8080';

describe('a server', () => {
  const looked = async (
    source: 'fetched' | 'copy',
    servers: readonly string[],
    answers: Readonly<Record<string, Server>> = {},
    isConnected = () => false,
  ) => {
    const host = memoryHost({ servers: answers });
    const check = serverCheck(host, { record: { source }, servers: () => servers, isConnected });
    return { first: await check(SIGNAL), again: () => check(SIGNAL), host };
  };

  it('is not missed by a machine that has none, nor by one that booted what it keeps', async () => {
    expect((await looked('fetched', [])).first.why).toBeUndefined();
    const { first, host } = await looked('copy', [A]);
    expect(first).toMatchObject({ note: 'none is reached; the system is the one that is kept here' });
    expect(host.calls).toEqual([]);
  });

  it('is missed by a system that was fetched and reaches none: its own network cuts it off', async () => {
    const { first } = await looked('fetched', [A, 'http://b:8080'], { [A]: () => 'refused' });
    expect(first.why).toMatch(/^none is reached, and the boot reached one: http:\/\/a:8080 not reachable/);
  });

  it.each([
    ['accepts boots', { body: '{"accepting":true,"load":0.1}' }],
    ['refuses boots', { status: 503 }],
    ['is of before', { status: 404 }],
  ])('that %s is reached, and need not be there again', async (_, answer) => {
    let isThere = true;
    const { first, again } = await looked('fetched', [A], { [A]: () => (isThere ? answer : 'refused') });
    expect(first.why).toBeUndefined();
    isThere = false;
    expect((await again()).why).toBeUndefined();
  });

  it('that the agent is connected to is not asked', async () => {
    const { first, host } = await looked('fetched', [A], {}, () => true);
    expect(first).toEqual({ name: 'server', need: 'required' });
    expect(host.calls).toEqual([]);
  });
});

it('a URL is good that answers with a status below 400, however long its answer is', async () => {
  const host = memoryHost({
    servers: {
      'http://good:1': () => ({ body: 'x'.repeat(10_000_000), bytesPerSecond: 1 }),
      'http://bad:1': () => ({ status: 503 }),
      'http://dead:1': () => 'refused',
      'http://silent:1': () => 'silent',
    },
  });
  const urls = ['good', 'bad', 'dead', 'silent'].map((name) => `http://${name}:1/`);
  const found = await urlChecks(host, urls, SIGNAL);
  expect(found.map(({ name, why }) => `${name}: ${why ?? 'good'}`)).toEqual([
    'url http://good:1/: good',
    'url http://bad:1/: it answers with status 503',
    expect.stringMatching(/^url http:\/\/dead:1\/: .*nothing listens there/),
    expect.stringMatching(/^url http:\/\/silent:1\/: .*(10 s|silent|answer)/),
  ]);
  expect(host.clock.uptimeMs()).toBeLessThanOrEqual(11_000);
});

describe('a printer', () => {
  const BOARD = { cause: 'talks', sinceMs: 0, mcus: {} } as const;
  const looked = async (state: PrinterState | undefined, files = {}) => {
    const printer = { name: 'voron', data: '/home/pi/printer_data' };
    const states = state ? { voron: state } : {};
    return (await printerChecks(memoryHost({ files }), [printer], states, SIGNAL))[0];
  };

  it.each<[string, PrinterState]>([
    ['is ready', { state: 'idle', sinceMs: 0, board: { ...BOARD, health: 'good' } }],
    ['prints', { state: 'printing', sinceMs: 0 }],
    ['is paused while Klipper does not answer', { state: 'paused', sinceMs: 0, why: 'ECONNREFUSED' }],
    ['is switched off', { state: 'idle', sinceMs: 0, board: { ...BOARD, health: 'unknown', cause: 'absent' } }],
  ])('that %s does not speak against the system', async (_, state) => {
    expect((await looked(state))?.why).toBeUndefined();
  });

  it.each<[string, PrinterState | undefined, string]>([
    ['of which nothing is known', undefined, 'nothing is known of it yet'],
    ['whose Klipper does not answer', { state: 'away', sinceMs: 0, why: 'ENOENT' }, 'Klipper does not answer: ENOENT'],
    [
      'whose config Klipper does not understand',
      { state: 'idle', sinceMs: 0, why: 'Klipper is in error: Option x' },
      'Klipper is in error: Option x',
    ],
    [
      'whose board answers and does not go with this Klipper',
      { state: 'idle', sinceMs: 0, board: { ...BOARD, health: 'bad', cause: 'firmware', why: 'Protocol error' } },
      'Klipper cannot talk to its board: Protocol error',
    ],
  ])('%s does', async (_, state, why) => expect((await looked(state))?.why).toContain(why));

  it('does when its Moonraker has a socket and does not answer', async () => {
    const files = {
      '/home/pi/printer_data/config/moonraker.conf': '',
      '/home/pi/printer_data/comms/moonraker.sock': { type: 'socket' as const },
    };
    const ready: PrinterState = { state: 'idle', sinceMs: 0, board: { ...BOARD, health: 'good' } };
    expect((await looked(ready, files))?.why).toBe('Moonraker does not answer');
  });
});
