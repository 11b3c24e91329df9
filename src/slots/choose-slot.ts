import { entryOf } from '../entry-of.ts';
import { LIMITS } from './count.ts';
import { type CycleState, otherSlot, SLOTS, type Slot, type SlotRecord } from './cycle-state.ts';
import type { JudgedFlag } from './flag-state.ts';

/** What is done about a damaged system: boot the other, mend it first, or what takes less time. */
export type Corruption = 'bailout' | 'clone' | 'auto';

/** An image on this machine's disk, whose manifest is signed. */
export interface SlotImage {
  readonly kernelRelease: string;
  readonly sizeBytes: number;
  /** All of its bytes are there; whether they are the right ones is found when it is verified. */
  readonly whole: boolean;
}

export interface Wish {
  /** By digest. */
  readonly images: Readonly<Record<string, SlotImage>>;
  /** What a server says is to be booted, and can give. */
  readonly offer?: { readonly sha256: string; readonly sizeBytes: number } | undefined;
  /** Of the kernel that runs: no other's system is booted. */
  readonly kernelRelease: string;
  readonly corruption: Corruption;
  /** Digests of images that were found to be altered in this boot. */
  readonly altered: readonly string[];
  /** Digests of images that the disk does not give now: they are not gone. `all`: nobody can say which there are. */
  readonly unreadable?: readonly string[] | 'all' | undefined;
  /** How fast this machine's disk was read; undefined: nobody measured. */
  readonly bytesPerSecond?: number | undefined;
}

/** Pure. */
export const isUnread = ({ unreadable }: Pick<Wish, 'unreadable'>, digest: string): boolean =>
  unreadable === 'all' || unreadable?.includes(digest) === true;

export type Choice =
  /** `mend`: its flag is damaged. Its image is verified before it is booted, which proves it, and it gets a new flag. */
  | { readonly kind: 'slot'; readonly slot: Slot; readonly mend?: true }
  /** Fetched into this slot. `mend`: it is the slot's own image, which is damaged. */
  | { readonly kind: 'image'; readonly slot: Slot; readonly sha256: string; readonly mend?: true }
  /** Only a person, or another image, helps. */
  | { readonly kind: 'none'; readonly why: readonly string[] };

export interface Chosen {
  readonly choice: Choice;
  /** The system is known to fail its health: it stays up all the same, since nothing else is there. */
  readonly asLastResort: boolean;
  readonly notes: readonly string[];
}

/** A mending that would keep the machine off for longer is left, where another system can be booted at once. */
const LONGEST_OFF_MS = 60_000;
/** What an image is fetched with, at worst, where a machine boots from its network. */
const NETWORK_BYTES_PER_SECOND = 5_000_000;

/** Which system is booted. The letters say nothing: what counts is what was wished, what was healthy last, and what can be proved. Pure. */
export function chooseSlot(state: CycleState, flags: Readonly<Partial<Record<Slot, JudgedFlag>>>, wish: Wish): Chosen {
  const { images, kernelRelease, altered, corruption } = wish;
  const notes: string[] = [];
  const filled = SLOTS.filter((slot) => state[slot] !== undefined);
  const recordOf = (slot: Slot): SlotRecord => state[slot] as SlotRecord;
  const imageOf = (slot: Slot): SlotImage | undefined => entryOf(images, recordOf(slot).digest);

  const offer = wish.offer && !isDenied(state, wish.offer.sha256) ? wish.offer : undefined;
  if (wish.offer && !offer)
    notes.push(
      `the image ${wish.offer.sha256.slice(0, 12)} that the server offers was bad on this machine: it is not installed again`,
    );
  const offered = offer && filled.find((slot) => recordOf(slot).digest === offer.sha256);

  /** Why a system cannot be booted now; undefined: it can. */
  const obstacle = (slot: Slot, isLastChance = false): string | undefined => {
    const { state: known, why, digest } = recordOf(slot);
    const image = imageOf(slot);
    if (known === 'BAD' || (known === 'INVALID' && !isLastChance))
      return `slot ${slot} is bad${why === undefined ? '' : `: ${why}`}`;
    if (!image && isUnread(wish, digest)) return `the image of slot ${slot} is UNREADABLE: the disk does not give it`;
    if (!image) return `the image of slot ${slot} is not on the disk`;
    if (!image.whole || altered.includes(digest)) return `the image of slot ${slot} is damaged`;
    if (image.kernelRelease !== kernelRelease)
      return `slot ${slot} is of the kernel ${image.kernelRelease}, and this is ${kernelRelease}`;
    return undefined;
  };
  const isWished = (slot: Slot): boolean => slot === (state.prefer ?? offered ?? state.trial);
  const byRank = (one: Slot, other: Slot): number =>
    Number(isWished(other)) - Number(isWished(one)) ||
    Number(recordOf(other).state === 'GOOD') - Number(recordOf(one).state === 'GOOD') ||
    recordOf(other).lastHealthy - recordOf(one).lastHealthy ||
    Number(other === state.last) - Number(one === state.last);
  const bootable = filled.filter((slot) => obstacle(slot) === undefined).toSorted(byRank);
  const flagFault = (slot: Slot): string | undefined => {
    const flag = flags[slot];
    return !flag || flag.state === 'VALID' || flag.state === 'TRIAL'
      ? undefined
      : `the boot flag of slot ${slot} is ${flag.state}${flag.why === undefined ? '' : `: it ${flag.why}`}`;
  };
  for (const slot of filled) {
    const fault = flagFault(slot);
    if (fault !== undefined) notes.push(fault);
  }
  const sound = bootable.filter((slot) => flagFault(slot) === undefined);
  const done = (choice: Choice, asLastResort = false): Chosen => ({ choice, asLastResort, notes });

  // A new image: over what is worth least.
  if (offer && !offered) return done({ kind: 'image', slot: roomFor(state, wish, bootable), sha256: offer.sha256 });

  // The wished one's image is damaged, and a server has it.
  const damaged =
    offered && state.prefer !== otherSlot(offered) && isDamaged(recordOf(offered), imageOf(offered), altered);
  if (offer && offered && damaged) {
    const mend: Choice = { kind: 'image', slot: offered, sha256: offer.sha256, mend: true };
    const [elsewhere] = sound;
    const etaMs =
      (offer.sizeBytes / Math.min(NETWORK_BYTES_PER_SECOND, wish.bytesPerSecond ?? Number.POSITIVE_INFINITY)) * 1000;
    if (elsewhere === undefined || mendsFirst(corruption, etaMs, recordOf(offered))) return done(mend);
    notes.push(`the image of slot ${offered} is damaged: booting slot ${elsewhere}`);
    return done({ kind: 'slot', slot: elsewhere });
  }

  // What was damaged once is verified again before there is nothing.
  const [first] = bootable.length > 0 ? bootable : filled.filter((slot) => obstacle(slot, true) === undefined);
  if (first !== undefined) {
    if (flagFault(first) === undefined) return done({ kind: 'slot', slot: first });
    const [elsewhere] = sound;
    const etaMs =
      wish.bytesPerSecond === undefined ? 0 : ((imageOf(first)?.sizeBytes ?? 0) / wish.bytesPerSecond) * 1000;
    if (elsewhere === undefined || mendsFirst(corruption, etaMs, recordOf(first)))
      return done({ kind: 'slot', slot: first, mend: true });
    return done({ kind: 'slot', slot: elsewhere });
  }

  // Health that fails, a crash or a stop is no reason to have no system at all: it stays up, for who comes to see.
  const [least] = filled
    .filter((slot) => stillRuns(recordOf(slot)) !== undefined)
    .filter(
      (slot) =>
        obstacle(slot)?.startsWith(`slot ${slot} is bad`) &&
        canRun(imageOf(slot), kernelRelease) &&
        !altered.includes(recordOf(slot).digest),
    )
    .toSorted(byRank);
  if (least !== undefined) {
    notes.push(`slot ${least} ${stillRuns(recordOf(least))}, and nothing else can be booted: it stays up as it is`);
    return done({ kind: 'slot', slot: least, ...(flagFault(least) !== undefined && { mend: true }) }, true);
  }
  return done({ kind: 'none', why: filled.flatMap((slot) => obstacle(slot) ?? []) });
}

/** What is wrong with a bad system that runs all the same; undefined: it does not, or is not bad. */
function stillRuns({ state, check, stopFailed, crashes, failed }: SlotRecord): string | undefined {
  if (state !== 'BAD') return undefined;
  if (check !== undefined) return `fails its health (${check})`;
  // One that does not come to its start any more is not tried for ever.
  if (failed >= LIMITS.lastFailed) return undefined;
  if (crashes.length >= LIMITS.crashes) return 'crashes after it has started';
  return stopFailed >= LIMITS.stopFailed ? 'hangs as it stops' : undefined;
}

const isDenied = ({ denied }: CycleState, sha256: string): boolean => denied.includes(sha256);

const canRun = (image: SlotImage | undefined, kernelRelease: string): boolean =>
  image?.whole === true && image.kernelRelease === kernelRelease;

const isDamaged = ({ state, digest }: SlotRecord, image: SlotImage | undefined, altered: readonly string[]): boolean =>
  state !== 'BAD' && (state === 'INVALID' || image?.whole !== true || altered.includes(digest));

/** At most two mendings, until it was healthy once more. */
const mendsFirst = (corruption: Corruption, etaMs: number, { repairs }: SlotRecord): boolean =>
  corruption !== 'bailout' && repairs < LIMITS.repairs && (corruption === 'clone' || etaMs <= LONGEST_OFF_MS);

/**
 * Where a new image goes: an empty slot, one whose image cannot be used, and never the one that was healthy last, also where that is of
 * another kernel: a new image with a new kernel is the usual case, and what goes with the kernel before is what is gone back to.
 */
function roomFor(state: CycleState, { images, altered }: Wish, bootable: readonly Slot[]): Slot {
  const empty = SLOTS.find((slot) => state[slot] === undefined);
  if (empty !== undefined) return empty;
  const [best] = SLOTS.filter((slot) => {
    const { state: known, digest } = state[slot] as SlotRecord;
    return !['BAD', 'INVALID'].includes(known) && entryOf(images, digest)?.whole === true && !altered.includes(digest);
  }).toSorted(
    (one, other) =>
      Number(state[other]?.state === 'GOOD') - Number(state[one]?.state === 'GOOD') ||
      Number(bootable.includes(other)) - Number(bootable.includes(one)) ||
      (state[other]?.lastHealthy ?? 0) - (state[one]?.lastHealthy ?? 0) ||
      Number(other === state.last) - Number(one === state.last),
  );
  return best === undefined ? 'a' : otherSlot(best);
}
