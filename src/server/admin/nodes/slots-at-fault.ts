import { entryOf } from '../../../entry-of.ts';
import type { ReportedSlots } from '../../../protocol/report.ts';

/** States of a slot that want somebody, in words. */
const AT_FAULT: Readonly<Record<string, string>> = {
  BAD: 'is bad',
  INVALID: 'is damaged',
  REPAIRING: 'is being mended',
};

/** Ends of a start that want somebody. One that was cut off is told by its machine alone. */
const ENDS: Readonly<Record<string, string>> = {
  HUNG_STOP: 'hung as it stopped',
  CRASHED: 'crashed',
  FAILED_START: 'failed to start',
  ENVIRONMENT: 'failed as the other system does',
};

/** What an admin should know of a machine that has two systems: one that is not booted any more, and how its last start ended. Pure. */
export function slotsAtFault(slots: ReportedSlots | undefined): readonly string[] {
  if (!slots) return [];
  const { booted, systems, past } = slots;
  const [last] = past;
  const ended = last && entryOf(ENDS, last.verdict);
  return [
    ...Object.entries(systems).flatMap(([slot, { state, image, why }]) => {
      const words = entryOf(AT_FAULT, state);
      if (words === undefined) return [];
      const runs = booted === undefined || booted === slot ? '' : `; it runs slot ${booted}`;
      return [`slot ${slot}${image === undefined ? '' : ` (${image})`} ${words}${why ? `: ${why}` : ''}${runs}`];
    }),
    ...(ended
      ? [`cycle ${last.cycle} on slot ${last.slot} ${ended} (${last.verdict})${last.why ? `: ${last.why}` : ''}`]
      : []),
  ];
}
