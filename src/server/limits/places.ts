import { networkOf, senderOf } from './sender.ts';

export interface PlacesOptions {
  readonly total: number;
  /** Most that one sender gets, however many are free. */
  readonly ofSender?: number;
  /** Senders that go before all others: who holds a place otherwise gives it up to them. */
  readonly isKnown?: (sender: string) => boolean;
}

/** Places that whoever is on the network may take: a connection, a transfer, a report that is kept. */
export interface Places<T> {
  readonly size: number;
  /**
   * Of whom one has to give way to another holder from there, the oldest first; none where there is room. undefined: nobody has
   * to, and there is no place.
   */
  roomFor(remote: string): readonly T[] | undefined;
  /** The same, however many are free. */
  whoGivesWay(remote: string): readonly T[] | undefined;
  /** Those of its sender, the oldest first. */
  of(remote: string): readonly T[];
  add(remote: string, holder: T): void;
  delete(remote: string, holder: T): void;
  [Symbol.iterator](): Iterator<T>;
}

/** The holders of one network, by sender. */
interface Share<T> {
  size: number;
  readonly senders: Map<string, Set<T>>;
}

/**
 * Shares places out by network, in that by sender: where none is left, one more takes it from where more are held than the
 * newcomer would have. A network within its fair share loses none. An address is a claim; but many are harder to have than one.
 */
export function places<T>({ total, ofSender = total, isKnown = () => false }: PlacesOptions): Places<T> {
  const ranks = { known: new Map<string, Share<T>>(), stranger: new Map<string, Share<T>>() };
  const ranked = new Map<T, keyof typeof ranks>();

  /** Of these networks, the sender that has to give way to a newcomer, or to anybody who goes before all of them. */
  const whoLoses = (networks: ReadonlyMap<string, Share<T>>, remote: string | undefined): readonly T[] | undefined => {
    const most = largest(networks.values(), (share) => share.size);
    if (!most) return undefined;
    const own = remote === undefined ? undefined : networks.get(networkOf(remote));
    const isOwn = remote !== undefined && (own?.size ?? 0) + 1 >= most.size;
    if (isOwn && !own) return undefined;
    const within = isOwn && own ? own : most;
    const held = largest(within.senders.values(), (holders) => holders.size);
    const ofNewcomer = isOwn ? (within.senders.get(senderOf(remote))?.size ?? 0) + 1 : 0;
    return held && held.size > ofNewcomer ? [...held] : undefined;
  };

  const whoGivesWay: Places<T>['whoGivesWay'] = (remote) =>
    isKnown(senderOf(remote))
      ? (whoLoses(ranks.stranger, undefined) ?? whoLoses(ranks.known, remote))
      : whoLoses(ranks.stranger, remote);
  const of = (remote: string): readonly T[] =>
    Object.values(ranks).flatMap((rank) => [...(rank.get(networkOf(remote))?.senders.get(senderOf(remote)) ?? [])]);

  return {
    whoGivesWay,
    of,
    get size() {
      return ranked.size;
    },
    roomFor(remote) {
      if (of(remote).length >= ofSender) return undefined;
      return ranked.size < total ? [] : whoGivesWay(remote);
    },
    add(remote, holder) {
      const sender = senderOf(remote);
      const network = networkOf(remote);
      const rank = isKnown(sender) ? 'known' : 'stranger';
      const share = ranks[rank].get(network) ?? { size: 0, senders: new Map<string, Set<T>>() };
      ranks[rank].set(network, share);
      share.senders.set(sender, (share.senders.get(sender) ?? new Set<T>()).add(holder));
      share.size += 1;
      ranked.set(holder, rank);
    },
    delete(remote, holder) {
      // By the rank that it was given: a sender may have become known since.
      const rank = ranked.get(holder);
      if (!rank) return;
      ranked.delete(holder);
      const network = networkOf(remote);
      const sender = senderOf(remote);
      const share = ranks[rank].get(network);
      const holders = share?.senders.get(sender);
      if (!share || !holders?.delete(holder)) return;
      share.size -= 1;
      if (holders.size === 0) share.senders.delete(sender);
      if (share.size === 0) ranks[rank].delete(network);
    },
    [Symbol.iterator]: () => ranked.keys(),
  };
}

function largest<T>(all: Iterable<T>, sizeOf: (one: T) => number): T | undefined {
  let most: T | undefined;
  for (const one of all) if (most === undefined || sizeOf(one) > sizeOf(most)) most = one;
  return most;
}
