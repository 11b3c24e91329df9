import type { Attempt, Verdict } from './cycle-state.ts';

/** What tells how an attempt ended, each by itself. Of the attempt's boot alone. */
export interface AttemptEvidence {
  readonly alive?: { readonly uptimeMs: number; readonly gateMs?: number | undefined };
  readonly started?: { readonly atMs: number };
  readonly failed?: { readonly atMs: number; readonly check: string; readonly reason: string };
  readonly stopping?: { readonly atMs: number };
  /** Both that and a clean disk, as a boot found it that could not judge. */
  readonly closed?: { readonly atMs: number };
  readonly deliberate?: { readonly by: string };
  /** The state file system was left clean; undefined: it does not say. */
  readonly clean?: boolean;
  /** The last words of a kernel that died. */
  readonly panic?: string;
  /** The hardware watchdog started the machine again. */
  readonly watchdogReset?: boolean;
}

/** The start that follows. */
export interface NextStart {
  /** Undefined: the machine has no clock. */
  readonly nowMs?: number | undefined;
}

export interface JudgedAttempt {
  /** ENVIRONMENT is what both systems' failures add up to: `count.ts`. */
  readonly verdict: Exclude<Verdict, 'ENVIRONMENT'>;
  readonly why: string;
  /** The health check that failed. */
  readonly check?: string;
  /** Of INTERRUPTED: how long it may have stood there before the next start. `orderly`: it was brought down, not cut. */
  readonly stood?: 'short' | 'long' | 'unknown' | 'orderly';
}

/** No clock that both starts had shows more between them: it jumped. */
const LONGEST_BETWEEN_MS = 366 * 86_400_000;

/** How an attempt ended. Pure. */
export function judgeAttempt(said: AttemptEvidence, attempt: Attempt, next: NextStart): JudgedAttempt {
  const { started, failed, closed, stopping = closed, deliberate, panic } = said;
  const clean = closed ? true : said.clean;
  const died =
    panic !== undefined ? `the kernel died: ${panic}` : said.watchdogReset ? 'the watchdog reset it' : undefined;
  // A gate that watches on takes back what it said; one that passed late had failed before.
  const tookBack = started !== undefined && failed !== undefined && failed.atMs >= started.atMs;
  if (started && !tookBack) {
    if (stopping && clean !== false) return { verdict: 'HEALTHY', why: 'it started, and stopped in order' };
    if (stopping && died) return { verdict: 'HUNG_STOP', why: `it did not come to the end of its stop: ${died}` };
    if (stopping) return { verdict: 'UNCLEAN_STOP', why: 'its services had ended, and its disk was not left clean' };
    if (died) return { verdict: 'CRASHED', why: died };
    return { verdict: 'UNCLEAN_STOP', why: 'it was cut off after it had started' };
  }
  if (failed) return { verdict: 'FAILED_START', why: `health: ${failed.check}: ${failed.reason}`, check: failed.check };
  if (deliberate) return { verdict: 'DELIBERATE', why: `${deliberate.by} ended it before it had started` };
  if (died) return { verdict: 'FAILED_START', why: died };
  if (overstayed(said, attempt))
    return { verdict: 'FAILED_START', why: 'it ran longer than its health may take, and never was healthy' };
  const stood = stopping ? 'orderly' : stoodBefore(attempt, next);
  return { verdict: 'INTERRUPTED', why: INTERRUPTED[stood], stood };
}

const INTERRUPTED = {
  short: 'it was cut off before it had started',
  long: 'nothing more was heard of it, and the machine stood long before its next start',
  unknown: 'nothing more was heard of it, and no clock tells how long the machine stood',
  orderly: 'it was brought down in order before it had started',
} as const;

/** What a boot takes until it asks for the system's health is not the system's. */
const overstayed = ({ alive }: AttemptEvidence, { uptimeMs, windowMs }: Attempt): boolean =>
  alive !== undefined && (alive.gateMs ?? alive.uptimeMs - uptimeMs) > windowMs;

function stoodBefore({ atMs, windowMs }: Attempt, { nowMs }: NextStart): 'short' | 'long' | 'unknown' {
  if (atMs === undefined || nowMs === undefined) return 'unknown';
  const between = nowMs - atMs;
  if (between < 0 || between > LONGEST_BETWEEN_MS) return 'unknown';
  return between > windowMs ? 'long' : 'short';
}
