import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { type DiskFile, emptyDisk, makeDisk, zeroDisk } from '../fixtures/vm/disk.ts';
import { type InitramfsFile, initramfsForDisks } from '../fixtures/vm/images/initramfs.ts';
import { bootMachine, type Machine } from './lab/machine.ts';

const MIB = 2 ** 20;

const DRIVES = `
main:
  match: { serial: MAIN }
  make: empty
  partitions:
    ESP: { size: 48M, type: vfat, role: efi }
    boot: { size: 32M, role: boot }
    data: { size: 128M, type: btrfs }
    plain: { size: 16M, type: swap }
    swap: { size: 16M, type: swap, encrypt: ephemeral }
    scratch: { size: 32M, encrypt: ephemeral }
    user-data: { size: rest }
large: { match: { serial: LARGE }, make: empty, partitions: { big-a: { size: 40M }, big-b: { size: rest, type: vfat } } }
third: { match: { serial: THIRD }, make: empty, partitions: { third: { size: rest } } }
`;
const FILES = {
  'config.d/controller/drives.conf': DRIVES,
  'config.d/controller/btrfs.conf': 'LABEL=data: { subvolumes: { "@home": { mount: /home, snapshots: 2 } } }\n',
  'config.d/system/fstab.conf': `
/user-data: { source: LABEL=user-data, options: [noatime], missing: fail }
/mnt: { source: /dev/mapper/scratch, missing: degraded }
`,
};

/** Of each file system, where its partition begins in MiB. */
const PLACES = [
  [0, 1],
  [0, 49],
  [0, 81],
  [0, 209],
  [0, 273],
  [1, 1],
  [1, 41],
] as const;

/** What must not change of disks: their tables, byte by byte, and which file systems they have. */
async function identities(disks: readonly DiskFile[]): Promise<readonly string[]> {
  const found: string[] = [];
  for (const [disk, mib] of PLACES) {
    const words = ['-p', '--offset', String(mib * MIB), '-o', 'value', '-s', 'LABEL', '-s', 'UUID', '-s', 'TYPE'];
    found.push((await execa('blkid', [...words, disks[disk]?.file ?? ''])).stdout.replaceAll('\n', ' '));
  }
  for (const { file } of disks) {
    await using disk = await open(file);
    const { size } = await disk.stat();
    for (const at of [0, size - MIB]) {
      const { buffer } = await disk.read(Buffer.alloc(MIB), 0, MIB, at);
      found.push(createHash('sha256').update(buffer).digest('hex'));
    }
  }
  return found;
}

describe('a machine with empty disks', () => {
  let root: DiskFile;
  let disks: readonly [DiskFile, DiskFile, DiskFile];
  let initramfs: InitramfsFile;
  let before: readonly string[];

  beforeAll(async () => {
    root = await makeDisk({ type: 'squashfs', tree: inject('tinyTree') });
    disks = [await emptyDisk(400), await emptyDisk(120), await emptyDisk(40)];
    initramfs = await initramfsForDisks(FILES);
  });
  afterAll(async () => {
    for (const each of [root, initramfs, ...disks]) await each[Symbol.asyncDispose]();
  });

  const boot = (): Promise<Machine> =>
    bootMachine({
      disks: [
        { ...root, temporary: true },
        { ...disks[0], serial: 'MAIN' },
        { ...disks[1], serial: 'LARGE', sectorBytes: 4096 },
        { ...disks[2], serial: 'THIRD' },
      ],
      initramfs: initramfs.file,
      cmdline: 'root=/dev/vda',
      memoryMiB: 512,
    });

  test('has them partitioned, formatted, encrypted and mounted as drives.conf says', async () => {
    await using vm = await boot();
    await vm.console(/tiny: init/);
    const drives = await vm.shell('statectl drives');
    expect(drives).toMatch(
      /main +virtio-MAIN .*ESP, boot, data, plain, swap \(encrypted\), scratch \(encrypted\), user-data/,
    );
    expect(drives).toMatch(/large +virtio-LARGE .*big-a, big-b/);
    const mounts = await vm.shell('cat /proc/mounts');
    expect(mounts).toMatch(/ \/user-data ext4 rw/);
    expect(mounts).toMatch(/^\/dev\/dm-\d \/mnt ext4 rw/m);
    expect(mounts).toMatch(/ \/home btrfs .*subvol=\/@home/);
    expect(await vm.shell('cat /proc/swaps')).toMatch(
      /\/dev\/(?:mapper\/swap|dm-\d) [^]*\/dev\/vdb4 |\/dev\/vdb4 [^]*\/dev\/(?:mapper\/swap|dm-\d) /,
    );
    await vm.shell('echo kept > /user-data/kept; echo kept > /home/kept; echo lost > /mnt/lost; umount /home; sync');
    // Neither what the boot left nor the list of processes tells the key.
    expect(vm.transcript + JSON.stringify(vm.events) + (await vm.shell('cat /run/statectl/*.json'))).not.toMatch(
      /crypt aes|[0-9a-f]{128}/,
    );
    await vm.shell('umount /mnt; swapoff -a; mount -o remount,ro /user-data; sync');
    before = await identities(disks);
    expect(before.slice(0, PLACES.length).map((text) => text.replace(/ \S*-\S* /, ' '))).toEqual([
      ...['ESP vfat', 'boot ext4', 'data btrfs', 'plain swap', 'user-data ext4', 'big-a ext4', 'big-b vfat'],
    ]);
  });

  test('puts back tables whose beginning or end is gone, loses nothing, and touches none of which both are', async () => {
    const [main, large, third] = disks;
    await zeroDisk(main, 0, MIB);
    await zeroDisk(large, -MIB, MIB);
    for (const at of [0, -MIB]) await zeroDisk(third, at, MIB);
    await using vm = await boot();
    await vm.console(/virtio-THIRD is not touched: it has no partition table, but ext2, ext3 or ext4 at 1048576 bytes/);
    await vm.console(/put back the primary table of virtio-MAIN/);
    await vm.console(/put back the backup table of virtio-LARGE/);
    await vm.console(/tiny: init/);
    const after = await identities(disks);
    // The third is as it was left: without a table.
    expect(after.slice(0, -2)).toEqual(before.slice(0, -2));
    expect(after.slice(-2)).not.toEqual(before.slice(-2));
    expect(await vm.shell('cat /user-data/kept /home/kept; ls /mnt')).toBe('kept\nkept\nlost+found');
    expect(await vm.shell('statectl drives')).toMatch(
      /main +virtio-MAIN .*ESP, boot[^]*third +virtio-THIRD .*has no partition table/,
    );
  });
});
