/** What config.d says of a printer of a node. */
export interface NodePrinter {
  /** `network`: it gets its state back also where the network alone says which node it is. */
  readonly trust: 'proven' | 'network';
  readonly quotaBytes: number;
}

/** Where config.d says nothing else. */
export const DEFAULT_QUOTA_BYTES = 1024 ** 3;
