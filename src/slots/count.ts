import {
  type CycleState,
  otherSlot,
  type Past,
  type SlotRecord,
  shortened,
  type Verdict,
  WORDS,
  withSlot,
} from './cycle-state.ts';
import type { JudgedAttempt } from './verdict.ts';

export interface Tries {
  /** Failed starts in a row of a system that was healthy once, and of one that never was. */
  readonly image: number;
  readonly update: number;
}

const DAY_MS = 86_400_000;
export const LIMITS = {
  /** Silent starts in a row that count as a failed one. */
  interrupted: 6,
  /** Within a day. */
  crashes: 3,
  stopFailed: 3,
  /** Failed starts in a row of a bad system that is booted since nothing else is there. */
  lastFailed: 3,
  /** Stops in order in a row of a system that never says that it started: it is only told. */
  quiet: 6,
  /** It is only told. */
  unclean: 20,
  /** Of one image, until it is healthy. */
  repairs: 2,
  past: 10,
  denied: 8,
} as const;

export interface Counted {
  readonly state: CycleState;
  readonly verdict: Verdict;
  /** What is to be told besides the verdict. */
  readonly notes: readonly string[];
}

/** How many failed starts in a row it has. */
const triesOf = ({ healthyCycles }: Pick<SlotRecord, 'healthyCycles'>, tries: Tries): number =>
  healthyCycles === 0 ? tries.update : tries.image;

/** All streaks are over. */
const NO_STREAKS = { failed: 0, interrupted: 0, unclean: 0, stopFailed: 0, crashes: [], repairs: 0 } as const;

/** The state once the open attempt was judged: its streaks, whether its image is bad, its flag. Pure. */
export function countAttempt(
  state: CycleState,
  judged: JudgedAttempt,
  nowMs: number | undefined,
  tries: Tries,
): Counted {
  const { attempt, ...closed } = state;
  const record = attempt && state[attempt.slot];
  if (!attempt || !record) return { state: closed, verdict: judged.verdict, notes: [] };
  const { slot, cycle } = attempt;
  const other = state[otherSlot(slot)];
  const notes: string[] = [];
  const started = !['FAILED_START', 'INTERRUPTED', 'DELIBERATE'].includes(judged.verdict);
  const { why, check } = judged;
  const done = (next: SlotRecord, verdict: Verdict, more: Partial<CycleState> = {}): Counted => {
    const past: Past = {
      cycle,
      slot,
      verdict,
      why: shortened(why, WORDS.why),
      ...(attempt.atMs !== undefined && { atMs: attempt.atMs }),
    };
    const told = { ...withSlot(closed, slot, next), ...more, past: [...closed.past, past].slice(-LIMITS.past) };
    return { state: started ? { ...withoutEnvironment(told), tells: true } : told, verdict, notes };
  };
  const bad = (next: SlotRecord, verdict: Verdict, reason: string): Counted => {
    notes.push(`slot ${slot} is bad: ${reason}`);
    return done(marked(next, 'BAD', reason), verdict, {
      denied: withDenied(closed.denied, record.digest),
    });
  };
  /** A start in between ends the rows of those that failed. */
  const ran: SlotRecord = started ? { ...withoutQuiet(record), failed: 0, interrupted: 0 } : record;

  const failedStart = (from: SlotRecord, verdict: Verdict, reason: string): Counted => {
    const failed = from.failed + 1;
    const name = check === undefined ? undefined : shortened(check, WORDS.check);
    const { check: _check, ...rest } = from;
    const next: SlotRecord = { ...rest, failed, interrupted: 0, ...(name !== undefined && { check: name }) };
    if (name !== undefined && (state.environment === name || (other?.state === 'BAD' && other.check === name))) {
      notes.push(
        `both systems fail the same check (${name}): it is what is around this machine, and nothing is switched`,
      );
      return environment(next, name);
    }
    const most = triesOf(record, tries);
    if (failed < most) return done(next, verdict);
    return bad(
      next,
      verdict,
      failed === 1 ? `a failed start: ${reason}` : `${failed} failed starts in a row, the last: ${reason}`,
    );
  };
  /** What failed by the same check is pardoned, once until something starts, and what is bad otherwise never: or this would not end. */
  const environment = (next: SlotRecord, name: string): Counted => {
    const isSame = other?.state === 'BAD' && other.check === name && state.environment === undefined;
    const pardoned = isSame ? pardon(other) : undefined;
    const mayCome = [record.digest, pardoned?.digest];
    const cleared = done({ ...next, failed: 0 }, 'ENVIRONMENT', {
      environment: name,
      denied: closed.denied.filter((digest) => !mayCome.includes(digest)),
    });
    return pardoned ? { ...cleared, state: withSlot(cleared.state, otherSlot(slot), pardoned) } : cleared;
  };

  switch (judged.verdict) {
    case 'HEALTHY': {
      const { why: _why, check: _check, ...healthy } = ran;
      const times = attempt.atMs === undefined ? {} : { firstMs: record.firstMs ?? attempt.atMs, lastMs: attempt.atMs };
      return done(
        {
          ...healthy,
          ...NO_STREAKS,
          crashes: [],
          ...times,
          state: 'GOOD',
          healthyCycles: record.healthyCycles + 1,
          lastHealthy: cycle,
        },
        'HEALTHY',
      );
    }
    case 'UNCLEAN_STOP': {
      const unclean = record.unclean + 1;
      if (unclean >= LIMITS.unclean) notes.push(`slot ${slot} was not stopped in order ${unclean} times in a row`);
      return done({ ...ran, unclean }, 'UNCLEAN_STOP');
    }
    case 'HUNG_STOP': {
      const next = { ...ran, stopFailed: record.stopFailed + 1 };
      if (next.stopFailed < LIMITS.stopFailed) return done(next, 'HUNG_STOP');
      return bad(next, 'HUNG_STOP', `it hung ${next.stopFailed} times as it stopped`);
    }
    case 'CRASHED': {
      // By a clock that jumped, or none, each counts until the system is healthy again.
      const isRecent = (atMs: number) => atMs === 0 || nowMs === undefined || Math.abs(nowMs - atMs) <= DAY_MS;
      // What is bad by them stays so: it may be booted since nothing else is there.
      const counted = record.state === 'BAD' ? record.crashes : record.crashes.filter(isRecent);
      const crashes = [...counted, attempt.atMs ?? 0].slice(-LIMITS.crashes);
      if (crashes.length < LIMITS.crashes) return done({ ...ran, crashes }, 'CRASHED');
      return bad({ ...ran, crashes }, 'CRASHED', `${crashes.length} crashes within a day, the last: ${why}`);
    }
    case 'FAILED_START':
      return failedStart(record, 'FAILED_START', why);
    case 'INTERRUPTED': {
      if (judged.stood === 'orderly') {
        const quiet = (record.quiet ?? 0) + 1;
        if (quiet >= LIMITS.quiet) notes.push(`slot ${slot} ${saysNothing(quiet)}`);
        return done({ ...record, quiet }, 'INTERRUPTED');
      }
      const counts = (judged.stood === 'long' || judged.stood === 'unknown') && state.tells;
      if (!counts) return done(record, 'INTERRUPTED');
      const interrupted = record.interrupted + 1;
      if (judged.stood === 'unknown') notes.push('this machine has no clock: silent starts are counted, however short');
      if (interrupted < LIMITS.interrupted) return done({ ...record, interrupted }, 'INTERRUPTED');
      notes.push(`${interrupted} silent starts in a row count as one that failed`);
      return failedStart(record, 'FAILED_START', `nothing was heard of ${interrupted} starts in a row`);
    }
    case 'DELIBERATE':
      return done(record, 'DELIBERATE');
  }
}

/** It may well do what it is for, so it is not left for it; nothing would be known of it for ever. Pure. */
export const saysNothing = (times: number): string =>
  `was stopped in order ${times} times in a row and never said that it had started: does statectl's agent run in it?`;

const withoutQuiet = ({ quiet: _told, ...record }: SlotRecord): SlotRecord => record;
const withoutEnvironment = ({ environment: _gone, ...state }: CycleState): CycleState => state;

/** With this image among those that are not installed again. Pure. */
export const withDenied = (denied: readonly string[], digest: string): string[] =>
  [...denied.filter((each) => each !== digest), digest].slice(-LIMITS.denied);

/** As before it failed. Pure. */
export function pardon(record: SlotRecord): SlotRecord {
  const { why: _why, ...rest } = record;
  return { ...rest, ...NO_STREAKS, crashes: [], state: record.healthyCycles > 0 ? 'GOOD' : 'FRESH' };
}

/** A person's word, or damage: it is not booted, and its image not installed again where that is what is wrong. Pure. */
export const marked = (record: SlotRecord, state: 'BAD' | 'INVALID', why: string): SlotRecord => ({
  ...record,
  state,
  why: shortened(why, WORDS.why),
});
