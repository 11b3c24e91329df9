import type { PrinterSession } from '../../machine/state/printer-session.ts';

/** How an item stands to its server, for `statectl status` and the report. Times are Unix ms. */
export interface ItemStatus {
  /** `ahead`: the server does not have it yet; `branch`: it has it beside the line; `fault`: it cannot have it. */
  readonly state: 'in-step' | 'ahead' | 'branch' | 'fault';
  /** What the server lacks: `a copy`, `3 files`. */
  readonly ahead?: string;
  /** Since when it is so. */
  readonly sinceMs?: number;
  /** When the server took something last. */
  readonly lastMs?: number;
  readonly branch?: string;
  /** What the branch has and the line has not, by names. */
  readonly lacking?: readonly string[];
  readonly why?: string;
}

/** How a printer stands: what this boot is to its server, and each item. */
export interface PrinterStatus extends Pick<PrinterSession, 'lease' | 'server' | 'why'> {
  readonly items: Readonly<Partial<Record<string, ItemStatus>>>;
}
