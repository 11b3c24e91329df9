import type { BundleFacts, NewBundle } from '../../fetch/kept-bundle.ts';

/** What the machine is to be. */
export interface BundleChoice {
  /** Without one, config.d in the initramfs is in force. */
  readonly inForce?: BundleFacts;
  /** What a server sent that is newer, until it is in force. */
  readonly newer?: NewBundle;
  /** What config.d in the initramfs writes; a bundle brings its own. */
  readonly bakedFiles?: readonly BakedFile[];
  readonly delivery?: DeliveryFacts;
}

export interface BakedFile {
  readonly path: string;
  readonly content: string;
  /** Permission bits. */
  readonly mode: number;
  /** Names of the machine's own system, or numbers. */
  readonly owner: string;
  readonly group: string;
}

/** What becomes of a bundle's files in the root. */
export interface DeliveryFacts {
  /** To be written first, by path: without a bundle that holds them. */
  readonly contents?: Readonly<Record<string, string>>;
  readonly files: readonly DeliveredFile[];
  /** What an earlier bundle brought to a place that persists, and this one does not. */
  readonly dropped: readonly DroppedFile[];
  /** What lies in places that persist: by the list of the boot before, and when this one is done. Sorted paths in the root. */
  readonly listedBefore: readonly string[];
  readonly listed: readonly string[];
}

export interface DeliveredFile {
  readonly from: string;
  /** Free of links: it leads nowhere else. */
  readonly to: string;
  readonly sha256: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

export interface DroppedFile {
  readonly path: string;
  /** What the image has there: it shows again. */
  readonly image?: string;
}

/** A folder that is given to somebody. */
export interface OwnedFolder {
  readonly path: string;
  readonly uid: number;
  readonly gid: number;
  readonly isMissing?: true;
}
