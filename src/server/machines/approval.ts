import type { Proof } from '../../protocol/enrolment.ts';
import type { Enrolment, NewEnrolment } from './enrolment.ts';

/** Keys that others took the place of: of a machine that exchanges its key again and again the last ones are remembered. */
export const MOST_REVOKED_OF_NODE = 16;

export type Approved = NewEnrolment & { readonly node: string; readonly proof: Proof };

/** What an approval changes: whose place the key takes first, then the key. */
export interface Approval {
  readonly revoked: readonly Enrolment[];
  readonly approved: Enrolment;
  /** Digests. */
  readonly forgotten: readonly string[];
}

/**
 * Lets a key count for its node, and no other. `known`: what was known of it; `ofNode`: all keys of that node, who came first is
 * first. Keys of single boots leave nothing behind; others are remembered as revoked, some of them. Pure.
 */
export function approval(
  { digest, node, proof, claims, remote }: Approved,
  known: Enrolment | undefined,
  ofNode: readonly Enrolment[],
  nowMs: number,
): Approval {
  const others = ofNode.filter((other) => other.digest !== digest);
  const counted = others.filter(({ state }) => state === 'approved');
  const ofSingleBoots = counted.filter((one) => one.proof === 'network');
  const revoked = counted
    .filter((one) => one.proof !== 'network')
    .map((one): Enrolment => ({ ...one, state: 'revoked' }));
  const { alarm: _alarm, ...before } = known ?? {};
  const remembered = [...others.filter(({ state }) => state === 'revoked'), ...revoked]
    .toReversed()
    .toSorted((one, other) => other.lastSeenMs - one.lastSeenMs);
  return {
    revoked,
    approved: {
      ...before,
      ...{ digest, node, proof, claims, remote, state: 'approved' },
      firstSeenMs: known?.firstSeenMs ?? nowMs,
      lastSeenMs: nowMs,
    },
    forgotten: [...ofSingleBoots, ...remembered.slice(MOST_REVOKED_OF_NODE)].map((one) => one.digest),
  };
}
