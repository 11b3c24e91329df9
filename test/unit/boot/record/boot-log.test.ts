import { zstdDecompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { keepBootLog, keepReport } from '../../../../src/boot/record/boot-log.ts';
import type { Seed } from '../../../../src/host/memory/seed.ts';
import { type MemoryHost, memoryHost } from '../../../../src/host/memory.ts';
import { JOURNAL } from '../../../../src/machine/paths.ts';
import { createFacts } from '../../../fixtures/facts.ts';

const LOGS = '/sysroot/user-data/persistent/logs';
const ON_DISK = '/dev/vdb /sysroot/user-data ext4 rw,noatime 0 0\n';

const SETTINGS = { keep: 10, limitBytes: 64 << 20, compress: 'none' } as const;

const machine = (mounts: string, files: Readonly<Record<string, Seed>> = {}): MemoryHost =>
  memoryHost({
    files: {
      '/proc/mounts': mounts,
      [JOURNAL]: '{"atMs":2000,"event":"boot-started","version":"1.2.3"}\n',
      '/sysroot': { type: 'dir' },
      '/run/statectl': { type: 'dir' },
      '/run/initramfs': { type: 'dir' },
      ...files,
    },
    programs: { mount: () => '', umount: () => '' },
  });

describe('the log of a boot', () => {
  it('is kept on the disk, in sentences', async () => {
    const host = machine(ON_DISK);
    await keepBootLog(host, SETTINGS);
    expect(await host.files.readText(`${LOGS}/boot-000001.log`)).toBe(
      '2026-11-20T12:00:00.000Z\n    2.000 s  statectl 1.2.3 begins\n',
    );
    expect((await host.files.stat(`${LOGS}/boot-000001.log`))?.mode).toBe(0o600);
  });

  it('has what the kernel said meanwhile, without secrets, and tells the way down its number', async () => {
    const host = machine(ON_DISK, { [`${LOGS}/boot-000041.log`]: 'old' });
    const said = { ...host, exec: { run: async () => ({ exitCode: 0, stdout: '[ 0.1] token=abc\n', stderr: '' }) } };
    await keepBootLog(said, SETTINGS);
    expect(await host.files.readText(`${LOGS}/boot-000042.log`)).toMatch(
      /begins\n\n# dmesg\n\[ 0\.1\] token=\[redacted\]\n$/,
    );
    expect(await host.files.readText('/run/statectl/log-number')).toBe('42\n');
  });

  it('pushes out the oldest of ten', async () => {
    const old = Object.fromEntries(
      Array.from({ length: 12 }, (_, index) => [`${LOGS}/boot-${String(index + 1).padStart(6, '0')}.log`, 'old']),
    );
    const host = machine(ON_DISK, { ...old, [`${LOGS}/klippy.log`]: 'not ours' });
    await keepBootLog(host, SETTINGS);
    const names = await host.files.list(LOGS);
    expect(names).toHaveLength(11);
    expect(names[0]).toBe('boot-000004.log');
    expect(names.slice(-2)).toEqual(['boot-000013.log', 'klippy.log']);
  });

  it('takes with its older ones no more than log.conf gives them', async () => {
    const old = Object.fromEntries([1, 2, 3].map((number) => [`${LOGS}/boot-00000${number}.log`, 'x'.repeat(400)]));
    const host = machine(ON_DISK, old);
    await keepBootLog(host, { ...SETTINGS, limitBytes: 900 });
    expect(await host.files.list(LOGS)).toEqual(['boot-000003.log', 'boot-000004.log', 'boot-000002.log'].toSorted());
    await keepBootLog(host, { ...SETTINGS, keep: 1 });
    expect(await host.files.list(LOGS)).toEqual(['boot-000005.log']);
    await keepBootLog(host, { ...SETTINGS, keep: 0 });
    expect(await host.files.list(LOGS)).toEqual([]);
  });

  it('is compressed where log.conf says so', async () => {
    const host = machine(ON_DISK);
    await keepBootLog(host, { ...SETTINGS, compress: 'zstd' });
    const data = await host.files.read(`${LOGS}/boot-000001.log.zst`);
    expect(zstdDecompressSync(data).toString()).toContain('statectl 1.2.3 begins');
  });

  it('is kept nowhere without a disk', async () => {
    const host = machine('user-data /sysroot/user-data tmpfs rw 0 0\n');
    await keepBootLog(host, SETTINGS);
    expect(host.calls).toEqual([]);
  });
});

describe('the report of a boot that failed', () => {
  const boot = { device: '/dev/sda1', type: 'vfat', label: 'boot' };
  const facts = createFacts({
    root: { blocks: [boot] },
    config: { fstab: { '/boot': { source: 'LABEL=boot', type: 'auto', options: [], missing: 'ignore' } } },
  });

  it('lies beside the logs of good boots, in the same ten', async () => {
    const host = machine(ON_DISK, { [`${LOGS}/boot-000041.log`]: 'good' });
    await keepReport(host, 'what happened', facts);
    expect(await host.files.readText(`${LOGS}/boot-000042.failed.txt`)).toBe('what happened');
  });

  it('is kept on /boot, mounted for that moment, where there is no other disk', async () => {
    const host = memoryHost({
      files: { '/proc/mounts': '', '/run/initramfs': { type: 'dir' } },
      programs: {
        mount: async () => void (await host.files.write('/proc/mounts', '/dev/sda1 /run/initramfs/boot vfat rw 0 0\n')),
        umount: () => '',
      },
    });
    await keepReport(host, 'what happened', facts);
    expect(host.commands).toEqual(['mount -t vfat /dev/sda1 /run/initramfs/boot', 'umount /run/initramfs/boot']);
    expect(await host.files.readText('/run/initramfs/boot/logs/boot-000001.failed.txt')).toBe('what happened');
  });

  it('is lost, and nothing else, when that disk cannot be mounted', async () => {
    const host = memoryHost({
      files: { '/proc/mounts': '', '/run/initramfs': { type: 'dir' } },
      programs: { mount: () => ({ exitCode: 32 }) },
    });
    await keepReport(host, 'what happened', facts);
    expect(host.commands).toEqual(['mount -t vfat /dev/sda1 /run/initramfs/boot']);
  });
});
