import { entryOf } from '../../entry-of.ts';
import { type DiskReference, type DriveLook, referenceTo } from '../disks/disk-facts.ts';
import type { Partition } from '../disks/gpt.ts';
import { identify } from '../disks/identify-disk.ts';
import { type Drive, finalType } from '../disks/layout.ts';

/** A partition with a file system that boot loaders read. */
export interface BootPartition {
  readonly partition: Partition;
  readonly type: string;
}

/** What of a disk is for boot loaders. */
export interface BootDisk {
  readonly disk: DiskReference;
  /** The GUID of its table. */
  readonly table: string;
  /** Where kernels and entries lie. */
  readonly place: BootPartition;
  /** The EFI system partition, where UEFI looks for systemd-boot. */
  readonly esp?: BootPartition;
  /** For GRUB. */
  readonly bios?: Partition;
}

/** A disk of ours whose drives.conf has room for a boot loader; a text says why it can have none, undefined that none is meant. Pure. */
export function bootDisk(
  name: string,
  drive: Drive,
  { fitting, alsoOf, content }: DriveLook,
): BootDisk | string | undefined {
  const labelOf = (role: string) =>
    Object.entries(drive.partitions).find(([, partition]) => partition.role === role)?.[0];
  const labels = { efi: labelOf('efi'), bios: labelOf('bios'), boot: labelOf('boot') };
  const [disk, ...more] = fitting;
  if (drive.make === 'never' || !(labels.efi ?? labels.bios) || !disk || more.length > 0 || alsoOf || !content)
    return undefined;
  const identity = identify(content);
  // What is not ours, or not whole, is told by who makes it so.
  if (identity.kind !== 'ours') return undefined;
  const { guid, partitions } = identity.table;
  const made = (label: string | undefined): BootPartition | undefined => {
    const wanted = label === undefined ? undefined : entryOf(drive.partitions, label);
    const partition = wanted && partitions.find((one) => one.name === label && one.type === finalType(wanted));
    return wanted && partition && { partition, type: wanted.type };
  };
  const [esp, boot, bios] = [made(labels.efi), made(labels.boot), made(labels.bios)];
  // What UEFI boots reads vfat alone.
  const place = boot && (!esp || boot.type === 'vfat') ? boot : esp;
  if (!place)
    return labels.efi === undefined && labels.boot === undefined
      ? `drive ${name}: a kernel needs a partition with \`role: boot\` or \`role: efi\` beside that of GRUB`
      : undefined;
  return {
    disk: referenceTo(name, disk),
    table: guid,
    place,
    ...(esp && { esp }),
    ...(bios && { bios: bios.partition }),
  };
}
