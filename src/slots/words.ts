import { LIMITS, saysNothing } from './count.ts';
import type { Past, SlotRecord, Verdict } from './cycle-state.ts';

/** What a verdict means, for whoever reads it. */
const WORDS: Readonly<Record<Verdict, string>> = {
  HEALTHY: 'was healthy',
  UNCLEAN_STOP: 'ran, and was not stopped in order',
  HUNG_STOP: 'ran, and hung as it stopped',
  CRASHED: 'crashed',
  FAILED_START: 'failed to start',
  INTERRUPTED: 'was interrupted',
  DELIBERATE: 'was ended by a person',
  ENVIRONMENT: 'failed as the other system does',
};

/** `cycle 17 on slot a failed to start (FAILED_START): health: …`. Pure. */
export const verdictSentence = ({
  cycle,
  slot,
  verdict,
  why,
}: Pick<Past, 'cycle' | 'slot' | 'verdict' | 'why'>): string =>
  `cycle ${cycle} on slot ${slot} ${WORDS[verdict]} (${verdict})${why ? `: ${why}` : ''}`;

const STATES: Readonly<Record<SlotRecord['state'], string>> = {
  FRESH: 'new: it was not healthy yet',
  GOOD: 'good',
  BAD: 'BAD: it is not booted',
  INVALID: 'DAMAGED',
  REPAIRING: 'is being mended',
};

/** What a slot is. Pure. */
export const slotSentence = ({ state, healthyCycles, failed, why, quiet = 0 }: SlotRecord): string =>
  [
    STATES[state],
    ...(why === undefined ? [] : [why]),
    `${healthyCycles} healthy cycle${healthyCycles === 1 ? '' : 's'}`,
    ...(failed > 0 && state !== 'BAD' ? [`${failed} failed start${failed === 1 ? '' : 's'} in a row`] : []),
    ...(quiet >= LIMITS.quiet ? [saysNothing(quiet)] : []),
  ].join(', ');
