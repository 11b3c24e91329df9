import { StatectlError } from '../../error.ts';
import { isMapping, parseRecord } from '../../host/record.ts';

/** What must not be disturbed, by whom and until when. Times are Unix ms. */
export interface Lock {
  readonly name: string;
  /** Who says so: a program, or a person. */
  readonly holder: string;
  /** What is going on. */
  readonly what: string;
  /** The process that the lock ends with; absent: it ends by its time alone. */
  readonly pid?: number;
  /** When that process started, as /proc says it. */
  readonly start?: string;
  readonly sinceMs: number;
  readonly untilMs: number;
}

/** Where config.d says nothing else. */
export const LOCK_LIMIT_MS = 3 * 86_400_000;

const NAME = /^[a-z0-9][a-z0-9_.-]{0,99}$/;

/** A name of a lock is that of its file. Throws `lock-name`. */
export function lockName(name: string): string {
  if (NAME.test(name)) return name;
  throw new StatectlError('lock-name', `"${name}" is no name of a lock`, {
    hint: 'small letters, digits, "-", "_" and ".", a letter or digit first, at most 100',
  });
}

/** The lock of a printer. */
export const printLock = (printer: string): string => `print-${printer}`;
export const isPrintLock = (name: string): boolean => name.startsWith('print-');

/** As a file says it: times are for people, too; `uptimeMs`, when it is written, is of the clock that nobody sets. Pure. */
export const lockText = ({ name: _, sinceMs, untilMs, ...lock }: Lock, uptimeMs: number): string =>
  `${JSON.stringify({ ...lock, since: new Date(sinceMs).toISOString(), until: new Date(untilMs).toISOString(), uptimeMs })}\n`;

/** What both clocks say. */
export interface Now {
  readonly nowMs: number;
  readonly uptimeMs: number;
}

/** The clocks of a process and of a disk differ by less; whoever sets a clock that was wrong by less changes no lock. */
const SET_MS = 60_000;

/** By how much the clock was set since a file was written: a machine without one begins in 1970, and prints. */
function setByMs(madeMs: number, writtenUptimeMs: unknown, { nowMs, uptimeMs }: Now): number {
  if (typeof writtenUptimeMs !== 'number') return 0;
  const byMs = nowMs - madeMs - (uptimeMs - writtenUptimeMs);
  return Math.abs(byMs) < SET_MS ? 0 : byMs;
}

interface LockRecord {
  readonly holder: string;
  readonly what: string;
  readonly pid?: unknown;
  readonly start?: unknown;
  readonly since: string;
  readonly until: string;
  readonly uptimeMs?: unknown;
}

/**
 * What a file of root says. One that is no lock as this version writes it is meant as one all the same (`touch` is enough): it
 * counts for as long as a lock may, from when it was written. Pure.
 */
export function readLock(name: string, text: string, madeMs: number, limitMs: number, now: Now): Lock {
  try {
    const { holder, what, pid, start, since, until, uptimeMs } = parseRecord<LockRecord>(text, {
      ...{ holder: 'text', what: 'text', since: 'text', until: 'text' },
    });
    const byMs = setByMs(madeMs, uptimeMs, now);
    const [sinceMs, untilMs] = [Date.parse(since) + byMs, Date.parse(until) + byMs];
    if (Number.isNaN(sinceMs) || Number.isNaN(untilMs)) throw new Error('has no times');
    return {
      ...{ name, holder: short(holder), what: short(what), sinceMs },
      // Whatever it says: a lock that nobody renews ends.
      untilMs: Math.min(untilMs, madeMs + byMs + limitMs),
      ...(Number.isSafeInteger(pid) && Number(pid) > 0 && { pid: Number(pid) }),
      ...(typeof start === 'string' && { start }),
    };
  } catch {
    return { name, holder: 'root', what: 'a file that says no more', sinceMs: madeMs, untilMs: madeMs + limitMs };
  }
}

/** A lock that another process read, as it stands in a record of this program. */
export const isLock = (value: unknown): value is Lock =>
  isMapping(value) &&
  [value.name, value.holder, value.what].every((text) => typeof text === 'string') &&
  [value.sinceMs, value.untilMs].every((time) => typeof time === 'number');

/** Longer texts are somebody's joke. */
export const short = (text: string): string => (text.length > 200 ? `${text.slice(0, 199)}…` : text);

/** Why it holds no more; undefined: it holds. `start` is that of the process that has its number now. Pure. */
export function whyDead(lock: Lock, nowMs: number, start: string | undefined): string | undefined {
  if (lock.untilMs <= nowMs) return `it was until ${new Date(lock.untilMs).toISOString()}`;
  if (lock.pid === undefined) return undefined;
  if (start === undefined) return `process ${lock.pid} is gone`;
  return lock.start !== undefined && lock.start !== start ? `process ${lock.pid} is another one now` : undefined;
}
