import type { StatectlError } from '../error.ts';
import type { Host } from '../host/host.ts';
import type { TaskContext } from '../host/task-context.ts';
import type { Facts } from '../machine/facts/facts.ts';
import type { Step } from '../machine/steps/step.ts';

export const PHASE_NAMES = [
  'cmdline',
  'config',
  'devices',
  'network',
  'bundle',
  'slot',
  'update',
  'mount',
  'install',
  'handover',
] as const;
export type PhaseName = (typeof PHASE_NAMES)[number];

/**
 * One look at the machine and what follows from it. `gather` may only read; `plan` is pure, so that the plan that is
 * printed is the plan that runs.
 */
export interface Round {
  readonly gather?: (host: Host, facts: Facts, boot: TaskContext) => Promise<Partial<Facts>>;
  readonly plan?: (facts: Facts) => readonly Step[];
}

/** A chapter of the boot. Most have one round; where the next look needs the steps done first, several. */
export interface Phase {
  readonly name: PhaseName;
  readonly rounds: readonly Round[];
  /** What to try instead when it failed: the facts that then hold, or undefined when there is no other way. Tried once. */
  readonly instead?: (error: StatectlError, facts: Facts) => Partial<Facts> | undefined;
}
