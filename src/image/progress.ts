import type { Host } from '../host/host.ts';
import { formatSize } from './format-size.ts';

/** Where somebody watches: often enough to look alive. */
const REDRAW_MS = 200;
/** In a log: rarely enough to be read. */
const LINE_MS = 5000;
/** Before, the time left is a guess. */
const ESTIMATE_AFTER_MS = 2000;

export interface Amount {
  readonly done: number;
  /** Left out where nobody knows. */
  readonly total?: number;
}

/** Takes how far the work is, as often as the worker likes. */
export type Report = (amount: Amount) => void;

/** What is counted: bytes, or things with this name. */
export type Unit = 'bytes' | 'blocks' | 'files' | 'packages';

function formatDuration(ms: number): string {
  const seconds = Math.round(ms / 1000);
  return seconds < 100 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

function formatAmount({ done, total }: Amount, unit: Unit): string {
  const counted = (count: number) => (unit === 'bytes' ? formatSize(count) : `${count} ${unit}`);
  if (total === undefined || total === 0) return counted(done);
  return `${Math.min(100, Math.floor((done / total) * 100))} % of ${counted(total)}`;
}

/** By the pace since the first report: what comes before it, such as looking things up, has another. */
function formatTime({ done, total }: Amount, first: Amount & { readonly atMs: number }, nowMs: number): string {
  const [tookMs, made] = [nowMs - first.atMs, done - first.done];
  if (total === undefined || made <= 0 || tookMs < ESTIMATE_AFTER_MS) return '';
  return `, ${formatDuration((tookMs * Math.max(0, total - done)) / made)} left`;
}

/**
 * Does long work and tells how far it is: on a terminal by a line that is rewritten, else by a line every few seconds.
 * Ends with one line that says how long it took.
 */
export async function withProgress<T>(
  { clock, console }: Pick<Host, 'clock' | 'console'>,
  title: string,
  unit: Unit,
  work: (report: Report) => Promise<T>,
): Promise<T> {
  const startMs = clock.uptimeMs();
  let toldMs = startMs;
  let first: (Amount & { readonly atMs: number }) | undefined;
  let last: Amount | undefined;
  console.status?.(`${title} …`);
  const report: Report = (amount) => {
    last = amount;
    const nowMs = clock.uptimeMs();
    first ??= { ...amount, atMs: nowMs };
    if (nowMs - toldMs < (console.status ? REDRAW_MS : LINE_MS)) return;
    toldMs = nowMs;
    const text = `${title}: ${formatAmount(amount, unit)}${formatTime(amount, first, nowMs)}`;
    if (console.status) console.status(text);
    else console.line('info', text);
  };
  try {
    const result = await work(report);
    const all = last ? `${formatAmount({ done: last.total ?? last.done }, unit)} in ` : 'done in ';
    console.line('info', `${title}: ${all}${formatDuration(clock.uptimeMs() - startMs)}`);
    return result;
  } catch (error) {
    console.line('info', `${title}: stopped after ${formatDuration(clock.uptimeMs() - startMs)}`);
    throw error;
  }
}

/** Cuts what a program prints into lines, ended by a line feed or, where it redraws one, by a carriage return. */
export function byLine(hear: (line: string) => void): (text: string) => void {
  let rest = '';
  return (text) => {
    const lines = (rest + text).split(/[\r\n]/);
    rest = lines.pop() ?? '';
    for (const line of lines) if (line !== '') hear(line);
  };
}
