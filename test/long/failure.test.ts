import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { PHASE_NAMES } from '../../src/boot/phase.ts';
import { bootFailing } from '../boot/lab/boot-failing.ts';
import { bootMachine } from '../boot/lab/machine.ts';
import { type DiskFile, makeDisk } from '../fixtures/vm/disk.ts';
import { initramfsWithEnvironment } from '../fixtures/vm/images/initramfs.ts';

let disk: DiskFile;
beforeAll(async () => {
  disk = await makeDisk({ type: 'squashfs', tree: inject('tinyTree') });
});
afterAll(() => disk[Symbol.asyncDispose]());

describe('a breakpoint', () => {
  test('opens a shell before each phase, and leaving it goes on', async () => {
    const cmdline = `root=/dev/vda statectl.break=${PHASE_NAMES.join(',')} rd.break=premount statectl.break=brunch`;
    await using vm = await bootMachine({ disks: [{ ...disk, temporary: true }], cmdline, memoryMiB: 512, panic: '' });
    await vm.console(/statectl\.break=brunch: no such phase; there are cmdline, config, devices/);
    for (const phase of PHASE_NAMES) {
      await vm.event('break', { phase });
      await vm.console(/rescue:\S*# /);
      expect(vm.events.at(-1)).toMatchObject({ event: 'break', phase });
      if (phase === 'mount') expect(await vm.shell('ls /sysroot')).toBe('');
      if (phase === 'install') expect(await vm.shell('ls /sysroot/sbin/init')).toContain('init');
      vm.type('exit\n');
    }
    await vm.console(/tiny: init/);
  });
});

describe('panic= on the kernel command line', () => {
  test('3 reboots a failed boot after so many seconds, without a prompt', async () => {
    await using vm = await bootFailing(disk, { panic: '3' });
    await vm.event('failed');
    await vm.console(/the root LABEL=nowhere is not there/);
    await vm.console(/no prompt \(panic=3\): reboot in 3 s/);
    expect(await vm.ended()).toBe('guest-reset');
    expect(vm.transcript).not.toMatch(/press Enter|rescue:\S*#/);
  });

  test('0 leaves the reason on the screen and waits for ever, without a prompt', async () => {
    await using vm = await bootFailing(disk, { panic: '0' });
    await vm.console(/no prompt \(panic=0\): waiting for ever/);
    vm.type('\n\n');
    expect(await vm.qmp('query-status')).toMatchObject({ status: 'running' });
    expect(vm.transcript).not.toMatch(/press Enter|rescue:\S*#/);
  });
});

describe('a kernel command line that leaves our /init no console', () => {
  test.each(['console=ttyS9', 'console=null'])('boots all the same with %s', async (consoles) => {
    await using vm = await bootMachine({
      disks: [{ ...disk, temporary: true }],
      consoles,
      cmdline: 'root=/dev/vda',
      memoryMiB: 512,
    });
    await vm.event('handed-over');
    expect(vm.transcript).not.toContain('tiny: init');
  });

  test('does not hang nor race when the boot fails and there is nobody to tell', async () => {
    await using initramfs = await initramfsWithEnvironment({ STATECTL_COUNTDOWN: '3' });
    await using vm = await bootFailing(disk, { consoles: 'console=ttyS9', initramfs: initramfs.file });
    await vm.event('rescue');
    expect(await vm.ended()).toBe('guest-reset');
    expect(vm.events.filter(({ event }) => event === 'failed')).toHaveLength(1);
  });
});

test('rdinit=/bin/sh gives a shell with tools although nothing of ours has run', async () => {
  await using vm = await bootMachine({
    disks: [{ ...disk, temporary: true }],
    cmdline: 'rdinit=/bin/sh root=/dev/vda',
    memoryMiB: 512,
    expects: 'trouble',
  });
  await vm.console(/# /);
  await vm.shell('mount -t proc proc /proc && mount -t devtmpfs dev /dev && grep -q rdinit /proc/cmdline');
  expect(await vm.shell('which vi ip udhcpc insmod losetup switch_root sha256sum')).toContain('switch_root');
  await vm.shell('umount /dev && umount /proc');
  vm.type('exec /init\n');
  await vm.console(/tiny: init/);
});
