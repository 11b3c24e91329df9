import { entryOf } from '../entry-of.ts';
import { flagText } from './boot-flag.ts';
import { isUnread, type Wish } from './choose-slot.ts';
import { pardon } from './count.ts';
import type { CycleLook } from './cycle-look.ts';
import { type CycleState, newCycleState, newSlot, otherSlot, SLOTS, type SlotRecord, withSlot } from './cycle-state.ts';
import { readPlaceName } from './image-place.ts';

interface Known {
  readonly state: CycleState;
  readonly notes: readonly string[];
}

type Store = Pick<Wish, 'images' | 'unreadable'>;

/** What is known of the cycles: by the journal; where it is gone, by the flags; where there is neither, by the images. Pure. */
export function knownState(look: CycleLook, store: Store): Known {
  const { state, trust } = look.journal;
  if (!state)
    return rebuilt(
      look,
      store,
      trust === 'lost' ? ['the cycle journal is lost: it is made anew from the boot flags'] : [],
    );
  // Who put an earlier journal back, put back what it says of the start after it.
  const { attempt: _stale, ...older } = state;
  const believed = trust === 'behind' ? { ...older, cycle: Math.max(state.cycle, look.keyCycle ?? 0) } : state;
  return adopted(placed(believed, store.images), look, store);
}

/** Partitions, by what is on them: an image that no record is of is new there, and one that came wholly is not being made any more. */
function placed(state: CycleState, images: Wish['images']): CycleState {
  return Object.entries(images).reduce((known, [name, { whole }]) => {
    const { slot, digest } = readPlaceName(name);
    if (!slot || !whole) return known;
    const record = known[slot];
    if (record === undefined && !known.denied.includes(digest)) return withSlot(known, slot, newSlot(digest));
    if (record?.digest !== digest || record.state !== 'REPAIRING') return known;
    return withSlot(known, slot, { ...pardon(record), repairs: record.repairs });
  }, state);
}

const isIn = (state: CycleState, digest: string): boolean => SLOTS.some((slot) => state[slot]?.digest === digest);

/** An earlier statectl was booted meanwhile, and fetched an image that no slot knows. */
function adopted(state: CycleState, { current }: CycleLook, store: Store): Known {
  const { images } = store;
  if (current === undefined || !entryOf(images, current)?.whole || isIn(state, current)) return { state, notes: [] };
  const isGone = (digest: string): boolean => !Object.keys(images).includes(digest) && !isUnread(store, digest);
  const slot =
    SLOTS.find((each) => state[each] === undefined || isGone(state[each].digest)) ?? otherSlot(state.last ?? 'a');
  return {
    state: { ...withSlot(state, slot, newSlot(current)), trial: slot },
    notes: [`the image ${current.slice(0, 12)} came without the cycle journal: it is slot ${slot} now`],
  };
}

/** Each flag says which slot its image is; what has none gets a letter that is free, the copy that booted last the first. */
function rebuilt(look: CycleLook, { images }: Store, notes: readonly string[]): Known {
  let state = newCycleState(look.machine);
  const whole = Object.entries(images)
    .filter(([, image]) => image.whole)
    .map(([name]) => ({ name, ...readPlaceName(name) }));
  const byFlag = whole.flatMap(({ name, digest, slot }) => {
    const seen = entryOf(look.flags, name);
    if (seen?.seen !== 'flag' || seen.sealed === 'no') return [];
    const { flag } = seen;
    if (slot !== undefined && flag.slot !== slot) return [];
    return flag.image === digest && flag.machine === look.machine ? [{ digest, flag }] : [];
  });
  for (const { digest, flag } of byFlag.toSorted((one, other) => other.flag.cycle - one.flag.cycle)) {
    const slot = state[flag.slot] === undefined ? flag.slot : otherSlot(flag.slot);
    if (state[slot] !== undefined) continue;
    const record: SlotRecord = {
      ...newSlot(digest),
      state: flag.healthyCycles > 0 ? 'GOOD' : 'FRESH',
      healthyCycles: flag.healthyCycles,
      lastHealthy: flag.cycle,
      ...(flag.firstMs !== null && { firstMs: flag.firstMs }),
      ...(flag.lastMs !== null && { lastMs: flag.lastMs }),
      ...(flag.slot === slot && { flag: flagText(flag) }),
    };
    state = {
      ...withSlot(state, slot, record),
      cycle: Math.max(state.cycle, flag.cycle),
      tells: state.tells || flag.healthyCycles > 0,
    };
  }
  const others = whole.filter(({ digest, slot }) => (slot ? state[slot] === undefined : !isIn(state, digest)));
  const isCurrent = ({ digest }: { readonly digest: string }) => Number(digest === look.current);
  for (const { digest, slot: own } of others.toSorted((one, other) => isCurrent(other) - isCurrent(one))) {
    const free = own ?? SLOTS.find((slot) => state[slot] === undefined);
    if (free) state = withSlot(state, free, newSlot(digest));
  }
  const last = SLOTS.find((slot) => state[slot] !== undefined && state[slot].digest === look.current);
  return {
    state: { ...state, cycle: Math.max(state.cycle, look.keyCycle ?? 0), ...(last && { last }) },
    notes,
  };
}
