import { type LocalCopy, rootOf } from '../../fetch/local-copy.ts';
import { otherSlot, type Slot } from '../../slots/cycle-state.ts';
import type { Facts } from '../facts/facts.ts';
import type { SlotPlace } from '../facts/root-facts.ts';
import type { Step } from '../steps/step.ts';
import { decisionOf } from './cycle-decision.ts';
import { planAnnouncement } from './plan-cycle.ts';

/** An image is copied to the partition of a slot, which the journal says first. Pure. */
export function planFill(
  facts: Facts,
  from: Pick<LocalCopy, 'dir' | 'manifest' | 'device'>,
  into: SlotPlace,
): readonly Step[] {
  const { slot, dir, device, partuuid, is } = into;
  if (device === undefined || partuuid === undefined) return [];
  const { sha256, sizeBytes } = from.manifest.root;
  const to = { device, partuuid, dir, is };
  return [
    ...planAnnouncement(facts, slot),
    { kind: 'fill-slot', slot, from: rootOf(from), manifestIn: from.dir, sha256, sizeBytes, to },
  ];
}

/** The system that is booted over the one that it is to replace as the backup. Pure. */
export function planBackup(facts: Facts): readonly Step[] {
  const slot: Slot | undefined = decisionOf(facts)?.refresh;
  const { slots } = facts.root;
  if (slot === undefined || !slots) return [];
  const [from, into] = [slots[otherSlot(slot)]?.copy, slots[slot]];
  return from && into ? planFill(facts, from, into) : [];
}
