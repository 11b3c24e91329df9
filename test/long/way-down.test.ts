import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, test } from 'vitest';
import { DEMO } from '../../build/demo.ts';
import { bootMachine, type Machine } from '../boot/lab/machine.ts';
import { makeDisk } from '../fixtures/vm/disk.ts';
import { sysvinitImage } from '../fixtures/vm/images/sysvinit-image.ts';
import { diskState, KEEP_CYCLES, readFromDisk, USE_FILE, userDataWithFile } from '../fixtures/vm/user-data-disk.ts';

const LOG = '/persistent/logs/down.log';
const EVIDENCE = '/persistent/statectl/cycle/stopping.json';

/** The disk takes a byte a second from now on, and has much to write. */
async function letDie(vm: Machine, device: string, at: string): Promise<void> {
  await vm.run(`mkdir -p ${at}; mount /dev/${device} ${at}; dd if=/dev/zero of=${at}/much bs=1M count=16 2>/dev/null`);
  const none = { bps_rd: 0, bps_wr: 0, iops: 0, iops_rd: 0, iops_wr: 0 };
  await vm.qmp('block_set_io_throttle', { device: 'disk2', bps: 1, ...none });
}

describe('the way down of a system with systemd', () => {
  test('leaves its disk clean: into another kernel without a kexec(8) of its own, and with a disk that died', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'statectl-kexec-'));
    await copyFile(`${DEMO.image}/vmlinuz`, join(dir, 'vmlinuz'));
    await copyFile(DEMO.initramfs, join(dir, 'initramfs.img'));
    await using kernel = await makeDisk({ type: 'squashfs', tree: dir });
    await rm(dir, { recursive: true });
    await using disk = await userDataWithFile();
    await using other = await makeDisk({ type: 'ext4', sizeMiB: 64 });
    await using vm = await bootMachine({
      disks: [{ file: `${DEMO.image}/root.squashfs`, temporary: true }, disk, other, kernel],
      cmdline: 'root=/dev/vda rd.shutdown.timeout.umount=5',
      memoryMiB: 1536,
    });
    await vm.event('handed-over');
    await vm.run('systemctl is-system-running --wait || true');
    await expect(vm.run('command -v kexec')).rejects.toThrow();
    await vm.run(`${KEEP_CYCLES}; ${USE_FILE}`);
    // systemd leaves alone whose name begins so (ROOT_STORAGE_DAEMONS).
    const stubborn = `cd /user-data; trap "" TERM; exec -a @stubborn sleep 9999`;
    await vm.run(`systemd-run -q -p TimeoutStopSec=1 -p SendSIGKILL=no bash -c '${stubborn}'`);
    const kexec = '/run/initramfs/rt/ld.so --library-path /run/initramfs/rt/lib /run/initramfs/rt/bin/kexec';
    await vm.run(
      `mkdir -p /mnt/k; mount /dev/vdd /mnt/k; ${kexec} -l /mnt/k/vmlinuz --initrd=/mnt/k/initramfs.img --reuse-cmdline`,
    );
    const before = await vm.run('cat /proc/sys/kernel/random/boot_id');
    await vm.run('systemctl --no-block kexec');
    await vm.event('handed-over');
    expect(await vm.run('cat /proc/sys/kernel/random/boot_id')).not.toBe(before);
    const log = await vm.run(`cat /user-data${LOG}`);
    expect(log).toMatch(/kexec: the disks of the system that ran\n[^]*did not end when asked to: \d+\(sleep\)\n/);
    expect(log).toMatch(/all but \/aside\/user-data is unmounted$/);
    expect(log).not.toContain('still in use');
    // The kernel says so of a journal that it replays.
    expect(await vm.run('dmesg | grep -c "vdb.*recovery" || true')).toBe('0');

    await vm.run('systemctl is-system-running --wait || true');
    await vm.run('echo \'{ "cycle": 4 }\' >/run/statectl/cycle.json');
    // Not below what systemd unmounts itself, for which it has a limit of its own.
    await letDie(vm, 'vdc', '/run/initramfs/dead');
    await vm.run('systemctl --no-block reboot');
    await vm.console(/gave up to unmount \S+dead \(\/dev\/vdc, ext4\) after 5 s/);
    expect(await vm.ended()).toBe('guest-reset');
    expect(await diskState(disk.file)).toBe('clean');
    expect(await readFromDisk(disk.file, LOG)).toContain('gave up to unmount');
    expect(JSON.parse(await readFromDisk(disk.file, EVIDENCE))).toMatchObject({ cycle: 4 });
  });
});

describe('the way down of a Debian with sysvinit', () => {
  test('leaves its disk clean, with what lies on it, and with a disk that died', async () => {
    const root = await sysvinitImage('sysvinit');
    await using disk = await userDataWithFile();
    await using other = await makeDisk({ type: 'ext4', sizeMiB: 64 });
    const boot = () =>
      bootMachine({
        disks: [{ file: root, temporary: true }, disk, other],
        cmdline: 'root=/dev/vda ip=off rd.shutdown.timeout.umount=5',
      });
    {
      await using vm = await boot();
      await vm.event('handed-over');
      await vm.run(`${KEEP_CYCLES}; ${USE_FILE}`);
      await vm.run(`(cd /user-data; trap '' TERM; exec setsid sleep 9999) >/dev/null 2>&1 &`);
      await vm.run('shutdown -t 0 -r now');
      expect(await vm.ended()).toBe('guest-reset');
    }
    expect(await diskState(disk.file)).toBe('clean');
    expect(await readFromDisk(disk.file, LOG)).toMatch(/reboot: the disks of this system\n/);
    expect(JSON.parse(await readFromDisk(disk.file, EVIDENCE))).toHaveProperty('cycle');
    await execa('e2fsck', ['-fn', disk.file]);
    {
      await using vm = await boot();
      await vm.event('handed-over');
      await letDie(vm, 'vdc', '/mnt');
      // shutdown(8) begins with a sync(2), which waits for that disk.
      await vm.run('init 0');
      await vm.console(/gave up to unmount \/mnt \(\/dev\/vdc, ext4\) after 5 s/);
      expect(await vm.ended()).toBe('guest-shutdown');
    }
    expect(await diskState(disk.file)).toBe('clean');
  });
});
