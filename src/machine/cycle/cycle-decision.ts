import type { LocalCopy } from '../../fetch/local-copy.ts';
import { type Decision, decide } from '../../slots/decide.ts';
import type { Facts } from '../facts/facts.ts';
import { copiesOf } from './find-cycles.ts';

/**
 * What the cycles before, the images that are here and what is offered come to; undefined where this machine keeps none, or its
 * disk took no image. Pure.
 */
export function decisionOf({ root, machine, config }: Facts): Decision | undefined {
  const { cycle, offer, altered = [], copyFailed } = root;
  if (!cycle || copyFailed) return undefined;
  const { look, whole, bytesPerSecond } = cycle;
  const { health } = config.update;
  const images = copiesOf(root).map(({ manifest: { kernelRelease, root: file } }) => [
    file.sha256,
    { kernelRelease, sizeBytes: file.sizeBytes, whole: whole.includes(file.sha256) },
  ]);
  return decide(
    look,
    {
      images: Object.fromEntries(images),
      offer: offer?.manifest.root,
      kernelRelease: machine.kernelRelease,
      corruption: config.update.corruption,
      altered,
      unreadable: root.unreadableCopies,
      bytesPerSecond,
    },
    // What was good in the last moment still has to stay so.
    { tries: config.update.tries, windowMs: health.timeoutMs + health.stableMs },
  );
}

/** The copy of this image on this machine. Pure. */
export const copyOf = (root: Facts['root'], sha256: string | undefined): LocalCopy | undefined =>
  copiesOf(root).find(({ manifest }) => manifest.root.sha256 === sha256);
