import type { Copy, Geometry } from './gpt.ts';
import type { Signature } from './signatures.ts';

export type Attachment = 'nvme' | 'sata' | 'mmc' | 'usb' | 'virtio';

/** A whole disk: who it is, as sysfs has it, and as udev names it below /dev/disk/by-id. */
export interface DiskFacts extends Geometry {
  /** What the kernel calls it at this moment. For people to read: nothing is written by this name. */
  readonly device: string;
  /** The first is the one that it is called by. */
  readonly ids: readonly string[];
  readonly serial?: string;
  readonly attached?: Attachment;
  /** Nobody can write to it: a card whose switch says so, or a medium that is worn out. */
  readonly access?: 'read-only';
  /** Who uses it now: mounted on /x, swap, held by dm-0. */
  readonly usedBy?: string;
  /** Which partitions are used now; 0: the disk itself. */
  readonly usedParts?: readonly number[];
}

/** What is on a disk, as far as it decides what may be done to it. */
export interface DiskContent {
  readonly primary: Copy;
  readonly backup: Copy;
  /** At the beginning of the disk, and of each file system that our own layout would have. */
  readonly signatures: readonly Signature[];
  /** The first and the last MiB have no byte but 0x00 and 0xff. */
  readonly isBlank: boolean;
  /** What could not be read. */
  readonly unreadable?: string;
  /** By number: what partitions of a good table hold. */
  readonly held: Readonly<Record<number, Held>>;
  /** SHA-256 of all the bytes that were looked at, so that a second look tells whether it is the same. */
  readonly digest: string;
}

export interface Held {
  readonly what?: string;
  /** How large the file system believes to be. */
  readonly bytes?: number;
}

/** What one entry of drives.conf led to. */
export interface DriveLook {
  /** The disks that its `match` fits. */
  readonly fitting: readonly DiskFacts[];
  /** Other drives whose match fits one of these, too: nobody knows whose it is. */
  readonly alsoOf?: readonly string[];
  /** Of the one that fits. */
  readonly content?: DiskContent;
}

/** A disk as a step names it: who it is. */
export interface DiskReference extends Geometry {
  /** Of drives.conf. */
  readonly drive: string;
  readonly id: string;
  readonly serial?: string;
}

/** What was on a disk when a step was planned, and where one has to look to know it again. */
export interface Found {
  readonly digest: string;
  readonly offsets: readonly number[];
}

/** Pure. */
export const referenceTo = (drive: string, { ids, serial, sizeBytes, sectorBytes }: DiskFacts): DiskReference => ({
  ...{ drive, id: ids[0] ?? '', ...(serial !== undefined && { serial }), sizeBytes, sectorBytes },
});
