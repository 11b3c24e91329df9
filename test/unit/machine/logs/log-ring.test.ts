import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { memoryHost } from '../../../../src/host/memory.ts';
import { isOfRing, type KeptLog, keepLog, planRoom, readRing } from '../../../../src/machine/logs/log-ring.ts';

const DIR = '/logs';
const SETTINGS = { keep: 10, limitBytes: 1000, compress: 'none' } as const;

const log = (number: number, sizeBytes: number, kind: KeptLog['kind'] = 'log'): KeptLog => ({
  ...{ name: `${kind}-${number}`, kind, number, sizeBytes, mtimeMs: number },
});

describe('room for a new log', () => {
  it('is made by the oldest, and whatever is older than one that goes, goes with it', () => {
    const kept = [log(1, 10), log(2, 900), log(3, 200)];
    const gone = planRoom(kept, log(4, 100), SETTINGS);
    expect(gone.map(({ number }) => number)).toEqual([1, 2]);
  });

  it('has its own boot’s other logs stay, and takes the place of what was kept of the same', () => {
    const kept = [log(3, 10, 'log'), log(4, 10, 'log'), { ...log(4, 10, 'stop'), name: 'stop-4.zst' }];
    const gone = planRoom(kept, log(4, 100, 'stop'), SETTINGS);
    expect(gone.map(({ name }) => name)).toEqual(['stop-4.zst']);
  });

  it('never leaves more than the limit beside the new one, nor boots that are too long ago, and spares what fits', () => {
    const kinds = fc.constantFrom<KeptLog['kind']>('log', 'failed', 'panic', 'stop');
    const logs = fc
      .uniqueArray(fc.record({ number: fc.integer({ min: 1, max: 30 }), kind: kinds, sizeBytes: fc.nat(600) }), {
        selector: ({ number, kind }) => `${number} ${kind}`,
      })
      .map((all) => all.map((one) => log(one.number, one.sizeBytes, one.kind)).toSorted((a, b) => a.number - b.number));
    fc.assert(
      fc.property(logs, fc.nat(1500), fc.integer({ min: 1, max: 12 }), (kept, sizeBytes, keep) => {
        const fresh = { ...log(31, sizeBytes), name: 'fresh' };
        const gone = planRoom(kept, fresh, { ...SETTINGS, keep });
        const stay = kept.filter((one) => !gone.includes(one));
        const bytes = stay.reduce((sum, one) => sum + one.sizeBytes, 0);
        expect(stay.length === 0 || bytes + sizeBytes <= SETTINGS.limitBytes).toBe(true);
        expect(stay.every(({ number }) => number > 31 - keep)).toBe(true);
        // Only the oldest go.
        expect(kept.slice(kept.length - stay.length)).toEqual(stay);
      }),
    );
  });
});

it.each([
  ['boot-000001.log', true],
  ['boot-000001.log.zst', true],
  ['boot-000001.failed.txt', true],
  ['stop-123456.tar.zst', true],
  ['.statectl-log.tmp', true],
  ['boot-1.log', false],
  ['boot-000001.log.gz', false],
  ['stop-000001.tar.zst.bak', false],
  ['syslog', false],
])('a file %s is of a ring: %s', (name, isOne) => {
  expect(isOfRing(name)).toBe(isOne);
});

describe('a log that is kept', () => {
  const written = (bytes: number) => () => [Buffer.alloc(bytes, 'x')];

  it('has the next number, or that of its boot, and leaves files of others alone', async () => {
    const { files } = memoryHost({ files: { [`${DIR}/syslog`]: 'another’s', [`${DIR}/boot-000007.log`]: 'seven' } });
    expect(await keepLog(files, DIR, SETTINGS, { kind: 'log' }, written(10))).toBe(8);
    expect(await keepLog(files, DIR, SETTINGS, { kind: 'stop', number: 8 }, written(10))).toBe(8);
    expect(await files.list(DIR)).toEqual(['boot-000007.log', 'boot-000008.log', 'stop-000008.tar', 'syslog']);
    expect((await files.stat(`${DIR}/stop-000008.tar`))?.mode).toBe(0o600);
  });

  it('takes the oldest boots’ place on a disk that is full, and gives up when that does not help', async () => {
    const old = Object.fromEntries([1, 2, 3, 4, 5, 6].map((n) => [`${DIR}/boot-00000${n}.log`, 'o'.repeat(100)]));
    const { files } = memoryHost({ files: { ...old, [`${DIR}/stop-000001.tar`]: '-' }, capacityBytes: 700 });
    await keepLog(files, DIR, { ...SETTINGS, limitBytes: 10_000 }, { kind: 'log' }, written(250));
    expect((await readRing(files, DIR)).map(({ number }) => number)).toEqual([3, 4, 5, 6, 7]);
    await expect(keepLog(files, DIR, SETTINGS, { kind: 'log' }, written(2000))).rejects.toThrow('ENOSPC');
    // Three boots went for nothing, the newest never.
    expect((await readRing(files, DIR)).map(({ number }) => number)).toEqual([6, 7]);
    expect((await files.list(DIR)).filter((name) => name.startsWith('.'))).toEqual([]);
  });

  it('clears what a power cut left, and of what failed nothing stays', async () => {
    const { files } = memoryHost({ files: { [`${DIR}/.statectl-log.tmp`]: 'half', [`${DIR}/.statectl-0a.tmp`]: '' } });
    const broken = async function* () {
      yield Buffer.from('half');
      throw new Error('the disk of what is read is gone');
    };
    await expect(keepLog(files, DIR, { ...SETTINGS, compress: 'zstd' }, { kind: 'stop' }, broken)).rejects.toThrow(
      'gone',
    );
    expect(await files.list(DIR)).toEqual([]);
  });
});
