import type { TaskContext } from '../host/task-context.ts';
import type { Facts } from './facts/facts.ts';
import { type FoundFacts, withFound } from './facts/found-facts.ts';
import type { MachineHost } from './roots.ts';
import { applyStep, locate, type Step } from './steps/step.ts';

/**
 * One look at the machine and what follows from it. `gather` may only read; `plan` is pure, so that the plan that is
 * printed is the plan that runs.
 */
export interface Round {
  readonly gather?: (host: MachineHost, facts: Facts, task: TaskContext) => Promise<FoundFacts>;
  readonly plan?: (facts: Facts) => readonly Step[];
}

/**
 * Rounds one after the other, of which the boot's story has many (its engine times and journals each step besides), and a live
 * change of the agent a few. Gives the facts at its end. Throws what a look or a step does.
 */
export async function runSequence(
  rounds: readonly Round[],
  facts: Facts,
  host: MachineHost,
  task: TaskContext,
): Promise<Facts> {
  let known = facts;
  for (const { gather, plan } of rounds) {
    if (gather) known = withFound(known, await gather(host, known, task));
    for (const step of plan?.(known) ?? []) await applyStep(locate(step, host.roots), host.own, task);
  }
  return known;
}
