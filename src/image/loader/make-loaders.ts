import type { Host } from '../../host/host.ts';
import { BLOCK_LIST_AT, BLOCK_LIST_BYTES, BOOT_CODE_BYTES, CORE_SECTOR_AT } from '../../signed/loader-layout.ts';
import { writeTar } from '../../signed/plain-tar.ts';
import { runProgram } from '../host-programs.ts';
import { GRUB_CONFIG } from './grub-config.ts';

const GRUB = '/usr/lib/grub/i386-pc';
const SYSTEMD_BOOT = '/usr/lib/systemd/boot/efi/systemd-bootx64.efi';

/** To find and read our partition, to count, to load a kernel; and to be read on a serial line. */
const MODULES = [
  ...['biosdisk', 'part_gpt', 'fat', 'ext2', 'search', 'regexp', 'configfile', 'normal', 'loadenv', 'test'],
  ...['linux', 'echo', 'serial', 'terminal', 'sleep', 'reboot', 'memdisk', 'tar'],
];
/** grub-setup(8) takes out what boot.img does about the number of its drive, on a hard disk: some BIOSes tell it wrong. */
const DRIVE_CHECK_AT = 0x66;
const NO_OPERATION = Buffer.from([0x90, 0x90]);

/** Names of the files in an image's folder. */
export const LOADER_FILES = { boot: 'grub-boot.img', core: 'grub-core.img', efi: 'BOOTX64.EFI' } as const;

export type LoaderFile = keyof typeof LOADER_FILES;

/**
 * Puts the boot loaders that disks of machines get into `work`, made ready: a machine only writes in where they lie. Takes those of
 * the Debian packages of who builds; what is not there is not in the image, and said. The same packages give the same bytes.
 */
export async function makeLoaders(host: Host, work: string, arch: string): Promise<ReadonlySet<LoaderFile>> {
  const { files, console } = host;
  const made = new Set<LoaderFile>();
  // GRUB for a BIOS and systemd-boot's name are of PCs.
  if (arch !== 'x86_64') return made;
  const lacking = (packages: string, what: string) =>
    console.line(
      'info',
      `image: no ${what} in it, for machines that boot from their own disk: apt install ${packages}`,
    );
  if (await files.stat(`${GRUB}/boot.img`)) {
    const memdisk = `${work}/grub.tar`;
    const core = `${work}/${LOADER_FILES.core}`;
    await files.write(memdisk, writeTar(new Map([['grub/grub.cfg', Buffer.from(GRUB_CONFIG)]])));
    await runProgram(host, [
      ...(['grub-mkimage', '--directory', GRUB, '--format', 'i386-pc', '--output', core] as const),
      // A memdisk has a prefix of its own, which what comes after it replaces.
      ...['--memdisk', memdisk, '--prefix', '(memdisk)/grub', ...MODULES],
    ]);
    await files.remove(memdisk);
    await files.write(`${work}/${LOADER_FILES.boot}`, bootCode(await files.read(`${GRUB}/boot.img`)));
    await files.write(core, withoutPlace(await files.read(core)));
    made.add('boot').add('core');
  } else lacking('grub-common grub-pc-bin', 'boot loader for a BIOS');
  if (await files.stat(SYSTEMD_BOOT)) {
    await files.write(`${work}/${LOADER_FILES.efi}`, await files.read(SYSTEMD_BOOT));
    made.add('efi');
  } else lacking('systemd-boot-efi', 'boot loader for UEFI');
  return made;
}

/** What is code of boot.img, without the sector of core.img, which a machine writes in. */
function bootCode(image: Buffer): Buffer {
  const code = Buffer.from(image.subarray(0, BOOT_CODE_BYTES));
  NO_OPERATION.copy(code, DRIVE_CHECK_AT);
  return code.fill(0, CORE_SECTOR_AT, CORE_SECTOR_AT + 8);
}

/** In whole sectors, without the place of what comes after the first one, which a machine writes in. */
function withoutPlace(core: Buffer): Buffer {
  const padded = Buffer.alloc(Math.ceil(core.length / 512) * 512);
  core.copy(padded);
  return padded.fill(0, BLOCK_LIST_AT, BLOCK_LIST_AT + BLOCK_LIST_BYTES);
}
