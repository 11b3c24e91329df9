import { entryOf } from '../../entry-of.ts';

/** What one look at the system found of one thing. */
export interface CheckResult {
  /** `root`, `service klipper`, `script 10-camera`. */
  readonly name: string;
  /** A wanted one is told, and decides nothing. */
  readonly need: 'required' | 'wanted';
  /** Why it is not as it must be; absent: it is. */
  readonly why?: string;
  /** What is worth knowing of one that is. */
  readonly note?: string;
  /** Which run of it this is: what was started anew has not stayed, however good it looks each time. */
  readonly run?: string;
}

/** How far the system came, by the uptime: a clock that is set by years changes nothing. */
export interface Gate {
  readonly state: 'waiting' | 'started' | 'failed';
  /** When it was first asked for. */
  readonly sinceMs: number;
  /** Since when all that is required is good, without a break. */
  readonly goodMs?: number;
  readonly runs?: Readonly<Record<string, string>>;
  /** When it became what it is. */
  readonly changedMs?: number;
  readonly failed?: { readonly check: string; readonly reason: string };
}

export interface GateLimits {
  readonly timeoutMs: number;
  readonly stableMs: number;
}

/** By the time it is to be good: one that is good then may still show that it stays so. */
export const deadlineOf = ({ sinceMs }: Pick<Gate, 'sinceMs'>, { timeoutMs }: GateLimits): number =>
  sinceMs + timeoutMs;

/** The first that is required and not good. Pure. */
export const failing = (results: readonly CheckResult[]): CheckResult | undefined =>
  results.find(({ need, why }) => need === 'required' && why !== undefined);

/**
 * What a look makes of the gate. What is good stays so for `stableMs`: started. What is not good when the time is over: failed. One
 * that failed and was left alone (a print ran, nothing else is there to boot) starts late, when it is good after all: a working
 * machine is not thrown away. One that started stays so. Pure.
 */
export function nextGate(gate: Gate, results: readonly CheckResult[], nowMs: number, limits: GateLimits): Gate {
  if (gate.state === 'started') return gate;
  const runs = Object.fromEntries(
    results.flatMap(({ name, run }) => (run === undefined ? [] : [[name, run] as const])),
  );
  const { goodMs: wasGoodMs, runs: before = {}, ...rest } = gate;
  const anew =
    wasGoodMs === undefined
      ? undefined
      : Object.keys(runs).find((name) => entryOf(runs, name) !== entryOf(before, name));
  const isLate = nowMs >= deadlineOf(gate, limits);
  const bad =
    failing(results) ??
    (anew !== undefined && isLate ? { name: anew, why: 'it does not stay: it was started anew' } : undefined);
  if (bad) {
    if (gate.state === 'failed' || !isLate) return rest;
    return { ...rest, state: 'failed', changedMs: nowMs, failed: { check: bad.name, reason: bad.why ?? '' } };
  }
  const goodMs = anew === undefined ? (wasGoodMs ?? nowMs) : nowMs;
  if (nowMs - goodMs < limits.stableMs) return { ...rest, goodMs, runs };
  return { state: 'started', sinceMs: gate.sinceMs, changedMs: nowMs };
}

const LOOK_MS = 5_000;
/** One that failed and stays up may have a print to run, for hours. */
const FAILED_LOOK_MS = 30_000;
const WATCH_LOOK_MS = 60_000;
/** So long one that started is watched. */
const WATCH_MS = 60 * 60_000;

/** When to look again, by the uptime; undefined: never. Pure. */
export function nextLookMs(gate: Gate, nowMs: number, limits: GateLimits): number | undefined {
  if (gate.state === 'started') {
    const endMs = (gate.changedMs ?? nowMs) + WATCH_MS;
    return nowMs >= endMs ? undefined : Math.min(nowMs + WATCH_LOOK_MS, endMs);
  }
  // Neither the last moment nor the first is to be missed by a few seconds.
  const moments = [deadlineOf(gate, limits), (gate.goodMs ?? nowMs) + limits.stableMs].filter((ms) => ms > nowMs);
  return Math.min(nowMs + (gate.state === 'failed' ? FAILED_LOOK_MS : LOOK_MS), ...moments);
}
