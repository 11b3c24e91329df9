import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { lock } from '../../../../src/commands/machine/lock.ts';
import type { Seed } from '../../../../src/host/memory/seed.ts';
import { memoryHost } from '../../../../src/host/memory.ts';

const AT = '/run/statectl/locks';
const PRINT = JSON.stringify({
  ...{ holder: 'klipper of voron', what: 'prints a.gcode', pid: 700, start: '41' },
  ...{ since: '2026-11-20T11:00:00Z', until: '2026-11-21T11:00:00Z' },
});
const stat = (start: string): string => `7 (x) S ${'0 '.repeat(18)}${start} 0`;
const machine = (files: Readonly<Record<string, Seed>> = {}, programs = {}) =>
  memoryHost({
    files: { '/proc/700/stat': stat('41'), '/proc/5/stat': stat('3'), '/proc/self': { target: '5' }, ...files },
    programs,
  });

let out: string[] = [];
beforeEach(() => {
  out = [];
  for (const stream of [process.stdout, process.stderr])
    vi.spyOn(stream, 'write').mockImplementation((text) => out.push(String(text)) > 0);
});
afterEach(() => void vi.restoreAllMocks());

describe('statectl lock', () => {
  it('lists every lock, and says when there is none', async () => {
    expect(await lock(machine({ [`${AT}/print-voron`]: PRINT }), [])).toBe(0);
    expect(out.join('')).toBe(`LOCK         HOLDER            WHAT            SINCE             AT MOST UNTIL
print-voron  klipper of voron  prints a.gcode  2026-11-20 11:00  2026-11-21 11:00
`);
    out = [];
    expect(await lock(machine(), ['list'])).toBe(0);
    expect(out).toEqual(['nothing is locked\n']);
  });

  it('check ends with 75 where there is one, and says which; a dead one counts as none', async () => {
    expect(await lock(machine({ [`${AT}/print-voron`]: PRINT }), ['check'])).toBe(75);
    expect(out.join('')).toBe(
      'locked: print-voron (klipper of voron: prints a.gcode), at most until 2026-11-21 11:00\n',
    );
    expect(await lock(machine({ [`${AT}/print-voron`]: PRINT, '/proc/700/stat': stat('42') }), ['check'])).toBe(0);
  });

  it.each([
    ['check', '--json'],
    ['check', 'print-voron'],
    ['drop'],
    ['drop', 'a', 'b'],
    ['list', 'x'],
    ['hold', 'a', 'b', '--', 'true'],
  ])('refuses words that it would not obey: %s %s %s', async (...words) => {
    await expect(lock(machine({ [`${AT}/print-voron`]: PRINT }), words)).rejects.toMatchObject({ code: 'usage' });
  });

  it('tells who is not root what the agent last saw, as far as its holders live', async () => {
    const held = { holder: 'klipper of voron', what: 'prints', sinceMs: 0, untilMs: Date.UTC(2027, 0) };
    const locks = [{ name: 'print-a', ...held, pid: 700, start: '41' }, { name: 'print-b', ...held, pid: 701 }, 7];
    const agent = JSON.stringify({ pid: 9, connection: {}, locks });
    const host = machine({ '/run/statectl/agent.json': agent });
    const denied = Object.assign(new Error('EACCES'), { code: 'EACCES' });
    const files = { ...host.files, list: () => Promise.reject(denied) };
    expect(await lock({ ...host, files }, ['check'])).toBe(75);
    expect(out.join('')).toMatch(/^locked: print-a .*2027-01-01 00:00\n$/);
  });

  it('does not tell who is not root that nothing is locked where no agent said so', async () => {
    const host = machine({ [`${AT}/calibration`]: PRINT });
    const denied = Object.assign(new Error('EACCES'), { code: 'EACCES' });
    const files = { ...host.files, list: () => Promise.reject(denied) };
    for (const command of ['list', 'check'])
      await expect(lock({ ...host, files }, [command])).rejects.toMatchObject({ code: 'EACCES' });
  });

  it('hold has one while a command runs, which names this process, and gives its status', async () => {
    const seen: unknown[] = [];
    const host = machine(
      {},
      {
        probe: async () => {
          seen.push(JSON.parse(await host.files.readText(`${AT}/calibration`)));
          return { exitCode: 4 };
        },
      },
    );
    const words = ['hold', 'calibration', '--for', '2h', '--what', 'a matrix', '--', 'probe', '--for', 'x'];
    expect(await lock(host, words)).toBe(4);
    expect(host.commands).toEqual(['probe --for x']);
    expect(seen).toEqual([
      {
        ...{ holder: 'statectl lock hold', what: 'a matrix', pid: 5, start: '3' },
        ...{ since: '2026-11-20T12:00:00.000Z', until: '2026-11-20T14:00:00.000Z', uptimeMs: 0 },
      },
    ]);
    expect(await host.files.list(AT)).toEqual([]);
  });

  it.each([
    [['hold', 'calibration'], /which lock/],
    [['hold', 'a', 'b', '--', 'x'], /which lock/],
    [['hold', '../a', '--', 'x'], /no name of a lock/],
    [['hold', 'print-voron', '--', 'x'], /of the agent's/],
    [['hold', 'mine', '--for', 'soon', '--', 'x'], /no time/],
    [['hold', 'mine', '--', 'x'], /^locked: mine/],
    [['drop', 'none'], /there is no lock none/],
    [['dorp', 'none'], /did you mean drop\?/],
  ])('%j is refused', async (words, why) => {
    const refused = lock(machine({ [`${AT}/mine`]: '' }), words);
    await expect(refused.catch((error) => Promise.reject(new Error(`${error.message} ${error.hint}`)))).rejects.toThrow(
      why,
    );
  });

  it('drop drops one', async () => {
    const host = machine({ [`${AT}/mine`]: '' });
    expect(await lock(host, ['drop', 'mine'])).toBe(0);
    expect(await host.files.list(AT)).toEqual([]);
  });
});
