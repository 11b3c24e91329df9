import { type Choice, type Chosen, chooseSlot, type Wish } from './choose-slot.ts';
import { type CycleState, SLOTS, type Slot, type Way } from './cycle-state.ts';
import type { JudgedFlag } from './flag-state.ts';
import { inPlace } from './image-place.ts';

/** The kernel of a slot that this boot goes into. */
export interface Going {
  readonly slot: Slot;
  readonly way: Way;
}

type Flags = Readonly<Partial<Record<Slot, JudgedFlag>>>;

/**
 * Which system is booted, by the kernel that runs or by its own. Into each kernel the machine is sent once; where this one can boot
 * nothing, by each way once. From then on it stays with what it can boot until that image came up by another way, or a person says
 * so: whatever becomes of it, there is no loop. Pure.
 */
export function chooseSystem(
  state: CycleState,
  flags: Flags,
  wish: Wish,
): Chosen & { readonly goes?: Going | undefined } {
  const here = chooseSlot(state, flags, wish);
  const { ways = [] } = wish;
  const triedOf = (slot: Slot): readonly Way[] =>
    state.sent !== undefined && state.sent.digest === state[slot]?.digest ? state.sent.ways : [];
  const wayTo = (slot: Slot): Way | undefined => {
    const tried = triedOf(slot);
    return tried.length > 0 && here.choice.kind !== 'none' ? undefined : ways.find((way) => !tried.includes(way));
  };
  const others = SLOTS.filter((slot) => isOfAnother(state, slot, wish));
  const within = others.filter((slot) => wayTo(slot) !== undefined);
  if (within.length > 0) {
    const images = Object.fromEntries(
      Object.entries(wish.images).map(([name, image]) => [
        name,
        within.some((slot) => inPlace({ [name]: image }, slot, state[slot]?.digest ?? ''))
          ? { ...image, kernelRelease: wish.kernelRelease }
          : image,
      ]),
    );
    const anywhere = chooseSlot(state, flags, { ...wish, images, noCopies: true });
    const { choice } = anywhere;
    const way = choice.kind === 'slot' && within.includes(choice.slot) ? wayTo(choice.slot) : undefined;
    // What is known to fail is not worth another kernel where this one has anything.
    const isWorth = !anywhere.asLastResort || here.choice.kind === 'none';
    if (choice.kind === 'slot' && way && isWorth) return { ...anywhere, goes: { slot: choice.slot, way } };
  }
  const notes = others.flatMap((slot) =>
    triedOf(slot).length === 0
      ? []
      : [
          `slot ${slot} is of another kernel, which did not come up when this machine was sent into it (${triedOf(slot).join(', ')}): \`statectl slots switch ${slot}\` tries it once more`,
        ],
  );
  return { ...here, notes: [...here.notes, ...notes] };
}

function isOfAnother(state: CycleState, slot: Slot, { images, kernelRelease }: Wish): boolean {
  const image = inPlace(images, slot, state[slot]?.digest ?? '');
  return image !== undefined && image.kernelRelease !== kernelRelease;
}

/** What the journal says of it before it is done, and no more once that system is tried, or its image is gone. Pure. */
export function withSent(state: CycleState, goes: Going | undefined, choice: Choice): CycleState {
  const { sent, ...rest } = state;
  if (goes) {
    const digest = state[goes.slot]?.digest ?? '';
    return { ...rest, sent: { digest, ways: [...(sent?.digest === digest ? sent.ways : []), goes.way] } };
  }
  const isTried = choice.kind !== 'none' && state[choice.slot]?.digest === sent?.digest;
  const isThere = SLOTS.some((slot) => state[slot]?.digest === sent?.digest);
  return sent && isThere && !isTried ? state : rest;
}
