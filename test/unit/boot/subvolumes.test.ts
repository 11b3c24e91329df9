import { expect, it } from 'vitest';
import { boot, EXIT } from '../../../src/boot/boot.ts';
import { createDisk } from '../../fixtures/disks/disk.ts';
import { createImage, createServer } from '../../fixtures/image/image.ts';
import { bootHost, SERVER } from '../../fixtures/machine.ts';

const IMAGE = createImage({ version: '1', sizeBytes: 20_000 });

/** A boot of a machine with a btrfs whose subvolumes btrfs.conf names. */
async function bootWith(btrfs: () => { exitCode: number; stderr: string } | undefined) {
  const machine = bootHost({
    images: [IMAGE],
    servers: { [SERVER]: createServer(IMAGE) },
    disks: [createDisk({ name: 'vdb', type: 'btrfs', label: 'data' })],
    programs: { btrfs },
    config: {
      'system/fstab.conf': '',
      'controller/btrfs.conf':
        'LABEL=data: { subvolumes: { "@user": { mount: /user-data, snapshots: 2 }, "@x": { options: [compress=zstd] } } }\n',
    },
  });
  expect(await boot(machine)).toBe(EXIT.handOver);
  const mounts = machine.commands.filter((line) => line.startsWith('mount -t btrfs'));
  return { mounts, warned: machine.lines.filter(({ level }) => level === 'warning').map(({ text }) => text) };
}

it('a subvolume of btrfs.conf is made and mounted where it says, /user-data too', async () => {
  const { mounts, warned } = await bootWith(() => undefined);
  expect(mounts).toEqual([
    'mount -t btrfs -o subvolid=5,noatime /dev/vdb /run/statectl/btrfs',
    'mount -t btrfs -o noatime,subvol=@user /dev/vdb /run/initramfs/user-data',
  ]);
  expect(warned).toEqual([]);
});

it('a file system whose subvolumes cannot be had is missing, and the machine boots without it', async () => {
  const { mounts, warned } = await bootWith(() => ({ exitCode: 1, stderr: 'ERROR: it is damaged\n' }));
  expect(mounts).toHaveLength(1);
  expect(warned).toEqual([
    expect.stringContaining('DEGRADED: subvolumes of LABEL=data: '),
    expect.stringContaining('DEGRADED: the disk for /user-data (LABEL=data) is missing'),
  ]);
});
