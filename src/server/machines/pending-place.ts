import { networkOf, senderOf } from '../limits/sender.ts';

/** What decides who stays in a full list. */
export interface Waiting {
  readonly digest: string;
  /** Absent: no node file matches what it claims. */
  readonly node?: string;
  readonly remote: string;
  readonly lastSeenMs: number;
}
type Newcomer = Pick<Waiting, 'node' | 'remote'>;

/** From the widest to the narrowest: whoever fills the list from one place takes it from others there first. */
const SHARES: readonly ((one: Newcomer) => string)[] = [
  ({ remote }) => networkOf(remote),
  ({ remote }) => senderOf(remote),
  ({ node = '' }) => node,
];

/**
 * Whose place a newcomer takes where no more may wait; undefined: nobody's. Names and addresses are claims, so neither proves
 * anything; but many of them are harder to have than one. Machines that config.d knows go before strangers. Among equals the
 * places are shared out by network, in that by sender, in that by the node that is claimed: who holds more than the newcomer
 * would gives way, the entry that was not seen for the longest time. A network within its fair share loses no place. Pure.
 */
export function whoGivesWay(newcomer: Newcomer, waiting: readonly Waiting[]): Waiting | undefined {
  const strangers = waiting.filter(({ node }) => node === undefined);
  const isStranger = newcomer.node === undefined;
  if (isStranger && strangers.length === 0) return undefined;
  let pool = strangers.length > 0 ? strangers : waiting;
  // Whether the newcomer has to compare itself with those of the pool.
  let isEqual = isStranger || strangers.length === 0;
  for (const shareOf of SHARES) {
    const shares = Map.groupBy(pool, shareOf);
    const most = Math.max(0, ...[...shares.values()].map(({ length }) => length));
    const own = shares.get(shareOf(newcomer)) ?? [];
    if (isEqual && own.length + 1 >= most) pool = own;
    else {
      isEqual = false;
      pool = [...shares.values()].filter(({ length }) => length === most).flat();
    }
  }
  return isEqual ? undefined : pool.reduce((oldest, one) => (one.lastSeenMs < oldest.lastSeenMs ? one : oldest));
}
