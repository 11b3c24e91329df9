import { afterAll, beforeAll, expect, test } from 'vitest';
import type { BootRecord } from '../../../src/machine/boot-record.ts';
import { diskGuid, partitionGuid } from '../../../src/machine/disks/guid.ts';
import { bootMachine, type Machine, type MachineOptions } from '../../boot/lab/machine.ts';
import { type ServedImages, serveImages } from '../../boot/lab/serve-images.ts';
import { type DiskFile, emptyDisk, zeroDisk } from '../../fixtures/vm/disk.ts';
import { type InitramfsFile, initramfsForDisks } from '../../fixtures/vm/images/initramfs.ts';

const MIB = 2 ** 20;
const FILES = {
  'config.d/controller/drives.conf': `
main:
  match: { serial: MAIN }
  make: empty
  partitions:
    slot-a: { size: 100M, type: raw }
    slot-b: { size: 100M, type: raw }
    user-data: { size: rest }
`,
  'config.d/controller/update.chk.conf':
    'slots: { kind: partition, a: PARTLABEL=slot-a, b: PARTLABEL=slot-b }\ncorruption: clone\n',
  'config.d/controller/cnetwork.conf': 'wait: 2s\n',
  'config.d/controller/cserver.info.conf': 'tries: 2\nstall: 5s\n',
};

let disk: DiskFile;
let initramfs: InitramfsFile;
let server: ServedImages;

beforeAll(async () => {
  disk = await emptyDisk(400);
  initramfs = await initramfsForDisks(FILES);
  server = await serveImages('tiny');
});
afterAll(async () => {
  for (const each of [initramfs, disk]) await each[Symbol.asyncDispose]();
});

const boot = (options: MachineOptions) =>
  bootMachine({ disks: [{ ...disk, serial: 'MAIN' }], memoryMiB: 768, initramfs: initramfs.file, ...options });
/** That no server answers is told. */
const alone = () => boot({ expects: 'trouble' });
const recordOf = async (vm: Machine) => JSON.parse(await vm.read('/run/statectl/boot.json')) as BootRecord;
const leave = (vm: Machine) => vm.shell('umount /user-data 2>/dev/null; sync');

test('an image is written to the partition of slot a, and mounted from there', async () => {
  await using vm = await boot({ server });
  await vm.console(/copy \S+ to slot a/);
  await vm.console(/tiny: init/);
  expect(await recordOf(vm)).toMatchObject({ source: 'fetched', cycle: { slot: 'a' } });
  expect(await vm.shell('cat /proc/mounts')).toMatch(/^\/dev\/vda1 \S+ squashfs ro/m);
  expect(await vm.shell('ls /user-data/persistent/images')).toBe('');
  await leave(vm);
});

test('it boots from there without its server, which is gone from now on', async () => {
  await server[Symbol.asyncDispose]();
  await using vm = await alone();
  await vm.console(/tiny: init/);
  expect(await recordOf(vm)).toMatchObject({ source: 'copy', image: { name: 'tiny' }, cycle: { slot: 'a' } });
  // The backup of a machine that had two images: here it is the same one.
  const folder = '/user-data/persistent/slots';
  await vm.shell(`dd if=/dev/vda1 of=/dev/vda2 bs=1M 2>/dev/null; mkdir -p ${folder}/b`);
  await vm.shell(`cp ${folder}/a/manifest.json ${folder}/a/manifest.json.sig ${folder}/b/`);
  await vm.shell(`echo ${partitionGuid(diskGuid('MAIN', undefined), 'slot-b')} > ${folder}/b/partition`);
  await leave(vm);
});

test('a damaged system is made anew of the backup', async () => {
  await zeroDisk(disk, MIB + 64 * 1024, 4096);
  await using vm = await alone();
  await vm.console(/tiny: init/);
  expect(vm.transcript).toMatch(/copy \/dev\/vda2 to slot a \(\/dev\/vda1\)/);
  expect(await recordOf(vm)).toMatchObject({ source: 'copy', cycle: { slot: 'a' } });
  await leave(vm);
});
