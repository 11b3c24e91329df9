import type { Facts } from '../machine/facts/facts.ts';
import { NO_FACTS, withFound } from '../machine/facts/found-facts.ts';
import type { RecordedFacts } from '../machine/facts/recorded-facts.ts';
import { locate, type Step } from '../machine/steps/step.ts';
import { editedFacts } from './looks.ts';
import { type Phase, type PhaseName, type Round, rootsOf } from './phase.ts';

interface PlannedStep {
  readonly phase: PhaseName;
  readonly step: Step;
}

/**
 * All steps of a boot, without touching anything: what `boot --plan` prints. Each look is planned by the facts of its moment, a
 * failed try as far as it came, so this is what ran. Facts without looks, or that were edited since, lead to what a boot does
 * that knows them all from the start. Pure.
 */
export function planAll(phases: readonly Phase[], recorded: RecordedFacts): readonly PlannedStep[] {
  const { looks, ...facts } = recorded;
  let known: Partial<Facts> = NO_FACTS;
  if (!looks || editedFacts(recorded).length > 0) {
    known = withFound(known, facts);
    return phases.flatMap((phase) => phase.rounds.flatMap((round) => planned(phase, round, known)));
  }
  return looks.flatMap(({ phase, round, found, done }) => {
    known = withFound(known, found);
    const whole = phases.find(({ name }) => name === phase);
    const look = whole?.rounds[round];
    return look && done !== 0 ? planned(whole, look, known).slice(0, done) : [];
  });
}

const planned = (phase: Phase, round: Round, facts: Partial<Facts>): readonly PlannedStep[] =>
  (round.plan?.(facts as Facts) ?? []).map((step) => ({
    phase: phase.name,
    step: locate(step, rootsOf(phase, round)),
  }));
