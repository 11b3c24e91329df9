import { LIMITS } from './count.ts';
import { type CycleState, otherSlot, SLOTS, type Slot, type SlotRecord, type Way } from './cycle-state.ts';
import type { JudgedFlag } from './flag-state.ts';
import { inPlace, isAmong } from './image-place.ts';

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
  /** By digest, or by `placeName`. */
  readonly images: Readonly<Record<string, SlotImage>>;
  /** What a server says is to be booted, and can give. */
  readonly offer?: { readonly sha256: string; readonly sizeBytes: number } | undefined;
  /** Of the kernel that runs: no other's system is booted by it. */
  readonly kernelRelease: string;
  /** How this boot can go into another kernel, the best way first. */
  readonly ways?: readonly Way[] | undefined;
  readonly corruption: Corruption;
  /** Images that were found to be altered in this boot, as `images` calls them. */
  readonly altered: readonly string[];
  /** Digests of images that the disk does not give now: they are not gone. `all`: nobody can say which there are. */
  readonly unreadable?: readonly string[] | 'all' | undefined;
  /** How fast this machine's disk was read; undefined: nobody measured. */
  readonly bytesPerSecond?: number | undefined;
  /** Of slots that are partitions: those that are there, to be written. */
  readonly writable?: readonly Slot[] | undefined;
  /** A copy from slot to slot failed in this boot: none is tried again. */
  readonly noCopies?: true | undefined;
}

/** Pure. */
export const isUnread = ({ unreadable }: Pick<Wish, 'unreadable'>, digest: string): boolean =>
  unreadable === 'all' || unreadable?.includes(digest) === true;

export type Choice =
  /** `mend`: its flag is damaged. Its image is verified before it is booted, which proves it, and it gets a new flag. */
  | { readonly kind: 'slot'; readonly slot: Slot; readonly mend?: true }
  /** Fetched into this slot. `mend`: it is the slot's own image, which is damaged. */
  | { readonly kind: 'image'; readonly slot: Slot; readonly sha256: string; readonly mend?: true }
  /** The image of the backup is verified, and copied over this one, which is damaged. */
  | { readonly kind: 'clone'; readonly slot: Slot; readonly from: Slot }
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
  const imageOf = (slot: Slot): SlotImage | undefined => inPlace(images, slot, recordOf(slot).digest);

  const offer = wish.offer && !isDenied(state, wish.offer.sha256) ? wish.offer : undefined;
  if (wish.offer && !offer)
    notes.push(
      `the image ${wish.offer.sha256.slice(0, 12)} that the server offers was bad on this machine: it is not installed again`,
    );
  // Both may have it.
  const mayWrite = (slot: Slot): boolean => wish.writable?.includes(slot) !== false;
  const offered =
    offer &&
    filled
      .filter((slot) => recordOf(slot).digest === offer.sha256 && (imageOf(slot)?.whole || mayWrite(slot)))
      .toSorted((one, other) => recordOf(other).lastHealthy - recordOf(one).lastHealthy)[0];

  /** Why a system cannot be booted now; undefined: it can. */
  const obstacle = (slot: Slot, isLastChance = false): string | undefined => {
    const { state: known, why, digest } = recordOf(slot);
    const image = imageOf(slot);
    if (known === 'BAD' || (known === 'INVALID' && !isLastChance))
      return `slot ${slot} is bad${why === undefined ? '' : `: ${why}`}`;
    if (!image && isUnread(wish, digest)) return `the image of slot ${slot} is UNREADABLE: the disk does not give it`;
    if (!image) return `the image of slot ${slot} is not on the disk`;
    if (known === 'REPAIRING') return `the image of slot ${slot} is not wholly there yet`;
    if (!image.whole || isAmong(altered, slot, digest)) return `the image of slot ${slot} is damaged`;
    if (image.kernelRelease !== kernelRelease)
      return `slot ${slot} is of the kernel ${image.kernelRelease}, and this is ${kernelRelease}`;
    return undefined;
  };
  const damagedOf = (slot: Slot): boolean => isDamaged(slot, recordOf(slot), imageOf(slot), altered);
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
  if (offer && !offered) {
    const slot = roomFor(state, wish, bootable);
    if (slot !== undefined) return done({ kind: 'image', slot, sha256: offer.sha256 });
    notes.push(`the image ${offer.sha256.slice(0, 12)} is not installed: the partition of the other slot is not there`);
  }

  // The wished one's image is damaged, and a server has it.
  const damaged =
    offered && state.prefer !== otherSlot(offered) && isDamaged(offered, recordOf(offered), imageOf(offered), altered);
  if (offer && offered && damaged) {
    const mend: Choice = { kind: 'image', slot: offered, sha256: offer.sha256, mend: true };
    const [elsewhere] = sound;
    const known = recordOf(offered);
    // It never came wholly: that is no damage that was mended.
    if (known.state === 'REPAIRING' && known.healthyCycles === 0 && (!elsewhere || known.repairs < LIMITS.repairs))
      return done({ kind: 'image', slot: offered, sha256: offer.sha256 });
    const etaMs =
      (offer.sizeBytes / Math.min(NETWORK_BYTES_PER_SECOND, wish.bytesPerSecond ?? Number.POSITIVE_INFINITY)) * 1000;
    if (elsewhere === undefined || mendsFirst(corruption, etaMs, recordOf(offered))) return done(mend);
    notes.push(`the image of slot ${offered} is damaged: booting slot ${elsewhere}`);
    return done({ kind: 'slot', slot: elsewhere });
  }

  const clone = cloneOf(state, wish, sound, damagedOf);
  if (clone) return done(clone);

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
        !isAmong(altered, slot, recordOf(slot).digest),
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

const isDamaged = (
  slot: Slot,
  { state, digest }: SlotRecord,
  image: SlotImage | undefined,
  altered: readonly string[],
): boolean =>
  state !== 'BAD' &&
  (['INVALID', 'REPAIRING'].includes(state) || image?.whole !== true || isAmong(altered, slot, digest));

/** A copy is read, written, and read again. */
const COPY_READS = 3;

/** How long an image is copied; 0: nobody measured. */
export const copyMs = (sizeBytes: number, bytesPerSecond: number | undefined): number =>
  bytesPerSecond === undefined ? 0 : ((COPY_READS * sizeBytes) / bytesPerSecond) * 1000;

/** Whether a copy is made while everybody waits for the boot. */
export const isShort = (ms: number): boolean => ms <= LONGEST_OFF_MS;

/** The backup over the damaged system that would be booted, were it not damaged. What comes from a server comes first. */
function cloneOf(
  state: CycleState,
  { images, corruption, bytesPerSecond, writable = [], noCopies }: Wish,
  sound: readonly Slot[],
  isDamagedIn: (slot: Slot) => boolean,
): Choice | undefined {
  const [from] = sound;
  const slot = from && otherSlot(from);
  const [source, target] = [from && state[from], slot && state[slot]];
  if (!from || !slot || !source || !target || noCopies || !writable.includes(slot) || state.prefer === from)
    return undefined;
  const wasFirst = state.last === slot || target.lastHealthy > source.lastHealthy;
  if (!wasFirst || !isDamagedIn(slot)) return undefined;
  const etaMs = copyMs(inPlace(images, from, source.digest)?.sizeBytes ?? 0, bytesPerSecond);
  return mendsFirst(corruption, etaMs, target) ? { kind: 'clone', slot, from } : undefined;
}

/** At most two mendings, until it was healthy once more. */
const mendsFirst = (corruption: Corruption, etaMs: number, { repairs }: SlotRecord): boolean =>
  corruption !== 'bailout' && repairs < LIMITS.repairs && (corruption === 'clone' || etaMs <= LONGEST_OFF_MS);

/**
 * Where a new image goes: an empty slot, one whose image cannot be used, and never the one that was healthy last, also where that is of
 * another kernel: a new image with a new kernel is the usual case, and what goes with the kernel before is what is gone back to.
 */
function roomFor(
  state: CycleState,
  { images, altered, writable = SLOTS }: Wish,
  bootable: readonly Slot[],
): Slot | undefined {
  const empty = writable.find((slot) => state[slot] === undefined);
  if (empty !== undefined) return empty;
  const [best] = SLOTS.filter((slot) => {
    const record = state[slot];
    // Of a slot that was never filled, whose partition is not there.
    if (!record) return false;
    const { state: known, digest } = record;
    return (
      !['BAD', 'INVALID', 'REPAIRING'].includes(known) &&
      inPlace(images, slot, digest)?.whole === true &&
      !isAmong(altered, slot, digest)
    );
  }).toSorted(
    (one, other) =>
      Number(state[other]?.state === 'GOOD') - Number(state[one]?.state === 'GOOD') ||
      Number(bootable.includes(other)) - Number(bootable.includes(one)) ||
      (state[other]?.lastHealthy ?? 0) - (state[one]?.lastHealthy ?? 0) ||
      Number(other === state.last) - Number(one === state.last),
  );
  return best === undefined ? writable[0] : writable.find((slot) => slot !== best);
}
