import type { LocalCopy } from '../../fetch/local-copy.ts';
import { SLOTS } from '../../slots/cycle-state.ts';
import { type Decision, decide } from '../../slots/decide.ts';
import type { Facts } from '../facts/facts.ts';
import type { RootFacts } from '../facts/root-facts.ts';
import { copiesOf, namedCopies } from './named-copies.ts';
import { writableSlots } from './slot-places.ts';

/**
 * What the cycles before, the images that are here and what is offered come to; undefined where this machine keeps none, or its
 * disk took no image. Pure.
 */
export function decisionOf({ root, machine, config }: Facts): Decision | undefined {
  const { cycle, offer, altered = [], copyFailed } = root;
  if (!cycle || copyFailed) return undefined;
  const { look, whole, bytesPerSecond } = cycle;
  const { health } = config.update;
  const writable = writableSlots(root);
  if (writable?.length === 0) return undefined;
  const images = namedCopies(root).map(([name, { manifest }]) => [
    name,
    {
      kernelRelease: manifest.kernelRelease,
      sizeBytes: manifest.root.sizeBytes,
      whole: whole.includes(name),
    },
  ]);
  return decide(
    look,
    {
      images: Object.fromEntries(images),
      offer: (offer ?? stagedImage(root))?.manifest.root,
      kernelRelease: machine.kernelRelease,
      ways: root.ways?.filter((way) => !root.noWays?.includes(way)),
      corruption: config.update.corruption,
      altered,
      unreadable: root.unreadableCopies,
      bytesPerSecond,
      writable,
      noCopies: root.noCopies,
    },
    // What was good in the last moment still has to stay so.
    { tries: config.update.tries, windowMs: health.timeoutMs + health.stableMs },
  );
}

/** What is in the store and was on its way to a partition, or is all that there is: no server is needed for it. Pure. */
export function stagedImage({ offer, staged = [], slots, cycle }: RootFacts): LocalCopy | undefined {
  if (offer) return undefined;
  const { state } = cycle?.look.journal ?? {};
  const cut = staged.find(({ manifest: { root: file } }) =>
    SLOTS.some((slot) => state?.[slot]?.state === 'REPAIRING' && state[slot].digest === file.sha256),
  );
  return cut ?? (SLOTS.some((slot) => slots?.[slot]?.whole) ? undefined : staged[0]);
}

/** The copy of this image on this machine. Pure. */
export const copyOf = (root: Facts['root'], sha256: string | undefined): LocalCopy | undefined =>
  copiesOf(root).find(({ manifest }) => manifest.root.sha256 === sha256);
