import type { Config } from '../../config/config.ts';

/** What config.d says of a printer of a node. `trust: network`: it gets its state back also where the network alone says which node it is. */
export type NodePrinter = Pick<
  Config['state']['printers'][string],
  'trust' | 'quotaBytes' | 'gcodeQuotaBytes' | 'items'
>;

export type Quotas = Pick<NodePrinter, 'quotaBytes' | 'gcodeQuotaBytes'>;

/** Where config.d says nothing else. */
export const DEFAULT_QUOTA_BYTES = 1024 ** 3;
export const DEFAULT_QUOTAS: Quotas = { quotaBytes: DEFAULT_QUOTA_BYTES, gcodeQuotaBytes: 2 * DEFAULT_QUOTA_BYTES };
