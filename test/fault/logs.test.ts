import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { keepCrashRecords } from '../../src/boot/record/crash-log.ts';
import type { Host } from '../../src/host/host.ts';
import { linuxHost } from '../../src/host/linux/host.ts';
import { memoryHost } from '../../src/host/memory.ts';
import { keepStopLogs } from '../../src/machine/logs/keep-stop-logs.ts';
import { isOfRing } from '../../src/machine/logs/log-ring.ts';
import { plainChunks, readArchive } from '../../src/machine/logs/read-archive.ts';
import { createFacts } from '../fixtures/facts.ts';
import { type Failure, failingHost } from '../fixtures/hosts/failing.ts';
import { type StoppingSystem, stoppingSystem } from '../fixtures/logs/stopping-system.ts';

/** Four boots before this one; the limit leaves room for the newest alone beside it. */
function system(compress: 'none' | 'zstd'): StoppingSystem {
  const made = stoppingSystem({ compress, keep: 3, limitBytes: 400_000 });
  mkdirSync(made.ring);
  for (const number of [3, 4, 5, 6]) writeFileSync(`${made.ring}/boot-00000${number}.log`, Buffer.alloc(90_000, 'l'));
  writeFileSync(`${made.varLog}/syslog`, 'what happened\n'.repeat(9_000));
  return made;
}

const logsOf = ({ ring }: StoppingSystem): readonly string[] =>
  readdirSync(ring).filter((name) => isOfRing(name) && !name.startsWith('.'));

async function expectWhole({ host, ring, varLog }: StoppingSystem, name: string): Promise<void> {
  const sizes = new Map<string, number>();
  await readArchive(
    plainChunks(host.files, `${ring}/${name}`),
    (member) => void sizes.set(member.name, member.sizeBytes),
  );
  expect(sizes.get(`${varLog.slice(1)}/syslog`)).toBe(126_000);
}

/** No other port is asked for. */
const asHost = ({ host }: StoppingSystem): Host => ({ ...linuxHost(), ...host });

describe.each(['none', 'zstd'] as const)(
  'a way down that ends in the middle, its logs compressed by %s',
  (compress) => {
    it.each(['stop', 'torn', 'error'] as const)('leaves no half archive, and the newest logs (%s)', async (how) => {
      const whole = system(compress);
      const counting = failingHost(asHost(whole), { at: Number.POSITIVE_INFINITY, how });
      await keepStopLogs(counting, whole.settings);
      rmSync(whole.dir, { recursive: true });
      for (let at = 1; at <= counting.effects; at += 1) {
        const made = system(compress);
        const failure: Failure = { at, how, code: at % 2 === 0 ? 'EIO' : 'ENOSPC' };
        const host = failingHost(asHost(made), failure);
        await keepStopLogs(host, made.settings).catch(() => undefined);
        const kept = logsOf(made);
        for (const name of kept) if (name.startsWith('stop')) await expectWhole(made, name);
        // Those that are to stay beside the new one; where nothing was full, all that has room.
        expect(kept, `${how} at ${host.asked[at - 1]}`).toContain('boot-000006.log');
        // The next way down finds nothing in its way.
        await keepStopLogs(made.host, made.settings);
        const name = compress === 'zstd' ? 'stop-000007.tar.zst' : 'stop-000007.tar';
        await expectWhole(made, name);
        expect(readdirSync(made.ring).filter((one) => one.startsWith('.'))).toEqual([]);
        rmSync(made.dir, { recursive: true });
      }
      expect(counting.effects).toBeGreaterThan(7);
    });
  },
);

describe('what the kernel kept of a crash', () => {
  const RECORD = '/sys/fs/pstore/dmesg-erst-1';
  const LOGS = '/sysroot/user-data/persistent/logs';
  const TEXT = `Panic#1 Part1\n<0>Kernel panic - not syncing: a reason\n${'<4> more\n'.repeat(400)}`;
  const facts = createFacts({
    root: { blocks: [{ device: '/dev/vdb', type: 'ext4', label: 'user-data' }] },
    config: { fstab: { '/user-data': { source: 'LABEL=user-data', type: 'auto', options: [], missing: 'ignore' } } },
  });
  const machine = () =>
    memoryHost({
      files: {
        '/proc/mounts': '/dev/vdb /sysroot/user-data ext4 rw 0 0\n',
        [RECORD]: TEXT,
        '/sysroot/user-data/persistent/statectl': { type: 'dir' },
      },
    });

  it.each(['stop', 'torn', 'error'] as const)(
    'is in the store, or whole in the logs, whatever ends its keeping (%s)',
    async (how) => {
      const counting = failingHost(machine(), { at: Number.POSITIVE_INFINITY, how });
      await keepCrashRecords(counting, facts, 5);
      for (let at = 1; at <= counting.effects; at += 1) {
        const host = machine();
        await keepCrashRecords(failingHost(host, { at, how, code: 'ENOSPC' }), facts, 5).catch(() => undefined);
        const names = await host.files.list(LOGS).catch(() => []);
        for (const name of names.filter((one) => one.startsWith('boot-')))
          expect(await host.files.readText(`${LOGS}/${name}`)).toContain(TEXT);
        if (!(await host.files.stat(RECORD))) expect(names).toContain('boot-000005.panic.txt');
        // The next boot keeps it, if none did.
        await keepCrashRecords(host, facts, 6);
        const kept = await host.files.list(LOGS);
        expect(kept.filter((name) => name.startsWith('boot-')).length, `${how} at ${at}`).toBeGreaterThan(0);
        expect(kept.filter((name) => name.startsWith('.'))).toEqual([]);
      }
      expect(counting.effects).toBeGreaterThan(4);
    },
  );
});
