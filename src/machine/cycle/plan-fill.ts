import { StatectlError } from '../../error.ts';
import { type LocalCopy, rootOf } from '../../fetch/local-copy.ts';
import type { ManifestFile } from '../../signed/image-manifest.ts';
import { otherSlot, type Slot } from '../../slots/cycle-state.ts';
import type { Facts } from '../facts/facts.ts';
import type { SlotPlace } from '../facts/root-facts.ts';
import type { Step } from '../steps/step.ts';
import { decisionOf } from './cycle-decision.ts';
import { planAnnouncement } from './plan-cycle.ts';

/** An image is copied to the partition of a slot, or unpacked there, which the journal says first. Throws `slot-unfit`. Pure. */
export function planFill(
  facts: Facts,
  from: Pick<LocalCopy, 'dir' | 'manifest' | 'device' | 'unpacked'>,
  into: SlotPlace,
): readonly Step[] {
  const { slot, dir, device, partuuid, is, form } = into;
  if (device === undefined || partuuid === undefined) return [];
  const { name, version, root, fileList: list } = from.manifest;
  const { type, sha256, sizeBytes } = root;
  const to = { device, partuuid, dir, is };
  const unfit = (why: string) =>
    new StatectlError('slot-unfit', `slot ${slot} cannot be made of the image ${name} ${version}: ${why}`, {
      hint: 'give the server the image as this statectl builds it; until then another system is booted, or that one from RAM',
    });
  if (form === 'image' && from.unpacked) throw unfit('what is here of it is its tree, and slots are images');
  if (form === 'tree' && !list) throw unfit('it has no list of its files, and slots are trees');
  const announced = planAnnouncement(facts, slot);
  if (form === 'image' || !list)
    return [...announced, { kind: 'fill-slot', slot, from: rootOf(from), manifestIn: from.dir, sha256, sizeBytes, to }];
  const source = from.unpacked ? { tree: rootOf(from) } : { image: rootOf(from), type, sha256, sizeBytes };
  return [...announced, { kind: 'fill-tree', slot, source, manifestIn: from.dir, list: digestOf(list), to }];
}

const digestOf = ({ sha256, sizeBytes }: ManifestFile): Pick<ManifestFile, 'sha256' | 'sizeBytes'> => ({
  sha256,
  sizeBytes,
});

/** The system that is booted over the one that it is to replace as the backup. Pure. */
export function planBackup(facts: Facts): readonly Step[] {
  const slot: Slot | undefined = decisionOf(facts)?.refresh;
  const { slots } = facts.root;
  if (slot === undefined || !slots) return [];
  const [from, into] = [slots[otherSlot(slot)]?.copy, slots[slot]];
  return from && into ? planFill(facts, from, into) : [];
}
