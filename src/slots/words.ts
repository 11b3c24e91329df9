import type { Past, Verdict } from './cycle-state.ts';

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
