import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { BootRecord } from '../../src/machine/boot-record.ts';
import { type DiskFile, makeDisk } from '../fixtures/vm/disk.ts';
import { type InitramfsFile, initramfsWith, initramfsWithFlippedByte } from '../fixtures/vm/initramfs.ts';
import { bootMachine, type Machine, type MachineOptions } from './machine.ts';
import { PATHS, type ServedImages, serveImages } from './serve-images.ts';

const OTHER_UUID = '11111111-2222-3333-4444-555555555555';

describe('a machine with a disk for what persists, boot after boot', () => {
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
  });
  afterAll(async () => {
    for (const each of [server, disk, impatient, damaged]) await each[Symbol.asyncDispose]();
  });

  /** Always the same machine; every test ends it as a power cut does. */
  const boot = (options: MachineOptions = {}): Promise<Machine> =>
    bootMachine({ disks: [disk], server, initramfs: impatient.file, memoryMiB: 512, ...options });
  const recordOf = async (vm: Machine) => JSON.parse(await vm.read('/run/statectl/boot.json')) as BootRecord;

  test('keeps a verified copy of the image that it fetched', async () => {
    await using vm = await boot();
    await vm.console(/tiny: init/);
    expect(await recordOf(vm)).toMatchObject({ source: 'fetched', persistent: { device: '/dev/vda', type: 'ext4' } });
    expect(await vm.shell(`sha256sum ${copy}`)).toContain(server.manifest.root.sha256);
    machineId = await vm.shell('cat /etc/machine-id');
    await vm.shell('echo mine > /home/kept && echo gone > /var/gone && sync');
  });

  test('boots the copy when no server answers, with what persists and nothing else', async () => {
    server.fault(PATHS.boot, { kind: 'hang' });
    // Another board in the same case: who the machine is stands on the disk.
    await using vm = await boot({ uuid: OTHER_UUID });
    await vm.console(/booting the copy of tiny 1 on this machine/);
    await vm.console(/tiny: init/);
    expect(await recordOf(vm)).toMatchObject({
      source: 'copy',
      root: { verified: true },
      machineId: { machineIdOrigin: 'persistent' },
    });
    expect(await vm.shell('cat /etc/machine-id')).toBe(machineId);
    expect(await vm.shell('cat /home/kept')).toBe('mine');
    await expect(vm.shell('cat /var/gone')).rejects.toThrow('No such file');
  });

  test('boots by the plan of the last good boot when the controller cannot run', async () => {
    await using vm = await boot({ initramfs: damaged.file, expects: 'trouble' });
    await vm.console(/runtime missing/);
    await vm.console(/the controller crashed: booting by the plan of the last good boot/);
    await vm.console(/tiny: init/);
    expect(await vm.shell('cat /etc/machine-id')).toBe(machineId);
    expect(await vm.shell('cat /home/kept')).toBe('mine');
    expect(await vm.shell('cat /proc/mounts')).toMatch(/ \/ squashfs ro,[^]* \/etc tmpfs rw,[^]* \/var overlay rw,/);
  });
});
