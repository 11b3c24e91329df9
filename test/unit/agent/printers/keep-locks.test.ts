import { describe, expect, it } from 'vitest';
import { keepLocks } from '../../../../src/agent/printers/keep-locks.ts';
import type { PrinterState } from '../../../../src/agent/printers/printer-state.ts';
import { printsKnown } from '../../../../src/agent/printers/prints.ts';
import type { Seed } from '../../../../src/host/memory/seed.ts';
import { type MemoryHost, memoryHost } from '../../../../src/host/memory.ts';
import type { Lock } from '../../../../src/machine/locks/lock.ts';

const DAY_MS = 86_400_000;
const LOCK = '/run/statectl/locks/print-voron';
const START_MS = Date.UTC(2026, 10, 20, 12);
const process = (start: string): string => `7 (a (b) c) S ${'0 '.repeat(18)}${start} 0`;
const KLIPPER: Omit<PrinterState, 'state' | 'sinceMs'> = { by: 'klipper', file: 'a.gcode', pid: 700, start: '41' };

/** Hears what each round says, and goes on after `each`, until it says so. */
async function rounds(
  host: MemoryHost,
  each: (
    round: number,
    say: (state: PrinterState['state'] | 'none') => void,
    locks: readonly Lock[],
  ) => Promise<'end' | undefined> | 'end' | undefined,
): Promise<number> {
  const prints = printsKnown(host.clock, {});
  const say = (state: PrinterState['state'] | 'none'): void => {
    if (state !== 'none') prints.change('voron', { ...KLIPPER, state, sinceMs: host.clock.now() });
  };
  const end = new AbortController();
  let round = 0;
  let freed = 0;
  const options = {
    ...{ prints, limitMs: 3 * DAY_MS, self: { pid: 7, start: '1' } },
    async tell(locks: readonly Lock[]) {
      round += 1;
      if ((await each(round, say, locks)) === 'end') end.abort(new Error('enough'));
    },
    free: () => {
      freed += 1;
    },
  };
  await expect(keepLocks(host, options, end.signal)).rejects.toThrow('enough');
  return freed;
}

const machine = (files: Readonly<Record<string, Seed>> = {}, programs = {}): MemoryHost =>
  memoryHost({ files: { '/proc/700/stat': process('41'), '/proc/7/stat': process('1'), ...files }, programs });

describe('the lock of a print', () => {
  it('names holder, process, since and until, for root alone, and goes with the print', async () => {
    const host = machine();
    const freed = await rounds(host, async (round, say, locks) => {
      if (round === 1) say('printing');
      if (round === 2) {
        expect(JSON.parse(await host.files.readText(LOCK))).toEqual({
          ...{ holder: 'klipper of voron', what: 'prints a.gcode', pid: 700, start: '41' },
          ...{ since: '2026-11-20T12:00:00.000Z', until: '2026-11-23T12:00:01.000Z', uptimeMs: expect.any(Number) },
        });
        expect((await host.files.stat('/run/statectl/locks'))?.mode).toBe(0o700);
        expect((await host.files.stat(LOCK))?.mode).toBe(0o600);
        expect(locks.map(({ name }) => name)).toEqual(['print-voron']);
        say('idle');
      }
      if (round < 3) return undefined;
      expect(await host.files.stat(LOCK)).toBeUndefined();
      return 'end';
    });
    expect(freed).toBe(1);
  });

  it('is renewed as long as the printer prints, however long', async () => {
    const host = machine();
    await rounds(host, async (round, say, locks) => {
      if (round === 1) say('printing');
      if (round === 2) expect(locks).toHaveLength(1);
      if (host.clock.now() < START_MS + 10 * DAY_MS) return undefined;
      expect(locks[0]?.untilMs).toBeGreaterThan(host.clock.now());
      return 'end';
    });
  });

  it('of a print that is paused ends after the limit, and is not made again', async () => {
    const host = machine();
    await rounds(host, (round, say, locks) => {
      if (round === 1) say('paused');
      const passedMs = host.clock.now() - START_MS;
      if (round > 1 && passedMs < 3 * DAY_MS - 2 * 60_000) expect(locks).toHaveLength(1);
      if (passedMs > 3 * DAY_MS + 2 * 60_000) expect(locks).toEqual([]);
      return passedMs > 3.1 * DAY_MS ? 'end' : undefined;
    });
  });

  it('has the agent’s process where nobody says Klipper’s', async () => {
    const host = machine();
    const prints = printsKnown(host.clock, { voron: { state: 'printing', sinceMs: 0 } });
    const end = new AbortController();
    const told: (readonly Lock[])[] = [];
    const options = {
      ...{ prints, limitMs: DAY_MS, self: { pid: 7, start: '1' }, free: () => undefined },
      tell: async (locks: readonly Lock[]) => {
        told.push(locks);
        end.abort(new Error('enough'));
      },
    };
    await expect(keepLocks(host, options, end.signal)).rejects.toThrow('enough');
    expect(told[0]).toMatchObject([{ name: 'print-voron', pid: 7, start: '1' }]);
  });
});

describe('locks of others', () => {
  const lock = (more: object): string =>
    JSON.stringify({
      ...{ holder: 'me', what: 'work', since: '2026-11-20T11:00:00Z', until: '2026-11-21T11:00:00Z' },
      ...more,
    });
  const at = '/run/statectl/locks';

  it('are told and dropped when their process is gone or another, or their time is over', async () => {
    const host = machine({
      [`${at}/gone`]: lock({ pid: 9999 }),
      [`${at}/other`]: lock({ pid: 700, start: '40' }),
      [`${at}/over`]: lock({ until: '2026-11-20T11:59:00Z' }),
      [`${at}/lives`]: lock({ pid: 700, start: '41' }),
      [`${at}/timed`]: lock({}),
    });
    await rounds(host, (_round, _say, locks) => {
      expect(locks.map(({ name }) => name)).toEqual(['lives', 'timed']);
      return 'end';
    });
    expect(await host.files.list(at)).toEqual(['lives', 'timed']);
    expect(host.lines.map(({ text }) => text)).toMatchInlineSnapshot(`
      [
        "the lock gone (me: work) is dropped: process 9999 is gone",
        "the lock other (me: work) is dropped: process 700 is another one now",
        "the lock over (me: work) is dropped: it was until 2026-11-20T11:59:00.000Z",
      ]
    `);
  });

  it('end by the limit, whatever they say, and so does a file that says nothing', async () => {
    const host = machine({
      [`${at}/ever`]: lock({ until: '2999-01-01T00:00:00Z' }),
      [`${at}/touched`]: '',
      [`${at}/odd`]: '[7]',
      [`${at}/no-time`]: lock({ until: 'tomorrow' }),
      [`${at}/link`]: { target: '/etc/passwd' },
      [`${at}/.tmp`]: '',
    });
    await rounds(host, (_round, _say, locks) => {
      const { now } = host.clock;
      if (now() < START_MS + 3 * DAY_MS - 60_000)
        expect(locks.map(({ name }) => name)).toEqual(['ever', 'no-time', 'odd', 'touched']);
      if (now() > START_MS + 3 * DAY_MS + 60_000) expect(locks).toEqual([]);
      return now() > START_MS + 3.1 * DAY_MS ? 'end' : undefined;
    });
  });

  it('print locks that nobody prints for are dropped: the agent before was killed', async () => {
    const host = machine({ [LOCK]: lock({ pid: 700, start: '41' }) });
    await rounds(host, (_round, _say, locks) => {
      expect(locks).toEqual([]);
      return 'end';
    });
  });

  const inhibited = (...data: readonly unknown[][]) => JSON.stringify({ type: 'a(ssssuu)', data: [data] });

  it('are inhibitors that block a shutdown, for as long as a lock may be', async () => {
    const text = inhibited(
      ['sleep', 'NetworkManager', 'it has to turn off', 'delay', 0, 500],
      ['handle-power-key', 'GNOME', 'it handles', 'block', 1000, 501],
      ['shutdown:idle', 'pi', 'wet paint', 'block', 1000, 502],
    );
    const host = machine({ '/run/systemd/inhibit/1': '' }, { busctl: () => text });
    await rounds(host, (_round, _say, locks) => {
      const passedMs = host.clock.now() - START_MS;
      if (passedMs < 3 * DAY_MS) expect(locks).toMatchObject([{ holder: 'pi', what: 'wet paint', pid: 502 }]);
      else expect(locks).toEqual([]);
      return passedMs > 3.1 * DAY_MS ? 'end' : undefined;
    });
  });

  it('nobody is asked for inhibitors where there are none, and who answers oddly or too much counts as nobody', async () => {
    const none = machine({}, { busctl: () => 'never' });
    await rounds(none, () => 'end');
    expect(none.commands).toEqual([]);
    for (const busctl of ['no json', '{"data":7}', inhibited(['shutdown']), `[${' '.repeat(300_000)}]`]) {
      const host = machine({ '/run/systemd/inhibit/1': '' }, { busctl: () => busctl });
      await rounds(host, (_round, _say, locks) => {
        expect(locks).toEqual([]);
        return 'end';
      });
    }
  });
});
