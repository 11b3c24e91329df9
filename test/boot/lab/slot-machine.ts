import type { BootRecord } from '../../../src/machine/boot-record.ts';
import { diskGuid, partitionGuid } from '../../../src/machine/disks/guid.ts';
import { type DiskFile, emptyDisk } from '../../fixtures/vm/disk.ts';
import { initramfsForDisks } from '../../fixtures/vm/images/initramfs.ts';
import { bootMachine, type Machine, type MachineOptions } from './machine.ts';
import { type ServedImages, serveImages } from './serve-images.ts';

const SERIAL = 'MAIN';
const FOLDER = '/user-data/persistent/slots';
const filesFor = (kind: 'partition' | 'tree') => ({
  'config.d/controller/drives.conf': `
main:
  match: { serial: ${SERIAL} }
  make: empty
  partitions:
    slot-a: { size: 100M, type: raw }
    slot-b: { size: 100M, type: raw }
    user-data: { size: rest }
`,
  'config.d/controller/update.chk.conf': `slots: { kind: ${kind}, a: PARTLABEL=slot-a, b: PARTLABEL=slot-b }\ncorruption: clone\n`,
  'config.d/controller/cnetwork.conf': 'wait: 2s\n',
  'config.d/controller/cserver.info.conf': 'tries: 2\nstall: 5s\n',
});

/** A machine whose two systems are on partitions of its only disk, which is empty at first, and a server with one image. */
export interface SlotMachine extends AsyncDisposable {
  readonly disk: DiskFile;
  readonly server: ServedImages;
  readonly boot: (options: MachineOptions) => Promise<Machine>;
  /** Nobody answers it, which it tells. */
  readonly alone: () => Promise<Machine>;
}

export async function slotMachine(kind: 'partition' | 'tree'): Promise<SlotMachine> {
  const disk = await emptyDisk(400);
  const initramfs = await initramfsForDisks(filesFor(kind));
  const server = await serveImages('tiny');
  const boot = (options: MachineOptions) =>
    bootMachine({ disks: [{ ...disk, serial: SERIAL }], memoryMiB: 768, initramfs: initramfs.file, ...options });
  return {
    ...{ disk, server, boot },
    alone: () => boot({ expects: 'trouble' }),
    async [Symbol.asyncDispose]() {
      for (const each of [initramfs, disk]) await each[Symbol.asyncDispose]();
    },
  };
}

export const recordOf = async (vm: Machine) => JSON.parse(await vm.read('/run/statectl/boot.json')) as BootRecord;
export const leave = (vm: Machine) => vm.shell('umount /user-data 2>/dev/null; sync');

/** Slot b becomes what slot a is: the backup of a machine that had two images. */
export async function copyToB(vm: Machine): Promise<void> {
  await vm.shell(`dd if=/dev/vda1 of=/dev/vda2 bs=1M 2>/dev/null; mkdir -p ${FOLDER}/b`);
  await vm.shell(
    `cd ${FOLDER}/a; for each in manifest.json manifest.json.sig files.zst; do [ ! -e $each ] || cp $each ../b/; done`,
  );
  await vm.shell(`echo ${partitionGuid(diskGuid(SERIAL, undefined), 'slot-b')} > ${FOLDER}/b/partition`);
}
