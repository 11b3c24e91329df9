import type { StatectlError } from '../error.ts';
import type { Facts } from '../machine/facts/facts.ts';
import type { FoundFacts } from '../machine/facts/found-facts.ts';
import type { Roots } from '../machine/roots.ts';
import type { Round as SequenceRound } from '../machine/sequence.ts';
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

export interface Round extends SequenceRound {
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
  /** How often it is tried in all; default: twice. */
  readonly mostTries?: number;
  /** What to try instead when it failed. */
  readonly instead?: Instead;
}

export const rootsOf = (phase: Phase, round: Round | undefined): Roots => round?.roots ?? phase.roots ?? BEFORE_ROOT;
