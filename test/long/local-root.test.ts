import { describe, expect, inject, test } from 'vitest';
import type { BootRecord } from '../../src/machine/boot-record.ts';
import { bootMachine } from '../boot/lab/machine.ts';
import { makeDisk, type Partition } from '../fixtures/vm/disk.ts';
import { initramfsWith, initramfsWithLoader } from '../fixtures/vm/images/initramfs.ts';

const UUID = '0b6e3ad2-6c1f-4a58-8d0e-7f5c2a914b3d';
const PARTUUID = '9d4f2c60-1b7a-4e35-a0c8-52e6f3b7d911';

test('an initramfs of six segments boots, by the command line as the kernel reads it', async () => {
  await using disk = await makeDisk({ type: 'ext4', label: 'my root', tree: inject('tinyTree') });
  // Quotes around a whole word, the last of two values, a module's parameter, and what belongs to init.
  const cmdline =
    'root=LABEL=nowhere virtio_net.napi_tx=0 "root=LABEL=my root" statectl.sever=x -- one "two  three" four=4';
  // Raw and compressed segments, an empty one, and a bootconfig at the end, of which Debian's kernel knows nothing.
  const sixth = { 'etc/cmdline.d/sixth.conf': 'statectl.brek=mount' };
  await using initramfs = await initramfsWith(sixth, 'kernel.statectl.rescue = 1');
  await using vm = await bootMachine({ disks: [disk], initramfs: initramfs.file, cmdline, memoryMiB: 512 });
  await vm.console(/sixth\.conf: unknown kernel argument statectl\.brek: did you mean statectl\.break\?/);
  await vm.console(/unknown kernel argument statectl\.sever: did you mean statectl\.server\?/);
  await vm.console(/tiny: init \S+ with 3 arguments: <one> <two {2}three> <four=4>/);
  expect(await vm.shell('cat /sys/module/virtio_net/parameters/napi_tx')).toBe('N');
});

test('an initramfs of another kernel says so, and what to do', async () => {
  await using initramfs = await initramfsWithLoader((entry) => ({
    ...entry,
    name: entry.name.replace(/^(lib\/modules\/)[^/]+/, '$15.10.0-0-other'),
  }));
  await using vm = await bootMachine({
    initramfs: initramfs.file,
    cmdline: 'root=LABEL=x rootdelay=1',
    expects: 'trouble',
  });
  await vm.console(/this initramfs has no modules for kernel 6\.\S+; it has: 5\.10\.0-0-other/);
  await vm.console(/→ boot the kernel that was built with it, or build the initramfs for this image again/);
  expect(await vm.ended()).toBe('guest-reset');
});

test('a machine with too little memory for the initramfs says so and does not hang', async () => {
  await using vm = await bootMachine({ memoryMiB: 160, cmdline: 'root=/dev/vda', expects: 'trouble' });
  await vm.console(/Kernel panic - not syncing: System is deadlocked on memory/);
  expect(await vm.ended()).toBe('guest-reset');
});

describe('a system on a disk, which is one busybox without glibc and without systemd', () => {
  test.each<readonly [string, Partition]>([
    ['LABEL=tiny', { type: 'ext4', label: 'tiny' }],
    [`UUID=${UUID}`, { type: 'btrfs', uuid: UUID }],
    [`PARTUUID=${PARTUUID}`, { type: 'squashfs', partuuid: PARTUUID }],
    ['/dev/vda', { type: 'erofs' }],
  ])('boots by root=%s', async (root, partition) => {
    await using disk = await makeDisk({ ...partition, tree: inject('tinyTree') });
    await using vm = await bootMachine({ disks: [disk], cmdline: `root=${root}`, memoryMiB: 512 });
    await vm.console(/tiny: init/);
    const [, type, options = ''] = /^\S+ \/ (\S+) (\S+)/m.exec(await vm.shell('cat /proc/mounts')) ?? [];
    expect(type).toBe(partition.type);
    expect(options.split(',')).toContain('ro');
    await expect(vm.shell('echo x > /usr/x')).rejects.toThrow('Read-only file system');
    const record = JSON.parse(await vm.shell('cat /run/statectl/boot.json')) as BootRecord;
    expect(record).toMatchObject({
      source: 'partition',
      root: { type, verified: false },
      leases: [],
      init: '/sbin/init',
    });
    expect(await vm.shell('/run/statectl/rt/statectl --version')).toBe(record.statectl);
    // This init raises nothing.
    const loopback = await vm.shell('/bin/busybox ip address show dev lo');
    for (const address of ['inet 127.0.0.1/8', 'inet6 ::1/128']) expect(loopback).toContain(address);
  });
});
