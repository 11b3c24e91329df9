import { StatectlError } from '../../error.ts';
import { senderOf } from '../limits/sender.ts';
import type { NewEnrolment } from './enrolment.ts';
import { type Waiting, whoGivesWay } from './pending-place.ts';

/** Anybody on the network may ask: this bounds what waits for a person. */
export const MOST_PENDING = 1_000;
/**
 * Keys that say from one address that they are the same node. A machine without a disk asks with another after each boot, and
 * several machines may have one address: none takes another's place unseen, and they are few.
 */
const MOST_PENDING_OF_NODE = 4;
/** One address may be a whole room behind a router, and one machine has all IPv6 addresses of its network. */
export const MOST_PENDING_OF_ADDRESS = 64;
/** A machine that runs asks again and again; who did not for so long gives way to the next that comes. */
export const PENDING_LIFETIME_MS = 7 * 24 * 3_600_000;

/**
 * Who leaves the list when this key comes to it, by digest. `waiting`: who came first is first. Pure. Throws `pending-full` where
 * it is the newcomer that may not stay.
 */
export function whoLeavesFor(newcomer: NewEnrolment, waiting: readonly Waiting[], nowMs: number): readonly string[] {
  const sayTheSame = ({ node, remote }: Waiting) => node === newcomer.node && remote === newcomer.remote;
  const alike = newcomer.node === undefined ? [] : waiting.filter(sayTheSame).toReversed().toSorted(lastSeenFirst);
  const late = waiting.filter(({ lastSeenMs }) => lastSeenMs < nowMs - PENDING_LIFETIME_MS);
  const leaving = new Set([...alike.slice(MOST_PENDING_OF_NODE - 1), ...late]);
  const staying = waiting.filter((one) => !leaving.has(one));
  const sender = senderOf(newcomer.remote);
  const ofSender = staying.filter(({ remote }) => senderOf(remote) === sender);
  const another =
    placeAmong(
      newcomer,
      ofSender,
      MOST_PENDING_OF_ADDRESS,
      `${MOST_PENDING_OF_ADDRESS} machines wait already that asked from this address`,
    ) ?? placeAmong(newcomer, staying, MOST_PENDING, `${MOST_PENDING} machines wait already`);
  return [...leaving, ...(another ? [another] : [])].map(({ digest }) => digest);
}

/** Whose place it takes; undefined where there is room. */
function placeAmong(newcomer: NewEnrolment, among: readonly Waiting[], most: number, why: string): Waiting | undefined {
  if (among.length < most) return undefined;
  const leaving = whoGivesWay(newcomer, among);
  if (leaving) return leaving;
  throw new StatectlError('pending-full', why, {
    hint: 'on the server: `statectl node pending`, then approve, deny or forget',
  });
}

const lastSeenFirst = (one: Waiting, other: Waiting): number => other.lastSeenMs - one.lastSeenMs;
