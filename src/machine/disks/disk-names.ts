import type { Host } from '../../host/host.ts';
import type { Attachment } from './disk-facts.ts';
import { diskPlace } from './disk-place.ts';

/** Who a disk is. */
export interface DiskNames {
  readonly ids: readonly string[];
  readonly serial?: string;
  readonly attached?: Attachment;
}

type Files = Pick<Host, 'files'>;

/**
 * The names that udev gives a disk below /dev/disk/by-id (rules.d/60-persistent-storage.rules), made of sysfs as udev does,
 * since an initramfs has no udev; the last is by the place where it is plugged in, which is all that some disks have.
 */
export async function diskNames({ files }: Files, name: string): Promise<DiskNames> {
  const folder = `/sys/block/${name}`;
  const read = async (file: string) => cleaned(await files.readText(`${folder}/${file}`).catch(() => ''));
  // Relative to /sys/block.
  const path = (await files.readlink(folder).catch(() => '')).replace(/^\.\.\//, '/sys/');
  const place = await diskPlace({ files }, name, path);
  const plugged = place === undefined ? [] : [`path-${place}`];
  const found = (attached: Attachment | undefined, serial: string, ids: readonly string[]): DiskNames => ({
    ids: [...new Set([...ids, ...plugged].map(escaped))],
    ...(serial !== '' && { serial }),
    ...(attached && { attached }),
  });
  if (name.startsWith('nvme')) {
    const [serial, model, wwid] = [await read('device/serial'), await read('device/model'), await read('wwid')];
    return found('nvme', serial, [
      ...(serial && model ? [`nvme-${model}_${serial}`] : []),
      ...(wwid ? [`nvme-${wwid}`] : []),
    ]);
  }
  if (name.startsWith('mmcblk')) {
    const [serial, model] = [await read('device/serial'), await read('device/name')];
    return found('mmc', serial, serial && model ? [`mmc-${model}_${serial}`] : []);
  }
  if (name.startsWith('vd') || /\/virtio\d+\/block\//.test(path)) {
    const serial = await read('serial');
    return found('virtio', serial, serial ? [`virtio-${serial}`] : []);
  }
  const [vendor, model, wwid] = [await read('device/vendor'), await read('device/model'), await read('device/wwid')];
  const world = /^naa\.([0-9a-f]+)$/.exec(wwid)?.[1];
  const wide = world ? [`wwn-0x${world}`] : [];
  const usb = /^(.*\/usb\d+\/(?:[^/]+\/)*?)[^/]+:\d+\.\d+\/host/.exec(path)?.[1];
  if (usb !== undefined) {
    const serial = cleaned(await files.readText(`${usb}serial`).catch(() => ''));
    return found('usb', serial, [
      ...(serial && model ? [`usb-${[vendor, model, serial].filter(Boolean).join('_')}-0:0`] : []),
      ...wide,
    ]);
  }
  const ata = await identified({ files }, `${folder}/device/vpd_pg89`);
  if (ata || /\/ata\d+\//.test(path) || vendor === 'ATA') {
    const serial = ata?.serial ?? (await unitSerial({ files }, `${folder}/device/vpd_pg80`));
    return found('sata', serial, [...(serial ? [`ata-${ata?.model ?? model}_${serial}`] : []), ...wide]);
  }
  const serial = await unitSerial({ files }, `${folder}/device/vpd_pg80`);
  return found(undefined, serial, [
    ...(serial && model ? [`scsi-S${[vendor, model, serial].filter(Boolean).join('_')}`] : []),
    ...wide,
  ]);
}

const cleaned = (text: string): string => text.replace(/\0/g, '').trim().replace(/\s+/g, '_');

/** udev's: what a name in /dev may not have becomes `_`. */
const escaped = (id: string): string => id.replace(/[^A-Za-z0-9#+\-.:=@_]/g, '_');

/** ATA's IDENTIFY DEVICE, in the page of VPD that the kernel keeps (SAT-4, 12.4.2): texts with the bytes of each word swapped. */
async function identified({ files }: Files, path: string) {
  const page = await files.read(path).catch(() => undefined);
  if (!page || page.length < 572) return undefined;
  const text = (from: number, to: number) =>
    cleaned(
      Buffer.from(page.subarray(60 + from, 60 + to))
        .swap16()
        .toString('latin1'),
    );
  return { serial: text(20, 40), model: text(54, 94) };
}

/** SPC-4, 7.8.15: the serial number of the unit. */
async function unitSerial({ files }: Files, path: string): Promise<string> {
  const page = await files.read(path).catch(() => undefined);
  return page ? cleaned(page.toString('latin1', 4)) : '';
}
