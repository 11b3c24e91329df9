import type { StatectlError } from '../error.ts';
import type { TaskContext } from '../host/task-context.ts';
import type { Facts } from '../machine/facts/facts.ts';
import type { FoundFacts } from '../machine/facts/found-facts.ts';
import type { MachineHost, Roots } from '../machine/roots.ts';
import type { Step } from '../machine/steps/step.ts';
import { BEFORE_ROOT } from './roots.ts';

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
  readonly gather?: (host: MachineHost, facts: Facts, boot: TaskContext) => Promise<FoundFacts>;
  readonly plan?: (facts: Facts) => readonly Step[];
  /** Where what it looks at and plans is; default: as its phase says. */
  readonly roots?: Roots;
  /** What to try instead when this round failed: it is asked before its phase. */
  readonly instead?: Instead;
}

/**
 * The facts that hold after a failure, for another try of the whole phase; undefined: there is no other way. `step` is the one
 * that failed; without it the look did. Facts alone steer what is tried, never another config. Pure.
 */
export type Instead = (error: StatectlError, facts: Facts, step?: Step) => FoundFacts | undefined;

/** A chapter of the boot. Most have one round; where the next look needs the steps done first, several. */
export interface Phase {
  readonly name: PhaseName;
  /** Where the machine's paths are in this phase; default: the machine is the initramfs still. */
  readonly roots?: Roots;
  readonly rounds: readonly Round[];
  /** What to try instead when it failed. Tried once. */
  readonly instead?: Instead;
}

export const rootsOf = (phase: Phase, round: Round | undefined): Roots => round?.roots ?? phase.roots ?? BEFORE_ROOT;
