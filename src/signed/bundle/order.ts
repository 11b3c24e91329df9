/** Where a bundle stands in the line of its machine's bundles. */
export interface BundleNumber {
  /** Since when its key is certified. */
  readonly notBeforeMs: number;
  /** Raised by hand when a server was restored from a copy. */
  readonly epoch: number;
  readonly sequence: number;
}

/** Negative when `a` is older: a key that was certified later wins, then the epoch, then the sequence. */
export const compareBundles = (a: BundleNumber, b: BundleNumber): number =>
  a.notBeforeMs - b.notBeforeMs || a.epoch - b.epoch || a.sequence - b.sequence;

export const writeNumber = ({ epoch, sequence }: Pick<BundleNumber, 'epoch' | 'sequence'>): string =>
  `${epoch}.${sequence}`;
