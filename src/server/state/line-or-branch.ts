import type { Proof } from '../../protocol/enrolment.ts';
import type { Standing } from '../../protocol/state/state.ts';
import { formerLease, holderOf, type PrinterRecord } from './lease.ts';

/** Who ships: what it proved, and how. */
export interface Shipper {
  readonly node: string;
  readonly proof: Proof;
}

/** What a history of whole generations has as its newest. */
export type Newest = Pick<Standing, 'lease' | 'base'> & { readonly id: string };

/**
 * Why a generation is a branch; undefined: it goes on with the line. The line is written by the one boot that has the lease, and
 * that began with what was the newest of the line when it got it; until somebody else, an admin who took a branch, put another
 * one there (`generations`: where each is whole; what is merged knows no such thing). Pure.
 */
export function branchReason(
  record: PrinterRecord,
  { lease, boot, base }: Standing,
  { node, proof }: Shipper,
  head: string | null | undefined,
  generations?: { readonly newest: Newest | undefined },
): string | undefined {
  if (proof === 'network') return `${node} is known by its network alone (trust: network)`;
  const holder = holderOf(record);
  if (lease === 0) return 'no server gave this boot the lease of the printer';
  if (!holder || holder.boot !== boot || holder.node !== node || holder.lease !== lease)
    return formerLease(record, { boot, node }) && holder
      ? `its lease ${lease} is over: ${holder.node} took the printer over with lease ${holder.lease}`
      : 'the lease that it names was never given to this boot';
  if (base !== (head ?? null)) return beganWith(base, head ?? null);
  if (!generations) return undefined;
  const { newest } = generations;
  const newestId = newest?.id ?? null;
  const isOwn = newest?.lease === lease && newest.base === base;
  if (newestId === base || isOwn) return undefined;
  return `an admin put ${newestId ?? 'nothing'} on the line since this boot began`;
}

const beganWith = (base: string | null, head: string | null): string =>
  base === null
    ? `this boot began empty, and the line has ${head}`
    : `this boot began with ${base}, and the newest of the line was ${head ?? 'nothing'}`;
