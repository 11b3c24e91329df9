import { type BootFlag, flagDigest } from './boot-flag.ts';
import { type Choice, type Chosen, copyMs, isShort, isUnread, type SlotImage, type Wish } from './choose-slot.ts';
import { countAttempt, marked } from './count.ts';
import type { CycleLook, CycleRules } from './cycle-look.ts';
import {
  type Attempt,
  type CycleState,
  newSlot,
  otherSlot,
  SLOTS,
  type Slot,
  type SlotRecord,
  type Verdict,
  withSlot,
} from './cycle-state.ts';
import { type JudgedFlag, judgeFlag, type SeenFlag } from './flag-state.ts';
import { inPlace, isAmong } from './image-place.ts';
import { knownState } from './known-state.ts';
import { obeyOrders } from './orders.ts';
import { chooseSystem, type Going, withSent } from './other-kernel.ts';
import { judgeAttempt } from './verdict.ts';

export interface Decision {
  /** How the cycle before ended; absent: there was none, or this boot has begun its own already. */
  readonly judged?: { readonly cycle: number; readonly slot: Slot; readonly verdict: Verdict; readonly why: string };
  /** With this boot's attempt, where a slot is booted. */
  readonly state: CycleState;
  readonly choice: Choice;
  /** The chosen system is of another kernel, which boots it: no attempt is begun here. */
  readonly goes?: Going;
  /** The backup that the chosen system is copied to. */
  readonly refresh?: Slot;
  /** false: a health that fails keeps the machine up. */
  readonly acts: boolean;
  readonly flags: Readonly<Partial<Record<Slot, JudgedFlag>>>;
  /** Flags to be written, before the journal. */
  readonly flagsDue: readonly FlagDue[];
  /** What is to be told, besides the verdict. */
  readonly notes: readonly string[];
}

export interface FlagDue {
  readonly slot: Slot;
  readonly flag: Omit<BootFlag, 'seal'>;
}

/** The whole decision of a boot: what became of the last cycle, and what this one boots. Pure: the same looks, the same answer. */
export function decide(look: CycleLook, wish: Wish, rules: CycleRules): Decision {
  const { journal, nowMs } = look;
  const notes: string[] = [...journal.notes];
  const known = knownState(look, wish);
  notes.push(...known.notes);
  const isMoved = known.state.machine !== look.machine;
  if (isMoved) notes.push(`these systems come from another machine (${known.state.machine}): their cycles go on here`);
  const begun = known.state.attempt?.bootId === look.bootId;
  const flags = judgedFlags(known.state, look, wish);

  const { panicId } = look;
  let state: CycleState = { ...known.state, machine: look.machine, ...(panicId !== undefined && { panicId }) };
  let judged: Decision['judged'];
  if (state.attempt && !begun) {
    const { attempt } = state;
    const counted = countAttempt(state, judgeAttempt(look.said, attempt, { nowMs }), nowMs, rules.tries);
    const past = counted.state.past.at(-1);
    judged = { cycle: attempt.cycle, slot: attempt.slot, verdict: counted.verdict, why: past?.why ?? '' };
    state = counted.state;
    notes.push(...counted.notes);
  }
  const healthy = judged?.verdict === 'HEALTHY' ? judged.slot : undefined;
  const obeyed = obeyOrders(state, look.orders);
  state = obeyed.state;
  notes.push(...obeyed.notes);

  const chosen = chooseSystem(state, flags, wish);
  notes.push(...chosen.notes);
  const { goes } = chosen;
  // What its own kernel does with it is its own matter.
  const choice: Choice = goes ? { kind: 'none', why: [] } : chosen.choice;
  state = settled({ choice }, withDamage(withoutAbsent(state, wish, choice), wish));
  state = withSent(state, goes, choice);
  const refresh = refreshOf(state, choice, wish);
  if (refresh) {
    const { digest } = state[otherSlot(refresh)] as SlotRecord;
    state = withSlot(state, refresh, newSlot(digest));
    notes.push(`slot ${refresh} becomes a copy of the system that proved itself`);
  }
  const seenOf = (slot: Slot): SeenFlag | undefined => inPlace(look.flags, slot, state[slot]?.digest ?? '');
  /** Whose flag is written: advanced by a healthy cycle, of another machine, damaged or not there yet. */
  const needsFlag = (slot: Slot): boolean => {
    if (isUnread(wish, state[slot]?.digest ?? '')) return false;
    if (slot === healthy) return true;
    const seen = seenOf(slot);
    if ((isMoved && seen?.seen === 'flag') || slot === refresh) return true;
    if (choice.kind === 'none' || choice.slot !== slot) return false;
    return choice.kind !== 'slot' || choice.mend === true || seen?.seen !== 'flag';
  };
  return {
    ...(judged && { judged }),
    state: attempted(state, choice, look, rules, begun ? known.state.attempt : undefined),
    choice: chosen.choice,
    ...(goes && { goes }),
    ...(refresh && { refresh }),
    acts: !chosen.asLastResort && state.environment === undefined,
    flags,
    flagsDue: SLOTS.flatMap((slot) => {
      const record = state[slot];
      return record && needsFlag(slot) ? [{ slot, flag: flagFor(look.machine, slot, record, wish) }] : [];
    }),
    notes,
  };
}

/** A system that was healthy so often, over so long, is a better backup than the one before it. */
const PROVED = { healthyCycles: 3, ms: 86_400_000 } as const;

/** The backup that is to be what runs well: so what one falls back on is never years old. */
function refreshOf(
  state: CycleState,
  choice: Choice,
  { images, bytesPerSecond, writable = [], noCopies }: Wish,
): Slot | undefined {
  if (choice.kind !== 'slot' || choice.mend || noCopies || state.environment !== undefined) return undefined;
  const { slot } = choice;
  const backup = otherSlot(slot);
  const [record, other] = [state[slot], state[backup]];
  if (record?.state !== 'GOOD' || !writable.includes(backup)) return undefined;
  if (state.prefer === backup || state.trial === backup) return undefined;
  const { healthyCycles, firstMs, lastMs, digest } = record;
  if (healthyCycles < PROVED.healthyCycles || firstMs === undefined || lastMs === undefined) return undefined;
  const isSame = other?.digest === digest && (other.state === 'GOOD' || other.state === 'FRESH');
  if (isSame || lastMs - firstMs < PROVED.ms) return undefined;
  return isShort(copyMs(inPlace(images, slot, digest)?.sizeBytes ?? 0, bytesPerSecond)) ? backup : undefined;
}

function judgedFlags(state: CycleState, look: CycleLook, wish: Wish): Decision['flags'] {
  const judged = SLOTS.flatMap((slot) => {
    const record = state[slot];
    if (record && isUnread(wish, record.digest))
      return [[slot, { state: 'UNREADABLE', why: 'lies with an image that the disk does not give' } as const] as const];
    const seen = record && inPlace(look.flags, slot, record.digest);
    if (!record || !seen) return [];
    const { attempt, machine } = state;
    const context = {
      machine,
      ...(look.machine !== machine && { movedTo: look.machine }),
      slot,
      record,
      ...(attempt?.slot === slot && { attempt }),
      generation: generationOf(inPlace(wish.images, slot, record.digest)),
    };
    return [[slot, judgeFlag(seen, context)] as const];
  });
  return Object.fromEntries(judged);
}

/** What another hand would change about an image; its bytes are verified besides, before it is mounted. */
const generationOf = (image: Pick<SlotImage, 'sizeBytes'> | undefined): string => String(image?.sizeBytes ?? 0);

/** Without slots whose image is not on the disk any more, and is not about to be. */
const withoutAbsent = (state: CycleState, wish: Wish, choice: Choice): CycleState =>
  SLOTS.reduce((kept, slot) => {
    const record = kept[slot];
    const comes = (choice.kind === 'image' || choice.kind === 'clone') && choice.slot === slot;
    const isThere = record && (inPlace(wish.images, slot, record.digest) || isUnread(wish, record.digest));
    return !record || comes || isThere ? kept : withSlot(kept, slot, undefined);
  }, state);

/** An image that was found damaged is not verified again at each boot, unless nothing else is there. */
const withDamage = (state: CycleState, { altered }: Wish): CycleState =>
  SLOTS.reduce((kept, slot) => {
    const record = kept[slot];
    return record && isAmong(altered, slot, record.digest)
      ? withSlot(kept, slot, marked(record, 'INVALID', 'its image is damaged'))
      : kept;
  }, state);

/** What the choice makes of the slots. */
function settled({ choice }: Pick<Chosen, 'choice'>, state: CycleState): CycleState {
  const { trial, prefer, ...rest } = state;
  const keeps = (slot: Slot | undefined, over: readonly SlotRecord['state'][]): slot is Slot =>
    slot !== undefined && rest[slot] !== undefined && !over.includes(rest[slot].state);
  const kept: CycleState = {
    ...rest,
    ...(keeps(trial, ['GOOD', 'BAD']) && { trial }),
    ...(keeps(prefer, ['BAD']) && { prefer }),
  };
  if (choice.kind === 'none') return kept;
  const { slot } = choice;
  const record = kept[slot];
  if (choice.kind === 'image' && !choice.mend) {
    const { prefer: _over, ...others } = kept;
    // One that was cut is the same one.
    const repairs = record?.state === 'REPAIRING' && record.digest === choice.sha256 ? record.repairs + 1 : 0;
    return { ...withSlot(others, slot, { ...newSlot(choice.sha256), repairs }), trial: slot };
  }
  if (choice.kind === 'clone') {
    const digest = kept[choice.from]?.digest ?? '';
    return withSlot(kept, slot, { ...newSlot(digest), repairs: (record?.repairs ?? 0) + 1 });
  }
  if (!record || !choice.mend) return kept;
  const { why: _mended, ...mended } = record;
  const isGood = record.state === 'GOOD' || record.healthyCycles > 0;
  const next: SlotRecord = { ...mended, repairs: record.repairs + 1 };
  return withSlot(kept, slot, choice.kind === 'image' ? { ...next, state: isGood ? 'GOOD' : 'FRESH' } : next);
}

/** With the attempt that this boot is. */
function attempted(
  state: CycleState,
  choice: Choice,
  { bootId, nowMs, uptimeMs }: CycleLook,
  { windowMs }: CycleRules,
  begun: Attempt | undefined,
): CycleState {
  const { attempt: _earlier, ...rest } = state;
  if (choice.kind === 'none') return rest;
  const { slot } = choice;
  if (begun?.slot === slot) return { ...rest, attempt: begun, last: slot };
  const cycle = state.cycle + 1;
  const attempt = { cycle, slot, bootId, uptimeMs, windowMs, ...(nowMs !== undefined && { atMs: nowMs }) };
  return { ...rest, cycle, attempt, last: slot };
}

const flagFor = (machine: string, slot: Slot, record: SlotRecord, { images, offer }: Wish): FlagDue['flag'] => ({
  v: 1,
  machine,
  slot,
  image: record.digest,
  generation: generationOf(
    offer?.sha256 === record.digest
      ? offer
      : (inPlace(images, slot, record.digest) ?? inPlace(images, otherSlot(slot), record.digest)),
  ),
  cycle: record.lastHealthy,
  healthyCycles: record.healthyCycles,
  firstMs: record.firstMs ?? null,
  lastMs: record.lastMs ?? null,
  prev: record.flag === undefined ? '' : flagDigest(record.flag),
});
