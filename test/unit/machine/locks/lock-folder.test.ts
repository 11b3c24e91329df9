import { expect, it } from 'vitest';
import { memoryHost } from '../../../../src/host/memory.ts';
import { readLocks, writeLock } from '../../../../src/machine/locks/lock-folder.ts';

const HOUR_MS = 3_600_000;
const LIMIT_MS = 72 * HOUR_MS;
const YEARS_MS = 50 * 365 * 24 * HOUR_MS;

it.each([
  ['forward, from 1970', YEARS_MS],
  ['back, from 2100', -YEARS_MS],
])(
  'a clock that is set %s, while something is locked neither ends the lock nor makes it longer',
  async (_title, byMs) => {
    const host = memoryHost({ files: { '/proc/7/stat': `7 (x) S ${'0 '.repeat(18)}41 0` } });
    const startMs = host.clock.now();
    const lock = { name: 'calibration', holder: 'root', what: './probe-all.sh', pid: 7, start: '41' };
    await writeLock(host, { ...lock, sinceMs: startMs, untilMs: startMs + 2 * HOUR_MS });
    const set = { ...host, clock: { ...host.clock, now: () => host.clock.now() + byMs } };
    await host.clock.sleep(HOUR_MS);
    const { held } = await readLocks(set, LIMIT_MS);
    expect(held).toEqual([{ ...lock, sinceMs: startMs + byMs, untilMs: startMs + byMs + 2 * HOUR_MS }]);
    await host.clock.sleep(HOUR_MS);
    const { dead } = await readLocks(set, LIMIT_MS);
    expect(dead).toMatchObject([{ lock: { name: 'calibration' }, why: expect.stringContaining('it was until') }]);
  },
);
