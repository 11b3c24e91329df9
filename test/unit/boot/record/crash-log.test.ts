import { describe, expect, it } from 'vitest';
import { keepCrashRecords } from '../../../../src/boot/record/crash-log.ts';
import type { Seed } from '../../../../src/host/memory/seed.ts';
import { memoryHost } from '../../../../src/host/memory.ts';
import { createFacts } from '../../../fixtures/facts.ts';
import { createLook } from '../../../fixtures/slots/cycles.ts';

const LOGS = '/sysroot/user-data/persistent/logs';
const RECORD = '/sys/fs/pstore/dmesg-erst-1';
const KEPT = '/sysroot/user-data/persistent/statectl/pstore-kept';
const ON_DISK = '/dev/vdb /sysroot/user-data ext4 rw,noatime 0 0\n';

const machine = (files: Readonly<Record<string, Seed>> = {}, mounts = ON_DISK) =>
  memoryHost({
    files: {
      '/proc/mounts': mounts,
      [RECORD]: 'Panic#1 Part1\n<0>Kernel panic - not syncing: token=abc\n',
      '/sysroot/user-data/persistent/statectl': { type: 'dir' },
      ...files,
    },
  });

const facts = createFacts({
  root: { blocks: [{ device: '/dev/vdb', type: 'ext4', label: 'user-data' }] },
  config: { fstab: { '/user-data': { source: 'LABEL=user-data', type: 'auto', options: [], missing: 'ignore' } } },
});

describe('what the kernel kept of a crash', () => {
  it('is kept beside the log of the boot that found it, without secrets, and then leaves the store', async () => {
    const host = machine();
    await keepCrashRecords(host, facts, 12);
    expect(await host.files.readText(`${LOGS}/boot-000012.panic.txt`)).toBe(
      '# dmesg-erst-1\nPanic#1 Part1\n<0>Kernel panic - not syncing: token=[redacted]\n\n',
    );
    expect(await host.files.stat(RECORD)).toBeUndefined();
    expect(await host.files.readText(KEPT)).toMatch(/^[0-9a-f]{64}\n$/);
  });

  it('is left to the systemd-pstore of the image, and kept once', async () => {
    const host = machine({
      '/sysroot/etc/systemd/system/sysinit.target.wants/systemd-pstore.service': { type: 'symlink', target: '/x' },
    });
    await keepCrashRecords(host, facts, 12);
    await keepCrashRecords(host, facts, 13);
    expect(await host.files.list(LOGS)).toEqual(['boot-000012.panic.txt']);
    expect(await host.files.stat(RECORD)).toBeDefined();
  });

  it('stays in the store where the boot could not write its cycle: the next one is to judge by it', async () => {
    const cycle = { look: createLook(undefined), whole: [] };
    const inCycle = { ...facts, root: { ...facts.root, cycle } };
    const host = machine();
    await keepCrashRecords(host, inCycle, 12);
    expect(await host.files.list(LOGS)).toEqual(['boot-000012.panic.txt']);
    expect([await host.files.stat(KEPT), (await host.files.stat(RECORD))?.type]).toEqual([undefined, 'file']);
    await host.files.mkdir('/run/statectl');
    await host.files.write('/run/statectl/cycle.json', JSON.stringify({ cycle: 3, bootId: '3f2a91c0-0000' }));
    await keepCrashRecords(host, inCycle, 13);
    expect(await host.files.stat(RECORD)).toBeUndefined();
  });

  it('stays in the store where no disk keeps it', async () => {
    const host = machine({}, 'user-data /sysroot/user-data tmpfs rw 0 0\n');
    await keepCrashRecords(host, facts, undefined);
    expect(host.calls).toEqual([]);
  });

  it('is nothing where RAM has but the console of a boot that ended well', async () => {
    const host = machine({ '/sys/fs/pstore/console-ramoops-0': 'reboot: Restarting system\n' });
    await host.files.remove(RECORD);
    await keepCrashRecords(host, facts, 12);
    expect(await host.files.stat(LOGS)).toBeUndefined();
  });
});
