import { open, truncate } from 'node:fs/promises';
import { expect, inject, test } from 'vitest';
import { bootMachine } from '../../boot/lab/machine.ts';
import { emptyDisk, makeDisk } from '../../fixtures/vm/disk.ts';
import { initramfsForDisks } from '../../fixtures/vm/images/initramfs.ts';

const MIB = 2 ** 20;
const FILES = {
  'config.d/controller/drives.conf':
    'main: { match: { serial: MAIN }, make: empty, partitions: { user-data: { size: rest } } }\n',
};

/** struct ext4_super_block, of a file system that begins 1 MiB into its disk. */
async function ext4Bytes(file: string): Promise<number> {
  await using disk = await open(file);
  const { buffer } = await disk.read(Buffer.alloc(1024), 0, 1024, MIB + 1024);
  return buffer.readUInt32LE(4) * 2 ** (10 + buffer.readUInt32LE(24));
}

test('an ext4 on a disk that became larger has all of it after the next boot, and what was in it', async () => {
  await using root = await makeDisk({ type: 'squashfs', tree: inject('tinyTree') });
  await using disk = await emptyDisk(64);
  await using initramfs = await initramfsForDisks(FILES);
  const boot = () =>
    bootMachine({
      disks: [
        { ...root, temporary: true },
        { ...disk, serial: 'MAIN' },
      ],
      ...{ initramfs: initramfs.file, cmdline: 'root=/dev/vda', memoryMiB: 512 },
    });
  {
    await using vm = await boot();
    await vm.console(/tiny: init/);
    await vm.shell('echo kept > /user-data/kept; sync');
  }
  await truncate(disk.file, 192 * MIB);
  await using vm = await boot();
  await vm.console(/user-data on virtio-MAIN as large as its partition … done/);
  await vm.console(/tiny: init/);
  expect(await vm.shell('cat /user-data/kept; mount -o remount,ro /user-data; sync')).toBe('kept');
  expect(await ext4Bytes(disk.file)).toBe(190 * MIB);
});
