import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import type { BootRecord } from '../../../src/machine/boot-record.ts';
import { bootMachine, type MachineOptions } from '../../boot/lab/machine.ts';
import { type ServedImages, serveImages } from '../../boot/lab/serve-images.ts';
import { type DiskFile, emptyDisk } from '../../fixtures/vm/disk.ts';
import { type DiskImage, diskImage } from '../../fixtures/vm/images/disk-image.ts';
import { type InitramfsFile, initramfsForDisks } from '../../fixtures/vm/images/initramfs.ts';

const FILES = {
  'config.d/controller/drives.conf': `
main:
  match: { serial: MAIN }
  make: empty
  partitions:
    grub: { size: 1M, type: raw, role: bios }
    ESP: { size: 200M, type: vfat, role: efi }
    user-data: { size: rest }
`,
  'config.d/controller/cnetwork.conf': 'wait: 2s\n',
  'config.d/controller/cserver.info.conf': 'tries: 2\nstall: 5s\n',
};

let disk: DiskFile;
let initramfs: InitramfsFile;
let image: DiskImage;
let server: ServedImages;

beforeAll(async () => {
  disk = await emptyDisk(400);
  initramfs = await initramfsForDisks(FILES);
  image = await diskImage(inject('images').tiny.dir, initramfs.file);
  server = await serveImages(image);
});
afterAll(async () => {
  for (const each of [image, initramfs, disk]) await each[Symbol.asyncDispose]();
});

const boot = (options: MachineOptions) =>
  bootMachine({ disks: [{ ...disk, serial: 'MAIN' }], memoryMiB: 768, ...options });
/** Nobody but its own disk gives it anything. */
// That no server answers is told.
const alone = (firmware: 'bios' | 'uefi') => boot({ from: 'disk', firmware, expects: 'trouble' });

test('an empty disk is made by a machine that boots from the network', async () => {
  await using vm = await boot({ server, initramfs: initramfs.file });
  await vm.console(/virtio-MAIN boots slot a \(vmlinuz-/);
  await vm.console(/tiny: init/);
  expect(vm.transcript).not.toMatch(/DEGRADED/);
  await vm.shell('umount /user-data 2>/dev/null; sync');
  await server[Symbol.asyncDispose]();
});

test.each(['bios', 'uefi'] as const)('it boots by itself, without any server, from %s', async (firmware) => {
  await using vm = await alone(firmware);
  await vm.console(/tiny: init/);
  expect(await vm.shell('cat /proc/cmdline')).toMatch(/ statectl\.slot=a( |$)/);
  const record = JSON.parse(await vm.read('/run/statectl/boot.json')) as BootRecord;
  expect(record).toMatchObject({ source: 'copy', image: { name: 'tiny' } });
  expect(await vm.shell('cat /proc/mounts')).toMatch(/^\/dev\/vda3 \/user-data ext4 rw/m);
  await vm.shell('umount /user-data 2>/dev/null; sync');
});
