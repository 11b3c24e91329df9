import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DEMO } from '../../build/demo.ts';
import { bootMachine, type Machine, type MachineOptions } from '../boot/lab/machine.ts';
import { type DiskFile, makeDisk } from '../fixtures/vm/disk.ts';

describe('a machine with a watchdog and a store for crashes', () => {
  let dir: string;
  let disk: DiskFile;

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'statectl-crash-'));
    disk = await makeDisk({ type: 'ext4', label: 'user-data', sizeMiB: 128 });
  });
  afterAll(async () => {
    await disk[Symbol.asyncDispose]();
    await rm(dir, { recursive: true, force: true });
  });

  const boot = (cmdline: string, more: Partial<MachineOptions> = {}): Promise<Machine> =>
    bootMachine({
      ...{ watchdog: true, erst: join(dir, 'erst'), expects: 'trouble' },
      disks: [{ file: `${DEMO.image}/root.squashfs`, temporary: true }, disk],
      cmdline: `root=/dev/vda ${cmdline}`,
      ...more,
    });
  /** What the disk has of them once the machine is off. */
  const keptLogs = async (): Promise<readonly string[]> => {
    await execa('debugfs', ['-R', `rdump /persistent/logs ${dir}`, disk.file]);
    return await readdir(join(dir, 'logs'));
  };

  test('is reset when its controller hangs, and the next boot knows of that', async () => {
    await using vm = await boot('statectl.set=boot.watchdog=10s statectl.break=install', { reboots: true, panic: '' });
    await vm.console(/rescue:\S*# /);
    // A person has a shell: it is fed all the time.
    expect(await vm.shell('sleep 15; cat /sys/class/watchdog/watchdog0/state')).toBe('active');
    vm.type('kill -STOP $(pidof statectl)\n');
    await vm.console(/statectl: .*the hardware watchdog reset this machine before this boot/);
    await vm.console(/rescue:\S*# /);
    expect(await vm.shell('grep -o .watchdogReset.:true /run/statectl/facts.json | head -n 1')).toContain('true');
  });

  test('has its watchdog fed by systemd from the boot on, until the kernel panics', async () => {
    await using vm = await boot('statectl.set=boot.watchdog=60s');
    await vm.event('handed-over');
    expect(await vm.run('systemctl show -p RuntimeWatchdogUSec')).toBe('RuntimeWatchdogUSec=1min');
    expect(await vm.run('cat /sys/class/watchdog/watchdog0/state /sys/class/watchdog/watchdog0/timeout')).toBe(
      'active\n60',
    );
    expect(await vm.run('systemctl is-active statectl-logs')).toBe('active');
    await vm.run('sleep 1; echo c > /proc/sysrq-trigger').catch(() => {});
    expect(await vm.ended()).toBe('guest-reset');
  });

  test('tells at the next boot why, keeps the record once, and the logs of its way down', async () => {
    await using vm = await boot(
      'statectl.set=boot.watchdog=off statectl.set=log.archive=[/var/log] statectl.set=log.compress=zstd',
    );
    await vm.console(/the kernel panicked before this boot: sysrq triggered crash/);
    await vm.event('handed-over');
    expect(JSON.parse(await vm.run('cat /run/statectl/facts.json')).machine.lastEnd).toMatchObject({
      panic: 'sysrq triggered crash',
    });
    // Debian's systemd-pstore has moved it, as other programs expect.
    expect(await vm.run('cat /sys/class/watchdog/watchdog0/state; ls /sys/fs/pstore')).toBe('inactive');
    const number = await vm.run('cat /run/statectl/log-number');
    expect(await vm.run(`statectl logs show ${number} | grep -c "sysrq triggered crash"`)).toMatch(/^[1-9]/);
    await vm.run('logger the-last-word; sleep 1; systemctl poweroff').catch(() => {});
    expect(await vm.ended()).toBe('guest-shutdown');

    const name = number.padStart(6, '0');
    const kept = await keptLogs();
    expect(kept.filter((one) => one.includes(name))).toEqual(
      expect.arrayContaining([`boot-${name}.log.zst`, `boot-${name}.panic.txt.zst`, `stop-${name}.tar.zst`]),
    );
    const archive = join(dir, 'logs', `stop-${name}.tar.zst`);
    const { stdout: list } = await execa('tar', ['--zstd', '-tf', archive]);
    expect(list.split('\n')).toEqual(expect.arrayContaining(['dmesg.txt', 'journal.txt', 'var/log/syslog']));
    const { stdout: journal } = await execa('tar', ['--zstd', '-xOf', archive, 'journal.txt']);
    expect(journal).toMatch(/the-last-word[^]*Stopp/);
    expect((await readFile(archive)).length).toBeLessThan(8 << 20);
  });
});
