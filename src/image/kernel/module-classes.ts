import type { Host } from '../../host/host.ts';
import { moduleName, readModuleIndex } from './module-index.ts';

/** What a class means: all modules below some folders of the kernel's own tree, and single ones. */
interface ClassRule {
  /** What an operator gets, for help texts. */
  readonly title: string;
  readonly folders: readonly string[];
  readonly names: readonly string[];
  /** Folders (with `/`) and names that are left out; they still come when something depends on them. */
  readonly except: readonly string[];
}

// The keyboard and the USB disk both sit behind these.
const USB_HOSTS = [
  'xhci_pci',
  'xhci_plat_hcd',
  'ehci_pci',
  'ehci_platform',
  'ohci_pci',
  'ohci_platform',
  'uhci_hcd',
] as const;

/** Names that a kernel lacks are left out in silence: kernels differ in what they build in, rename and drop. */
export const MODULE_CLASSES = {
  core: {
    title: 'virtual machines, TPM, VLAN, bonding, bridges, checksums, netconsole, watchdogs, stores for crashes',
    folders: [],
    names: [
      ...['virtio_pci', 'virtio_mmio', 'virtio_rng', 'virtio_console', 'qemu_fw_cfg', 'hv_vmbus', 'pci_hyperv'],
      ...['tpm_tis', 'tpm_crb'],
      // Hardware alone: softdog hangs with the kernel.
      ...['iTCO_wdt', 'i6300esb', 'sp5100_tco', 'wdat_wdt', 'hpwdt', 'bcm2835_wdt', 'dw_wdt', 'sunxi_wdt'],
      ...['efi_pstore', 'ramoops'],
      ...['8021q', 'bonding', 'bridge', 'af_packet', 'ipv6', 'netconsole'],
      // Found through the crypto API by name, so nothing in modules.dep leads to them.
      ...['crc32c', 'crc32c_generic', 'crc32c_intel', 'crc32_ce', 'crct10dif_generic', 'crct10dif_pclmul', 'libcrc32c'],
    ],
    except: [],
  },
  network: {
    title: 'wired network cards',
    folders: [
      ...[
        'kernel/drivers/net/ethernet',
        'kernel/drivers/net/usb',
        'kernel/drivers/net/vmxnet3',
        'kernel/drivers/net/hyperv',
      ],
      // A card asks for its PHY by modalias (`mdio:…`) while it probes; modules.dep does not know.
      ...['kernel/drivers/net/phy', 'kernel/drivers/net/mdio', 'kernel/drivers/net/pcs'],
    ],
    names: ['virtio_net', 'xen_netfront'],
    except: [
      // PCMCIA cards, which pull its whole stack.
      ...['3c574_cs', '3c589_cs', 'axnet_cs', 'fmvj18x_cs', 'nmclan_cs', 'pcnet_cs', 'smc91c92_cs', 'xirc2ps_cs'],
      // USB modems and telephones.
      ...['cdc_mbim', 'cdc_phonet', 'hso', 'huawei_cdc_ncm', 'ipheth', 'kalmia', 'lg_vl600', 'qmi_wwan', 'sierra_net'],
    ],
  },
  storage: {
    title: 'disks: SATA, NVMe, SCSI and RAID adapters, SD cards, USB, virtual disks, md and dm, DRBD, CD',
    folders: [
      ...['kernel/drivers/ata', 'kernel/drivers/nvme/host', 'kernel/drivers/scsi', 'kernel/drivers/message/fusion'],
      ...['kernel/drivers/block', 'kernel/drivers/md', 'kernel/drivers/mmc', 'kernel/drivers/usb/storage'],
      ...['kernel/drivers/virtio', 'kernel/drivers/cdrom'],
    ],
    names: [...USB_HOSTS, 'vmd', 'drbd_transport_tcp'],
    except: [
      ...['kernel/drivers/block/xen-blkback/', 'kernel/drivers/block/zram/', 'kernel/drivers/block/null_blk/'],
      ...['brd', 'floppy', 'pktcdvd', 'rbd', 'zram', 'null_blk', 'virtio_balloon', 'virtio_mem', 'virtio_input'],
      ...['kernel/drivers/scsi/pcmcia/', 'pata_pcmcia', 'sdricoh_cs', 'sdio_uart', 'scsi_debug', 'ch', 'st', 'osst'],
      'tcm_qla2xxx', // Target mode, which pulls the whole SCSI target.
      ...['md_cluster', 'faulty', 'dm_flakey', 'dm_delay', 'dm_dust', 'dm_log_writes', 'dm_log_userspace'],
    ],
  },
  filesystems: {
    title: 'squashfs, erofs, overlay, ext4, btrfs, FAT, ISO 9660',
    folders: [],
    names: [
      ...['squashfs', 'erofs', 'overlay', 'loop', 'ext4', 'btrfs', 'isofs', 'vfat'],
      ...['nls_cp437', 'nls_iso8859_1', 'nls_ascii', 'nls_utf8'],
    ],
    except: [],
  },
  encryption: {
    title: 'dm-crypt with AES',
    folders: [],
    // Processors that are fast at AES have a module of their own.
    names: ['dm_crypt', 'xts', 'ecb', 'aes_generic', 'aesni_intel', 'aes_ce_blk', 'aes_neon_bs'],
    except: [],
  },
  keyboard: {
    title: 'PS/2 and USB keyboards',
    folders: [],
    names: [...USB_HOSTS, 'i8042', 'atkbd', 'usbhid', 'hid_generic'],
    except: [],
  },
} as const satisfies Record<string, ClassRule>;

export type ModuleClass = keyof typeof MODULE_CLASSES;

/**
 * The names of all modules of these classes that this kernel has, built-in ones too, sorted; without dependencies, which
 * `moduleClosure` adds. Throws `modules-missing`.
 */
export async function modulesOfClass(
  host: Pick<Host, 'files'>,
  root: string,
  release: string,
  classes: readonly ModuleClass[],
): Promise<readonly string[]> {
  const index = await readModuleIndex(host, root, release);
  const names = new Set<string>();
  for (const each of classes) {
    const { folders, names: single, except }: ClassRule = MODULE_CLASSES[each];
    for (const path of index.shipped) {
      const isBelow = (folder: string): boolean => path.startsWith(folder.endsWith('/') ? folder : `${folder}/`);
      if (
        !folders.some(isBelow) ||
        except.includes(moduleName(path)) ||
        except.some((one) => one.endsWith('/') && isBelow(one))
      )
        continue;
      names.add(moduleName(path));
    }
    for (const name of single) names.add(name);
  }
  return [...names].filter((name) => index.paths.has(name) || index.builtin.has(name)).sort();
}

/**
 * The modules of that kernel which the devices of the machine that we run on ask for (`modalias` in sysfs), sorted.
 * Throws `modules-missing`.
 */
export async function hostModules(
  host: Pick<Host, 'files'>,
  root: string,
  release: string,
): Promise<readonly string[]> {
  const index = await readModuleIndex(host, root, release);
  const names = new Set<string>();
  for (const alias of await modaliases(host)) {
    const modules = index.lookup(alias);
    if (modules !== 'builtin') for (const name of modules) names.add(name);
  }
  return [...names].sort();
}

/** Devices have their modalias on a bus; input devices and the mainboard (dmi) have it in their class. */
async function modaliases({ files }: Pick<Host, 'files'>): Promise<ReadonlySet<string>> {
  const list = (path: string): Promise<readonly string[]> => files.list(path).catch(() => []);
  const devices = ['/sys/devices/system/cpu'];
  for (const bus of await list('/sys/bus'))
    for (const device of await list(`/sys/bus/${bus}/devices`)) devices.push(`/sys/bus/${bus}/devices/${device}`);
  for (const kind of ['dmi', 'input'])
    for (const device of await list(`/sys/class/${kind}`)) devices.push(`/sys/class/${kind}/${device}`);
  // Devices without one, or unplugged meanwhile, ask for nothing.
  const texts = await Promise.all(devices.map((device) => files.readText(`${device}/modalias`).catch(() => '')));
  return new Set(texts.map((text) => text.trim()).filter(Boolean));
}
