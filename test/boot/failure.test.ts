import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { PHASE_NAMES } from '../../src/boot/phase.ts';
import { type DiskFile, makeDisk } from '../fixtures/vm/disk.ts';
import { initramfsWithEnvironment } from '../fixtures/vm/initramfs.ts';
import { bootMachine, type MachineOptions } from './machine.ts';

let disk: DiskFile;
beforeAll(async () => {
  disk = await makeDisk({ type: 'squashfs', tree: inject('tinyTree') });
});
afterAll(() => disk[Symbol.asyncDispose]());

/** A machine that cannot find its root, and the one disk that it should have been. */
const failing = (options: MachineOptions = {}) =>
  bootMachine({ disks: [{ ...disk, temporary: true }], memoryMiB: 512, expects: 'trouble', panic: '', ...options, cmdline: `root=LABEL=nowhere rootdelay=1 ${options.cmdline ?? ''}` });
const MENDED = 'echo root=/dev/vda > /etc/cmdline';

describe('a breakpoint', () => {
  test('opens a shell before each phase, and leaving it goes on', async () => {
    const cmdline = `root=/dev/vda statectl.break=${PHASE_NAMES.join(',')} rd.break=premount statectl.break=brunch`;
    await using vm = await bootMachine({ disks: [disk], cmdline, memoryMiB: 512, panic: '' });
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
  test.concurrent.each([
    ['-1', 'at once', /no prompt \(panic=-1\)/],
    ['3', 'after so many seconds', /no prompt \(panic=3\): reboot in 3 s/],
  ])('%s reboots a failed boot %s, without a prompt', async (panic, _, said) => {
    await using vm = await failing({ panic });
    await vm.event('failed');
    await vm.console(/the root LABEL=nowhere is not there/);
    await vm.console(said);
    expect(await vm.ended()).toBe('guest-reset');
    expect(vm.transcript).not.toMatch(/press Enter|rescue:\S*#/);
  });

  test('0 leaves the reason on the screen and waits for ever, without a prompt', async () => {
    await using vm = await failing({ panic: '0' });
    await vm.console(/no prompt \(panic=0\): waiting for ever/);
    vm.type('\n\n');
    expect(await vm.qmp('query-status')).toMatchObject({ status: 'running' });
    expect(vm.transcript).not.toMatch(/press Enter|rescue:\S*#/);
  });
});
