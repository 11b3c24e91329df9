import { isDeepStrictEqual } from 'node:util';
import type { ItemKind } from '../../protocol/state/state.ts';
import { DEFAULT_QUOTAS, type Quotas } from './node-printer.ts';
import type { SnapshotShape } from './snapshot/check-generation.ts';

/** A boot of a machine that had the lease of a printer. */
export interface LeaseHolder {
  readonly boot: string;
  readonly node: string;
  readonly lease: number;
  readonly sinceMs: number;
}

export interface ItemRecord {
  readonly kind: ItemKind;
  /** Of a snapshot. */
  readonly shape?: SnapshotShape;
}

/** What the server knows of a printer besides its generations: `printer.json`. */
export interface PrinterRecord {
  /** Who has the lease, and who had it before: the newest last. */
  readonly holders: readonly LeaseHolder[];
  /** What was the newest of the line when the lease was given; null: nothing. */
  readonly heads: Readonly<Partial<Record<string, string | null>>>;
  /** What its items are, as config.d said when the lease was given. */
  readonly items: Readonly<Partial<Record<string, ItemRecord>>>;
  /** Likewise; absent in those of earlier versions. */
  readonly quotas?: Quotas;
  /** Number of the next generation. */
  readonly next: number;
}

export const NEW_PRINTER: PrinterRecord = { holders: [], heads: {}, items: {}, next: 1 };

/** Boots whose lease is over are known so long: each of them would else get a new one. */
const MOST_HOLDERS = 1_024;

export const holderOf = ({ holders }: PrinterRecord): LeaseHolder | undefined => holders.at(-1);

/** As config.d says now, or said when the lease was given: whoever had the printer once makes no more room than it has. */
export const quotasOf = ({ quotas }: PrinterRecord, now: Quotas | undefined): Quotas => now ?? quotas ?? DEFAULT_QUOTAS;

type Boot = Pick<LeaseHolder, 'boot' | 'node'>;
const isSame = (a: Boot, b: Boot): boolean => a.boot === b.boot && a.node === b.node;

/** The lease that this boot had once. */
export const formerLease = ({ holders }: PrinterRecord, boot: Boot): LeaseHolder | undefined =>
  holders.find((one) => isSame(one, boot));

/**
 * The record with the lease given to this boot: the one that it has, which begins with what it is told now (a container begins
 * anew in the boot of its host), or the next number. undefined: another boot took it over
 * since, and a machine that was replaced does not get it back until it boots again. Pure.
 */
export function grantLease(
  record: PrinterRecord,
  boot: Boot,
  what: Pick<PrinterRecord, 'heads' | 'items' | 'quotas'>,
  nowMs: number,
): PrinterRecord | undefined {
  const holder = holderOf(record);
  if (holder && isSame(holder, boot)) {
    const again = { ...record, ...what };
    return isDeepStrictEqual(again, record) ? record : again;
  }
  if (formerLease(record, boot)) return undefined;
  const next = { ...boot, lease: (holder?.lease ?? 0) + 1, sinceMs: nowMs };
  return { ...record, ...what, holders: [...record.holders, next].slice(-MOST_HOLDERS) };
}
