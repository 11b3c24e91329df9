import type { LocalCopy } from '../../fetch/local-copy.ts';
import type { Offer } from '../../fetch/offer.ts';
import type { CycleLook } from '../../slots/cycle-look.ts';
import type { Slot, Way } from '../../slots/cycle-state.ts';
import type { DriveLook } from '../disks/disk-facts.ts';

/** What is booted, and from where. */
export interface RootFacts {
  readonly blocks?: readonly BlockFacts[];
  /** By their names in drives.conf: the disks that they fit, and what is on the one that does. */
  readonly drives?: Readonly<Record<string, DriveLook>>;
  /** What was said of them. */
  readonly driveNotes?: readonly string[];
  readonly offer?: Offer;
  /** Why there is no offer, for the log and the report. */
  readonly offerFailure?: string;
  readonly copy?: LocalCopy;
  /** Other images there whose manifests are signed. */
  readonly otherCopies?: readonly LocalCopy[];
  /** Of the cycles before this boot; absent: this machine keeps none. */
  readonly cycle?: CycleFacts;
  /** Digests of images on this machine that are not what their manifests say. */
  readonly altered?: readonly string[];
  /** Whether persistent storage had been left in order. */
  readonly stateClean?: boolean;
  /** The system before said that it stopped, and no boot has noted yet that its disk was clean. */
  readonly cleanEnd?: 'to be noted';
  /** The cycle that the disk was in before this boot, where no boot has noted yet how it ended. */
  readonly unseenEnd?: UnseenEnd;
  /** Digests of images on persistent storage that are not the copy: interrupted downloads, and what they replaced. */
  readonly staleCopies?: readonly string[];
  /** Those that the disk does not give now; `all`: nobody can say which there are. */
  readonly unreadableCopies?: readonly string[] | 'all';
  /** The disk took none: the image is booted from RAM. */
  readonly copyFailed?: true;
  /** Of slots that are partitions. */
  readonly slots?: Readonly<Partial<Record<Slot, SlotPlace>>>;
  /** Images in the store that are whole, and on their way to a partition. */
  readonly staged?: readonly LocalCopy[];
  /** A copy from slot to slot failed in this boot. */
  readonly noCopies?: true;
  /** How this boot can go into the kernel of a slot that is another; absent: none has another. */
  readonly ways?: readonly Way[];
  /** Ways that failed in this boot. */
  readonly noWays?: readonly Way[];
  readonly tree?: TreeFacts;
  readonly init?: InitFacts;
}

/** A start that nobody has judged, and how it ended nobody has noted. */
export interface UnseenEnd {
  readonly cycle: number;
  readonly bootId: string;
}

/** A partition that is a slot. */
export interface SlotPlace {
  readonly slot: Slot;
  /** Where its manifest and its boot flag are. */
  readonly dir: string;
  /** What is to be written to it: the image as it is, or its tree. */
  readonly form: 'image' | 'tree';
  /** Absent: it is not there. */
  readonly device?: string;
  readonly partuuid?: string;
  /** `ours`: made for a slot, or written as one before. Any other must hold nothing. */
  readonly is: 'ours' | 'unknown';
  /** What its manifest says; the digest of the partition is verified before it is mounted. */
  readonly copy?: LocalCopy;
  /** The disk does not give what is known of it: it is not empty. */
  readonly unread?: true;
  /** The copy came wholly. */
  readonly whole: boolean;
}

export interface CycleFacts {
  readonly look: CycleLook;
  /** Images that are there with all their bytes, by digest or by the name of their place. */
  readonly whole: readonly string[];
  /** How fast the disk gave the beginning of one, where that steers what is done. */
  readonly bytesPerSecond?: number;
}

export interface BlockFacts {
  readonly device: string;
  /** What device-mapper made has a name below /dev/mapper. */
  readonly mapped?: string;
  readonly type?: string;
  readonly label?: string;
  readonly uuid?: string;
  readonly partuuid?: string;
  readonly partlabel?: string;
}

/** What the mounted image looks like where the layout needs to know. */
export interface TreeFacts {
  /** For each mount point of the layout: what the image has there. */
  readonly paths: Readonly<Record<string, 'dir' | 'file' | 'symlink' | 'missing'>>;
  /** Below /user-data: sources of binds that are empty or not yet there, so that the image's content seeds them; new uppers. */
  readonly emptySources: readonly string[];
  /** Whom the image's directories below an overlay belong to: the upper is made alike. */
  readonly owners: Readonly<Record<string, { readonly mode: number; readonly uid: number; readonly gid: number }>>;
  /** Where the image has the programs of every PATH, and no `statectl` among them. */
  readonly commandFolder?: string;
  /** Bytes of the files below each ramdisk's directory. */
  readonly ramdiskBytes: Readonly<Record<string, number>>;
}

export interface InitFacts {
  readonly path: string;
  readonly arguments: readonly string[];
}
