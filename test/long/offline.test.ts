import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { BootRecord } from '../../src/machine/boot-record.ts';
import { bootMachine, type Machine, type MachineOptions } from '../boot/machine.ts';
import { PATHS, type ServedImages, serveImages } from '../boot/serve-images.ts';
import { type DiskFile, makeDisk } from '../fixtures/vm/disk.ts';
import { type InitramfsFile, initramfsWith, initramfsWithFlippedByte } from '../fixtures/vm/initramfs.ts';

describe('a machine whose copy on its disk, or whose controller, is harmed', () => {
  let server: ServedImages;
  let disk: DiskFile;
  let impatient: InitramfsFile;
  let damaged: InitramfsFile;
  let copy: string;
  let machineId: string;

  beforeAll(async () => {
    server = await serveImages('tiny');
    disk = await makeDisk({ type: 'ext4', label: 'user-data', sizeMiB: 256 });
    impatient = await initramfsWith({
      'config.d/controller/cnetwork.conf': 'wait: 2s\n',
      'config.d/controller/cserver.info.conf': 'tries: 2\nstall: 1s\n',
    });
    damaged = await initramfsWithFlippedByte('runtime.squashfs');
    copy = `/user-data/persistent/images/${server.manifest.root.sha256}/root.squashfs`;
    {
      await using vm = await boot();
      await vm.console(/tiny: init/);
      machineId = await vm.shell('cat /etc/machine-id && sync');
    }
    // The plan that is kept is then one of a boot from the copy.
    server.fault(PATHS.boot, { kind: 'hang' });
    await using vm = await boot();
    await vm.console(/tiny: init/);
    await vm.shell('sync');
  });
  afterAll(async () => {
    for (const each of [server, disk, impatient, damaged]) await each[Symbol.asyncDispose]();
  });

  /** Always the same machine; every test ends it as a power cut does. */
  const boot = (options: MachineOptions = {}): Promise<Machine> =>
    bootMachine({ disks: [disk], server, initramfs: impatient.file, memoryMiB: 512, ...options });
  const recordOf = async (vm: Machine) => JSON.parse(await vm.read('/run/statectl/boot.json')) as BootRecord;

  test('boots by the plan of the last good boot when the controller is killed half-way', async () => {
    await using vm = await boot({ cmdline: 'statectl.break=install', expects: 'trouble', panic: '' });
    await vm.event('break', { phase: 'install' });
    await vm.console(/rescue:\S*# /);
    vm.type('kill -9 $(pidof statectl)\n');
    await vm.console(/the controller ended with status 137/);
    await vm.console(/tiny: init/);
    expect(await vm.shell('cat /etc/machine-id')).toBe(machineId);
  });

  test('does not run a plan that was altered', async () => {
    {
      await using vm = await boot();
      await vm.console(/tiny: init/);
      await vm.shell('echo "echo evil >/dev/kmsg" >> /user-data/persistent/statectl/plan.sh && sync');
    }
    await using vm = await boot({ initramfs: damaged.file, expects: 'trouble' });
    await vm.console(/the controller ended with status 127/);
    expect(await vm.ended()).toBe('guest-reset');
    expect(vm.transcript).not.toMatch(/evil|booting by the plan|tiny: init/);
  });

  test('mounts no altered copy, and fetches a new one as soon as a server answers', async () => {
    {
      await using vm = await boot();
      await vm.console(/tiny: init/);
      await vm.shell(`echo x | dd of=${copy} bs=1 seek=500000 conv=notrunc && sync`);
    }
    await using vm = await boot({ expects: 'trouble', panic: '' });
    const failed = await vm.event('failed');
    expect(failed).toMatchObject({ phase: 'update', code: 'image-altered' });
    expect(failed.text).toContain(`the signed manifest says ${server.manifest.root.sha256}`);
    await vm.rescueShell();
    expect(await vm.shell('cat /proc/mounts')).not.toMatch(/ \/run\/statectl\/image | \/sysroot /);
    server.heal();
    vm.type('exit\n');
    await vm.console(/tiny: init/);
    expect(await recordOf(vm)).toMatchObject({ source: 'fetched' });
    expect(await vm.shell(`sha256sum ${copy}`)).toContain(server.manifest.root.sha256);
  });
});
