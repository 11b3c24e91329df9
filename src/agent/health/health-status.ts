import { isMapping } from '../../host/record.ts';
import type { CheckResult, Gate } from './gate.ts';

/** What is done about a gate that failed. */
export type GateAnswer =
  /** The machine reboots. */
  | { readonly kind: 'reboots' }
  /** It waits for who must not be disturbed: names of locks, with what they are for. */
  | { readonly kind: 'held'; readonly by: readonly string[] }
  /** It stays up, for this reason. */
  | { readonly kind: 'stays'; readonly why: string };

export interface CheckStatus extends Omit<CheckResult, 'run'> {
  /** Unix ms; since when it is as it is. */
  readonly sinceMs: number;
}

/** The health of this system, for `statectl status`, the reports and the agent after this one. */
export interface HealthStatus {
  readonly gate: Gate;
  /** Unix ms: when the gate became what it is. */
  readonly atMs: number;
  readonly checks: readonly CheckStatus[];
  /** Absent where the gate has not failed. */
  readonly answer?: GateAnswer;
}

/**
 * The gate as the agent before left it in RAM: its time goes on, and what it saw good has to show itself anew, since nobody looked
 * meanwhile. Pure.
 */
export function gateBefore(before: HealthStatus | undefined, nowMs: number): Gate {
  const gate: unknown = before?.gate;
  if (!isMapping(gate) || !isPast(gate.sinceMs, nowMs)) return { state: 'waiting', sinceMs: nowMs };
  const { state, sinceMs, changedMs, failed } = gate;
  if ((state !== 'started' && state !== 'failed') || !isPast(changedMs, nowMs)) return { state: 'waiting', sinceMs };
  if (state === 'started') return { state, sinceMs, changedMs };
  const { check, reason } = isMapping(failed) ? failed : {};
  if (typeof check !== 'string' || typeof reason !== 'string') return { state: 'waiting', sinceMs };
  return { state, sinceMs, changedMs, failed: { check, reason } };
}

const isPast = (value: unknown, nowMs: number): value is number =>
  typeof value === 'number' && value >= 0 && value <= nowMs;

/** Since when each is as it is. Pure. */
export const checkStatus = (
  results: readonly CheckResult[],
  before: readonly CheckStatus[],
  nowMs: number,
): readonly CheckStatus[] =>
  results.map(({ run: _, ...result }) => {
    const was = before.find(({ name, need }) => name === result.name && need === result.need);
    const isSame = was !== undefined && (was.why === undefined) === (result.why === undefined);
    return { ...result, sinceMs: isSame ? was.sinceMs : nowMs };
  });
