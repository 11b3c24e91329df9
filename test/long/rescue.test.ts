import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { bootFailing } from '../boot/lab/boot-failing.ts';
import { bootMachine } from '../boot/lab/machine.ts';
import { type DiskFile, makeDisk } from '../fixtures/vm/disk.ts';
import { initramfsWithEnvironment } from '../fixtures/vm/images/initramfs.ts';

let disk: DiskFile;
beforeAll(async () => {
  disk = await makeDisk({ type: 'squashfs', tree: inject('tinyTree') });
});
afterAll(() => disk[Symbol.asyncDispose]());

const MENDED = 'echo root=/dev/vda > /etc/cmdline';

describe('the rescue prompt', () => {
  test('says that an image allows no shell, which key opens one, and lets nobody in', async () => {
    await using initramfs = await initramfsWithEnvironment({ STATECTL_ACCESS: 'none' });
    await using vm = await bootFailing(disk, { initramfs: initramfs.file });
    await vm.console(
      /no rescue shell: controller\/rescue\.conf of this initramfs has `access: none`: build it with `open` or a hash, or boot with rdinit=\/bin\/sh/,
    );
    await vm.console(/press Enter to try the boot again/);
    vm.type('\n');
    await vm.event('failed');
    await vm.event('failed');
    expect(vm.transcript).not.toMatch(/rescue:\S*#/);
  });

  test('reboots when nobody comes, but not for ever, and a good boot starts the count anew', async () => {
    await using state = await makeDisk({ type: 'ext4', label: 'user-data' });
    await using initramfs = await initramfsWithEnvironment({ STATECTL_COUNTDOWN: '3', STATECTL_ATTEMPTS: '1' });
    const boot = (cmdline: string) =>
      bootMachine({
        disks: [{ ...disk, temporary: true }, state],
        initramfs: initramfs.file,
        memoryMiB: 512,
        expects: 'trouble',
        panic: '',
        cmdline,
      });
    {
      await using vm = await boot('root=LABEL=nowhere rootdelay=1');
      await vm.console(/press Enter for the rescue shell; reboot in \d s/);
      await vm.console(/unattended reboot 1 of at most 1 in a row/);
      expect(await vm.ended()).toBe('guest-reset');
    }
    await using vm = await boot('');
    await vm.console(/1 reboots in a row did not help: waiting for a person/);
    await vm.rescueShell();
    expect(await vm.shell('cat /run/initramfs/user-data/persistent/logs/*')).toContain('LABEL=nowhere');
    await vm.shell(MENDED);
    vm.type('exit\n');
    await vm.console(/tiny: init/);
    expect(await vm.shell('ls /user-data/persistent/statectl')).not.toContain('attempts');
  });

  test('the prompt is on every console, not only on the last one that was named', async () => {
    await using vm = await bootFailing(disk, { consoles: 'console=ttyS0,115200 console=tty0' });
    await vm.rescueShell();
    expect(await vm.shell('cat /sys/class/tty/console/active')).toBe('ttyS0 tty0');
  });
});
