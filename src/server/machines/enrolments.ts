import type { NodesChange } from '../store/nodes-store.ts';
import { type Approved, approval } from './approval.ts';
import type { Enrolment, NewEnrolment } from './enrolment.ts';
import { asFirstSaid } from './pending-alarm.ts';
import { whoLeavesFor } from './pending-room.ts';

/**
 * A key that waits for a person; what was decided of it meanwhile stays. Who it said first that it is stays too: a person may
 * have read it. Throws `pending-full`.
 */
export async function wait(nodes: NodesChange, entry: NewEnrolment, nowMs: number): Promise<Enrolment> {
  const known = await nodes.enrolment(entry.digest);
  if (known && known.state !== 'pending') return known;
  if (!known) await nodes.dropEnrolments(whoLeavesFor(entry, await nodes.waiting(), nowMs));
  const waiting: Enrolment = {
    ...(known ? asFirstSaid(known, entry) : entry),
    state: 'pending',
    firstSeenMs: known?.firstSeenMs ?? nowMs,
    lastSeenMs: nowMs,
  };
  await nodes.putEnrolment(waiting);
  return waiting;
}

/** Lets the key count for a node; another that counted for it does no more. */
export async function approve(nodes: NodesChange, entry: Approved, nowMs: number): Promise<Enrolment> {
  const known = await nodes.enrolment(entry.digest);
  const ofNode = await nodes.enrolments({ node: entry.node });
  const { revoked, approved, forgotten } = approval(entry, known, ofNode, nowMs);
  await nodes.dropEnrolments(forgotten);
  for (const one of revoked) if (!forgotten.includes(one.digest)) await nodes.putEnrolment(one);
  await nodes.putEnrolment(approved);
  return approved;
}

/** What a person decided; undefined where nobody knows the key any more. */
export async function decide(
  nodes: NodesChange,
  digest: string,
  state: 'denied' | 'revoked',
): Promise<Enrolment | undefined> {
  const known = await nodes.enrolment(digest);
  if (known) await nodes.putEnrolment({ ...known, state });
  return known && { ...known, state };
}

/** A key got a certificate; gives what it is now, undefined where nobody knows it any more. */
export async function seen(
  nodes: NodesChange,
  { digest, ...use }: Required<Pick<Enrolment, 'digest' | 'remote' | 'certificateUntilMs'>>,
  nowMs: number,
): Promise<Enrolment | undefined> {
  const known = await nodes.enrolment(digest);
  if (known) await nodes.putEnrolment({ ...known, ...use, lastSeenMs: nowMs });
  return known;
}
