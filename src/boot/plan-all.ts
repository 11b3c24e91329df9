import type { Facts } from '../machine/facts/facts.ts';
import type { RecordedFacts } from '../machine/facts/recorded-facts.ts';
import type { Step } from '../machine/steps/step.ts';
import { editedFacts, withFound } from './looks.ts';
import type { Phase, PhaseName } from './phase.ts';

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
  let known: Partial<Facts> = {};
  if (!looks || editedFacts(recorded).length > 0) {
    known = withFound(known, facts);
    return phases.flatMap(({ name, rounds }) =>
      rounds.flatMap(({ plan }) => (plan?.(known as Facts) ?? []).map((step) => ({ phase: name, step }))),
    );
  }
  return looks.flatMap(({ phase, round, found, done }) => {
    known = withFound(known, found);
    const whole = phases.find(({ name }) => name === phase);
    const plan = whole?.rounds[round]?.plan;
    if (!plan || done === 0) return [];
    return plan(known as Facts)
      .slice(0, done)
      .map((step) => ({ phase: whole.name, step }));
  });
}
