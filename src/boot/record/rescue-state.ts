import { StatectlError } from '../../error.ts';
import { PHASE_NAMES, type PhaseName } from '../phase.ts';
import type { JournalLine } from './journal-reader.ts';

/** What the rescue shell is there for, as the journal tells it. */
export type RescueState =
  | {
      readonly kind: 'failed';
      readonly phase: PhaseName;
      readonly code: string;
      readonly text: string;
      readonly hint?: string;
      readonly atMs: number;
    }
  /** `statectl.rescue` is on the kernel command line: nothing failed. */
  | { readonly kind: 'asked' }
  /** `statectl.break`: the controller waits before this phase. */
  | { readonly kind: 'break'; readonly phase: PhaseName }
  /** The controller ended without a word, in this phase where it had begun one. */
  | { readonly kind: 'crashed'; readonly phase?: PhaseName }
  | { readonly kind: 'handed-over'; readonly init: string; readonly bootMs: number };

const phaseOf = (name: string | undefined): PhaseName | undefined => PHASE_NAMES.find((phase) => phase === name);

/** The state after these lines; of several tries only the last counts. */
export function rescueState(lines: readonly JournalLine[]): RescueState {
  const last = lines.at(-1);
  const tried = lines.slice(
    Math.max(
      0,
      lines.findLastIndex(({ event }) => event === 'boot-started'),
    ),
  );
  if (last?.event === 'break') return { kind: 'break', phase: phaseOf(last.phase) ?? 'cmdline' };
  const failed = tried.findLast((line) => line.event === 'failed');
  if (failed) {
    const { code, text, hint, atMs } = failed;
    return {
      kind: 'failed',
      phase: phaseOf(failed.phase) ?? 'cmdline',
      code,
      text,
      ...(hint === undefined ? {} : { hint }),
      atMs,
    };
  }
  const done = tried.findLast((line) => line.event === 'handed-over');
  if (done) return { kind: 'handed-over', init: done.init, bootMs: done.bootMs };
  if (tried.some((line) => line.event === 'rescue')) return { kind: 'asked' };
  const begun = phaseOf(tried.findLast((line) => line.event === 'phase-started')?.phase);
  return { kind: 'crashed', ...(begun ? { phase: begun } : {}) };
}

/** One line that says why there is a rescue shell. */
export function sayState(state: RescueState): string {
  switch (state.kind) {
    case 'failed':
      return `the boot failed in its phase ${state.phase} (${state.code}), ${(state.atMs / 1000).toFixed(1)} s after the kernel started`;
    case 'asked':
      return 'nothing failed: statectl.rescue is on the kernel command line';
    case 'break':
      return `nothing failed: the boot stopped before its phase ${state.phase} (statectl.break)`;
    case 'crashed':
      return `the controller crashed${state.phase ? ` in its phase ${state.phase}` : ' before its first phase'}`;
    case 'handed-over':
      return `the boot came to its end after ${(state.bootMs / 1000).toFixed(1)} s, for ${state.init}`;
  }
}

/** Phases that every later one builds on: without them there is nothing to go on with. */
const NEEDED: ReadonlySet<PhaseName> = new Set(['cmdline', 'config']);

const from = (phase: PhaseName): string => `--from ${phase}`;

/** The phase that can go on without this one. */
export const phaseAfter = (phase: PhaseName): PhaseName | undefined =>
  NEEDED.has(phase) ? undefined : PHASE_NAMES[PHASE_NAMES.indexOf(phase) + 1];

/** The words for the next `statectl boot` that try again: from the failed phase, or from an earlier one that is named. */
export function retryAnswer(state: RescueState, wanted?: string): string {
  if (state.kind === 'break')
    throw notNow('nothing failed yet', '`statectl rescue continue`, or leaving the shell, goes on');
  const known = state.kind === 'failed' ? state.phase : state.kind === 'handed-over' ? 'handover' : 'cmdline';
  if (wanted === undefined) return state.kind === 'crashed' ? '' : from(known);
  const phase = phaseOf(wanted);
  if (!phase) throw new StatectlError('usage', `there is no phase "${wanted}"; there are ${PHASE_NAMES.join(', ')}`);
  if (PHASE_NAMES.indexOf(phase) > PHASE_NAMES.indexOf(known))
    throw notNow(`${phase} comes after ${known}, which is not done`, '`statectl rescue continue` leaves a phase out');
  return from(phase);
}

/** The words that go on behind the failed phase. At a breakpoint any answer will do. */
export function continueAnswer(state: RescueState): string {
  if (state.kind === 'break') return '';
  if (state.kind === 'asked') return from('cmdline');
  if (state.kind !== 'failed') throw notNow(sayState(state), '`statectl rescue retry` begins anew');
  const next = phaseAfter(state.phase);
  if (next === undefined)
    throw notNow(
      `${state.phase} cannot be left out: nothing works without it`,
      'mend what it says, then `statectl rescue retry`',
    );
  return from(next);
}

const notNow = (message: string, hint: string): StatectlError => new StatectlError('rescue-not-now', message, { hint });
