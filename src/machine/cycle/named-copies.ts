import type { LocalCopy } from '../../fetch/local-copy.ts';
import { SLOTS } from '../../slots/cycle-state.ts';
import { placeName } from '../../slots/image-place.ts';
import type { Facts } from '../facts/facts.ts';
import type { RootFacts } from '../facts/root-facts.ts';

/** Both copies and others, each once. Pure. */
export const copiesOf = ({ copy, otherCopies = [] }: Facts['root']): readonly LocalCopy[] =>
  copy ? [copy, ...otherCopies] : otherCopies;

/** Images of this machine as decisions call them. Pure. */
export const namedCopies = (root: RootFacts): readonly (readonly [string, LocalCopy])[] =>
  root.slots
    ? SLOTS.flatMap((slot) => {
        const copy = root.slots?.[slot]?.copy;
        return copy ? [[placeName(slot, copy.manifest.root.sha256), copy] as const] : [];
      })
    : copiesOf(root).map((copy) => [copy.manifest.root.sha256, copy] as const);
