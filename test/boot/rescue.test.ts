import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import type { BootRecord } from '../../src/machine/boot-record.ts';
import { type DiskFile, makeDisk } from '../fixtures/vm/disk.ts';
import { initramfsWith, initramfsWithEnvironment } from '../fixtures/vm/images/initramfs.ts';
import { bootFailing } from './lab/boot-failing.ts';
import { bootMachine } from './lab/machine.ts';

let disk: DiskFile;
beforeAll(async () => {
  disk = await makeDisk({ type: 'squashfs', tree: inject('tinyTree') });
});
afterAll(() => disk[Symbol.asyncDispose]());

const MENDED = 'echo root=/dev/vda > /etc/cmdline';

describe('the rescue prompt', () => {
  const HASH = { STATECTL_ACCESS: '' };
  beforeAll(async () => {
    const { stdout } = await execa('openssl', ['passwd', '-6', '-salt', 'saltsalt', 'open sesame']);
    HASH.STATECTL_ACCESS = stdout;
  });

  test('gives a person the verbs that say what happened and go on', async () => {
    const cmdline = 'statectl.server=http://user:s3cr3t@10.0.2.2:9 rd.iscsi.password=s3cr3t';
    await using initramfs = await initramfsWith({ 'etc/cmdline.d/root.conf': 'root=LABEL=nowhere rootdelay=1\n' });
    await using vm = await bootMachine({
      disks: [{ ...disk, temporary: true }],
      initramfs: initramfs.file,
      memoryMiB: 512,
      expects: 'trouble',
      panic: '',
      cmdline,
    });
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
      'journal',
    ];
    for (const section of sections) expect(report).toMatch(new RegExp(`^# ${section}.*\\n+[^#\\n]`, 'm'));
    expect(report).toContain('\n# dmesg\n');
    expect(report).toContain('http://[redacted]@10.0.2.2:9');
    const told = [report];
    for (const verb of ['log', 'log --json', 'config']) told.push(await vm.shell(`statectl rescue ${verb}`));
    expect(told.join('\n') + JSON.stringify(vm.events)).not.toContain('s3cr3t');
    await expect(vm.shell('statectl rescue rteport')).rejects.toThrow('has no command "rteport"');
    await vm.shell(MENDED);
    vm.type('statectl rescue retry cmdline\n');
    await vm.console(/tiny: init/);
    const record = JSON.parse(await vm.shell('cat /run/statectl/boot.json')) as BootRecord;
    expect(record.failures).toMatchObject([{ phase: 'slot', code: 'root-missing' }]);
  });

  test('opens with the password, and after three wrong ones asks again from the start', async () => {
    await using initramfs = await initramfsWithEnvironment(HASH);
    await using vm = await bootFailing(disk, { initramfs: initramfs.file });
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
    vm.type('statectl rescue reboot\n');
    expect(await vm.ended()).toBe('guest-reset');
  });
});
