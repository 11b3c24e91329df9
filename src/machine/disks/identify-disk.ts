import { isDeepStrictEqual } from 'node:util';
import type { DiskContent } from './disk-facts.ts';
import { MOST_PARTITIONS, type Side, type Table } from './gpt.ts';
import { isOurs } from './guid.ts';

/** What a disk is, by what was read of it. */
export type Identity =
  /** Nobody's: no table, no signature, nothing written at either end but what a table of ours began with. */
  | { readonly kind: 'empty' }
  /** Of statectl's making, both copies of its table whole and the same. */
  | { readonly kind: 'ours'; readonly table: Table }
  /** Of statectl's making; one copy of its table is good, the other is to be made of it. */
  | { readonly kind: 'half'; readonly table: Table; readonly good: Side; readonly why: string }
  /** Somebody's. */
  | { readonly kind: 'foreign'; readonly what: string }
  /** Its table is gone, and something is there: perhaps ours. */
  | { readonly kind: 'damaged'; readonly what: string }
  /** A disk that cannot be read is not known to be empty. */
  | { readonly kind: 'unreadable'; readonly what: string };

/** Decides by the copies of the table first, then by what else is there. Pure. */
export function identify({ primary, backup, signatures, isBlank, unreadable }: DiskContent): Identity {
  if (primary.state === 'good' && backup.state === 'good') {
    if (!isOfOurs(primary.table)) return foreign(primary.table);
    // UEFI 2.10, 5.3.2: the primary one counts.
    return isDeepStrictEqual(primary.table, backup.table)
      ? { kind: 'ours', table: primary.table }
      : half(primary.table, 'primary', 'the copies of its table differ');
  }
  const good = primary.state === 'good' ? primary : backup.state === 'good' ? backup : undefined;
  if (good) {
    const side = good === primary ? 'primary' : 'backup';
    const other = side === 'primary' ? backup : primary;
    const why = other.state === 'damaged' ? other.why : 'it is not there';
    if (!isOfOurs(good.table)) return foreign(good.table);
    // An image by dd, or mkfs of the whole disk, leaves the copy at its other end.
    const taken = signatures.find(({ of, what }) => of === 'disk' && what !== 'a partition table');
    if (taken)
      return { kind: 'foreign', what: `${taken.what}, and beside it the ${side} table that statectl made before` };
    return half(good.table, side, `the ${side === 'primary' ? 'backup' : 'primary'} table is damaged: ${why}`);
  }
  if (unreadable !== undefined) return { kind: 'unreadable', what: `places that cannot be read (${unreadable})` };
  if (isBlank && signatures.length === 0) return { kind: 'empty' };
  for (const [side, copy] of [['primary', primary] as const, ['backup', backup] as const])
    if (copy.state === 'damaged')
      return { kind: 'damaged', what: `a ${side} table that is damaged (${copy.why}), and no other copy` };
  const ofDisk = signatures.find(({ of }) => of === 'disk');
  const [inside] = signatures;
  if (!ofDisk && inside)
    return { kind: 'damaged', what: `no partition table, but ${inside.what} at ${inside.offset} bytes` };
  return { kind: 'foreign', what: ofDisk?.what ?? 'data that is of no known kind' };
}

/** One that another program made larger than we make any is not to be written by us. */
export const isOfOurs = ({ guid, partitions }: Table): boolean =>
  isOurs(guid) && partitions.every(({ number }) => number <= MOST_PARTITIONS);

const half = (table: Table, good: Side, why: string): Identity => ({ kind: 'half', table, good, why });

const foreign = ({ partitions }: Table): Identity => ({
  kind: 'foreign',
  what:
    partitions.length === 0
      ? 'a partition table that statectl did not make'
      : `a partition table that statectl did not make (${partitions.map(({ name, number }) => name || number).join(', ')})`,
});
