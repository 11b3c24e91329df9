import { describe, expect, test } from 'vitest';
import { DEMO } from '../../../build/demo.ts';
import { bootMachine } from '../../boot/lab/machine.ts';
import { emptyDisk } from '../../fixtures/vm/disk.ts';
import { initramfsForDisks } from '../../fixtures/vm/images/initramfs.ts';

describe('disks of every kind', () => {
  test('have the names in the initramfs that udev gives them, and Debian starts with what is encrypted on them', async () => {
    const drive = (name: string, id: string) =>
      `${name}: { match: { id: "${id}" }, make: empty, partitions: { ${name}: { size: 20M }, swap-${name}: { size: 8M, type: swap, encrypt: ephemeral }, plain-${name}: { size: 8M, type: swap } } }\n`;
    await using initramfs = await initramfsForDisks({
      'config.d/controller/drives.conf': [
        drive('ata', 'ata-*_ATA1'),
        drive('nvme', 'nvme-*_NVME1'),
        drive('usb', 'usb-*_USB1-0:0'),
        drive('sd', 'mmc-*'),
        drive('virtio', 'virtio-V1'),
      ].join(''),
      'config.d/system/fstab.conf': '/mnt: { source: LABEL=usb, missing: degraded }\n',
    });
    await using files = new AsyncDisposableStack();
    const disk = async (sizeMiB: number) => files.use(await emptyDisk(sizeMiB));
    await using vm = await bootMachine({
      disks: [
        { file: `${DEMO.image}/root.squashfs`, temporary: true },
        { ...(await disk(64)), as: 'ata', serial: 'ATA1' },
        { ...(await disk(64)), as: 'nvme', serial: 'NVME1' },
        { ...(await disk(64)), as: 'usb', serial: 'USB1' },
        { ...(await disk(64)), as: 'sd' },
        { ...(await disk(64)), serial: 'V1', sectorBytes: 4096 },
      ],
      initramfs: initramfs.file,
      cmdline: 'root=/dev/vda',
    });
    interface Row {
      readonly drive?: string;
      readonly device: string;
      readonly ids: readonly string[];
      readonly state: string;
    }
    const rows = JSON.parse(await vm.run('statectl drives list --json')) as readonly Row[];
    expect(rows.flatMap(({ drive = [] }) => drive).sort()).toEqual(['ata', 'nvme', 'sd', 'usb', 'virtio']);
    await vm.run('udevadm settle');
    for (const { drive, device, ids, state } of rows.filter((row) => row.drive)) {
      const links = (await vm.run(`udevadm info --query=symlink ${device}`)).split(' ');
      const byUdev = links.flatMap((link) => (link.startsWith('disk/by-id/') ? [link.slice(11)] : []));
      // By the place where it is plugged in, udev has names in another folder.
      expect(ids.filter((id) => !id.startsWith('path-')).sort(), drive).toEqual(expect.arrayContaining([byUdev[0]]));
      expect(byUdev, drive).toEqual(expect.arrayContaining(ids.filter((id) => !id.startsWith('path-'))));
      // An adapter for SD cards on PCI has no name there.
      const places = links.flatMap((link) => (link.startsWith('disk/by-path/') ? [`path-${link.slice(13)}`] : []));
      expect(drive === 'sd' ? ['path-pci-0000:00:06.0'] : places, drive).toContain(
        ids.find((id) => id.startsWith('path-')),
      );
      expect(state, drive).toContain(`${drive}, swap-${drive} (encrypted), plain-${drive}`);
    }
    const swaps = async () => (await vm.run('swapon --show=NAME --noheadings')).split('\n').length;
    expect(await vm.run('systemctl is-system-running --wait || systemctl --failed --no-legend')).toBe('running');
    // Each once, also after udev and systemd have seen them.
    expect(await swaps()).toBe(10);
    expect(await vm.run('findmnt -no FSTYPE /mnt')).toBe('ext4');
    // Whose key is it: it is a new one at each boot.
    expect(await vm.run('dmsetup table --showkeys swap-usb')).toMatch(/crypt aes-xts-plain64 [0-9a-f]{128} 0 /);
  });
});
