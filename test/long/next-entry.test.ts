import { copyFile, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { linuxHost } from '../../src/host/linux/host.ts';
import { type RunningServer, startServer } from '../../src/server/listen.ts';
import { openStore } from '../../src/server/store/store.ts';
import { bootMachine } from '../boot/lab/machine.ts';
import { MARKER, writeMarkerApplication, writeMarkerDisk } from '../fixtures/vm/boot-marker.ts';

let dir: string;
let server: RunningServer;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'statectl-next-'));
  const { root } = await openStore(join(dir, 'state'), linuxHost(), 'create');
  server = await startServer({ state: root, listen: { host: '127.0.0.1', port: 0 }, host: linuxHost(), log: () => {} });
});
afterAll(async () => {
  await server.stop();
  await rm(dir, { recursive: true });
});

/** The disks of a machine after its network card. On UEFI the first has iPXE itself: what PXE starts ends in the same way. */
const FIRMWARE = {
  bios: async () => {
    await writeMarkerDisk(`${dir}/disk`);
    return [`${dir}/disk`];
  },
  uefi: async () => {
    await mkdir(`${dir}/ipxe/EFI/BOOT`, { recursive: true });
    await copyFile('/usr/lib/ipxe/ipxe.efi', `${dir}/ipxe/EFI/BOOT/BOOTX64.EFI`);
    await writeMarkerApplication(`${dir}/next/EFI/BOOT/BOOTX64.EFI`);
    // qemu shows a folder as a disk with a FAT file system.
    return [`fat:${dir}/ipxe`, `fat:${dir}/next`];
  },
} as const;

test.each([
  ['a BIOS', 'bios'],
  ['UEFI firmware', 'uefi'],
] as const)(
  '%s starts its next boot entry where the server has no image, and somebody gives up waiting',
  async (_, firmware) => {
    const disks = (await FIRMWARE[firmware]()).map((file) => ({ file, temporary: true }));
    const guestUrl = `http://10.0.2.2:${server.address.port}`;
    await using vm = await bootMachine({ netboot: { guestUrl }, firmware, disks, memoryMiB: 256, expects: 'trouble' });
    await vm.console(/has no image for this machine/);
    await vm.console(/asking the server again/);
    vm.type('\x03');
    await vm.console(/going on with the next boot device/);
    const [, seen] = await vm.console(new RegExp(`(${MARKER})|Select Entry`));
    expect(seen).toBe(MARKER);
  },
);
