import type { Status } from '../../agent/status.ts';
import { printableLine } from '../../printable.ts';
import { writeNumber } from '../../signed/bundle/order.ts';
import { shownMinute } from '../shown-minute.ts';

type Applied = NonNullable<Status['applied']>;

/** The bundle that the system was made as since its boot; nothing is said of the one that it was booted with. */
export const runsAsRow = (
  { bundle, atMs }: Applied,
  booted: { readonly contentDigest: string } | undefined,
): readonly (readonly string[])[] =>
  bundle === undefined || bundle.contentDigest === booted?.contentDigest
    ? []
    : [['runs as', `bundle ${writeNumber(bundle)}, applied ${shownMinute(atMs)} without a reboot`]];

/** What waits for a reboot and why, what people changed, and what went wrong. */
export const appliedLines = ({ needsReboot, keptLocal, warnings }: Applied): string =>
  [
    ...needsReboot.map(
      ({ path, why, waits }) =>
        `  ! ${path} ${waits ? 'is not yet so' : 'needs a reboot'}${why === undefined ? '' : `: ${why}`}`,
    ),
    ...keptLocal.map((path) => `  ! ${path} was edited by hand and is left so (system/etc.conf: edits)`),
    ...warnings.map((text) => `  ! ${text}`),
  ]
    .map((line) => `${printableLine(line)}\n`)
    .join('');
