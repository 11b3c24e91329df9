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
  bootMachine({
    disks: [{ ...disk, temporary: true }],
    memoryMiB: 512,
    expects: 'trouble',
    panic: '',
    ...options,
    cmdline: `root=LABEL=nowhere rootdelay=1 ${options.cmdline ?? ''}`,
  });
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
  test.concurrent('3 reboots a failed boot after so many seconds, without a prompt', async () => {
    await using vm = await failing({ panic: '3' });
    await vm.event('failed');
    await vm.console(/the root LABEL=nowhere is not there/);
    await vm.console(/no prompt \(panic=3\): reboot in 3 s/);
    expect(await vm.ended()).toBe('guest-reset');
    expect(vm.transcript).not.toMatch(/press Enter|rescue:\S*#/);
  });

  test.concurrent('0 leaves the reason on the screen and waits for ever, without a prompt', async () => {
    await using vm = await failing({ panic: '0' });
    await vm.console(/no prompt \(panic=0\): waiting for ever/);
    vm.type('\n\n');
    expect(await vm.qmp('query-status')).toMatchObject({ status: 'running' });
    expect(vm.transcript).not.toMatch(/press Enter|rescue:\S*#/);
  });
});

describe('the rescue prompt', () => {
  const HASH = { STATECTL_ACCESS: '' };
  beforeAll(async () => {
    const { stdout } = await execa('openssl', ['passwd', '-6', '-salt', 'saltsalt', 'open sesame']);
    HASH.STATECTL_ACCESS = stdout;
  });

  test('gives a person the verbs that say what happened and go on', async () => {
    const cmdline = 'statectl.server=http://user:s3cr3t@10.0.2.2:9 rd.iscsi.password=s3cr3t';
    await using vm = await failing({ cmdline });
    await vm.console(/the boot failed in its phase "slot" \(root-missing\)/);
    await vm.console(/→ correct root= or system\/boot\.conf/);
    await vm.rescueShell();
    expect(await vm.shell('statectl rescue')).toMatch(/root-missing[^]*statectl rescue retry/);
    const report = await vm.shell('statectl rescue report');
    const sections = [
      'kernel command line',
      'config',
      'facts',
      'cat /proc/self/mountinfo',
      'blkid',
      'ip address',
      'lsmod',
      'free',
      'dmesg',
      'journal',
    ];
    for (const section of sections) expect(report).toMatch(new RegExp(`^# ${section}.*\\n+[^#\\n]`, 'm'));
    expect(report).toContain('http://[redacted]@10.0.2.2:9');
    const told = [report];
    for (const verb of ['log', 'log --json', 'config']) told.push(await vm.shell(`statectl rescue ${verb}`));
    expect(told.join('\n') + JSON.stringify(vm.events)).not.toContain('s3cr3t');
    await expect(vm.shell('statectl rescue rteport')).rejects.toThrow('has no command "rteport"');
    await vm.shell(MENDED);
    vm.type('statectl rescue retry cmdline\n');
    // The kernel's own command line wins over /etc/cmdline.
    await vm.console(/the boot failed in its phase "slot" \(root-missing\)/);
    await vm.rescueShell();
    vm.type('statectl rescue reboot\n');
    expect(await vm.ended()).toBe('guest-reset');
  });

  test('opens with the password, and after three wrong ones asks again from the start', async () => {
    await using initramfs = await initramfsWithEnvironment(HASH);
    await using vm = await failing({ initramfs: initramfs.file });
    await vm.console(/press Enter for the rescue shell/);
    vm.type('\n');
    for (const wrong of ['', 'open', 'OPEN SESAME']) {
      await vm.console(/Password of the rescue shell: /);
      vm.type(`${wrong}\n`);
      await vm.console(/This is not the password/);
    }
    await vm.console(/press Enter for the rescue shell/);
    expect(vm.transcript).not.toMatch(/rescue:\S*#/);
    vm.type('\n');
    await vm.console(/Password of the rescue shell: /);
    vm.type('open sesame\n');
    await vm.console(/rescue:\S*# /);
    expect(await vm.shell('id -u')).toBe('0');
  });

  test('says that an image allows no shell, which key opens one, and lets nobody in', async () => {
    await using initramfs = await initramfsWithEnvironment({ STATECTL_ACCESS: 'none' });
    await using vm = await failing({ initramfs: initramfs.file });
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
        disks: [disk, state],
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
});

describe('a kernel command line that leaves our /init no console', () => {
  test.concurrent.each(['console=ttyS9', 'console=null'])('boots all the same with %s', async (consoles) => {
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
    await using vm = await failing({ consoles: 'console=ttyS9', initramfs: initramfs.file });
    await vm.event('rescue');
    expect(await vm.ended()).toBe('guest-reset');
    expect(vm.events.filter(({ event }) => event === 'failed')).toHaveLength(1);
  });
});

test('the prompt is on every console, not only on the last one that was named', async () => {
  await using vm = await failing({ consoles: 'console=ttyS0,115200 console=tty0' });
  await vm.rescueShell();
  expect(await vm.shell('cat /sys/class/tty/console/active')).toBe('ttyS0 tty0');
});

test('rdinit=/bin/sh gives a shell with tools although nothing of ours has run', async () => {
  await using vm = await bootMachine({
    disks: [disk],
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
