export interface BakedFile {
  readonly path: string;
  readonly content: string;
  /** Permission bits. */
  readonly mode: number;
  /** Names of the machine's own system, or numbers. */
  readonly owner: string;
  readonly group: string;
}

/** A bundle that is verified and kept on this machine. */
export interface BundleFacts {
  /** `cached`: kept at an earlier boot. */
  readonly origin: 'cached' | 'fetched';
  /** The folder with its members, as the running system sees it. */
  readonly dir: string;
  /** SHA-256 of its manifest. */
  readonly digest: string;
  readonly contentDigest: string;
  /** Absent where no node file on the server names this machine. */
  readonly node?: string;
  readonly notBeforeMs: number;
  readonly epoch: number;
  readonly sequence: number;
  /** The server that sent it, or said that it is current. */
  readonly server?: string;
}

/** A verified bundle as it came. */
export interface NewBundle {
  readonly server: string;
  readonly archive: string;
  /** Of the archive. */
  readonly sha256: string;
  /** Of the manifest. */
  readonly digest: string;
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
