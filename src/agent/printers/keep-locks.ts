import { isDeepStrictEqual } from 'node:util';
import type { Host } from '../../host/host.ts';
import { inhibitors } from '../../machine/locks/inhibitors.ts';
import { isPrintLock, type Lock, printLock } from '../../machine/locks/lock.ts';
import { dropLock, readLocks, writeLock } from '../../machine/locks/lock-folder.ts';
import { isBusy, type PrinterState } from './printer-state.ts';
import type { Prints } from './prints.ts';

export interface KeepLocksOptions {
  readonly prints: Prints;
  readonly limitMs: number;
  /** This agent: whose process the lock has where nobody says Klipper's. */
  readonly self: Pick<Lock, 'pid' | 'start'>;
  /** What holds now. */
  readonly tell: (locks: readonly Lock[]) => Promise<void>;
  /** The last lock is gone: what waited for it can be done. */
  readonly free: () => void;
}

const LOOK_MS = 60_000;
/** However often a printer says something else. */
const LEAST_MS = 1_000;

/**
 * Holds a lock for each print, drops it afterwards, and drops every lock whose holder is dead or whose time is over. A print that
 * goes on renews its lock; one that is paused does not, so that a forgotten one does not hold the machine for ever.
 */
export async function keepLocks(
  host: Pick<Host, 'files' | 'exec' | 'clock' | 'console'>,
  options: KeepLocksOptions,
  signal: AbortSignal,
): Promise<never> {
  const { prints, limitMs, tell, free } = options;
  let before: readonly Lock[] = [];
  const seen: Seen = new Map();
  for (;;) {
    const { held } = await readLocks(host, limitMs);
    await keepPrints(host, options, seen, held);
    const now = await readLocks(host, limitMs);
    for (const { lock, why } of now.dead) {
      host.console.line('warning', `the lock ${lock.name} (${lock.holder}: ${lock.what}) is dropped: ${why}`);
      await dropLock(host, lock.name);
    }
    const others = await inhibitors(host, before, limitMs);
    const locks = [...now.held, ...others.locks.filter(({ untilMs }) => untilMs > host.clock.now())];
    await tell(locks);
    if (before.length > 0 && locks.length === 0) free();
    // One that is over stays known, or it would begin anew.
    before = [...now.held, ...others.locks];
    await host.clock.sleep(LEAST_MS, signal);
    await prints.changed.wait(LOOK_MS, signal);
  }
}

/** Since when each printer is as it is, by the clock that nobody sets. */
type Seen = Map<string, { readonly state: string; readonly fromMs: number }>;

async function keepPrints(
  host: Pick<Host, 'files' | 'clock'>,
  { prints, limitMs, self }: KeepLocksOptions,
  seen: Seen,
  held: readonly Lock[],
): Promise<void> {
  const wanted = new Set<string>();
  for (const [printer, state] of Object.entries(prints.states())) {
    const name = printLock(printer);
    const key = `${state.state} ${state.file}`;
    const uptimeMs = host.clock.uptimeMs();
    if (seen.get(printer)?.state !== key) seen.set(printer, { state: key, fromMs: uptimeMs });
    const leftMs = limitMs - (state.state === 'paused' ? uptimeMs - (seen.get(printer)?.fromMs ?? uptimeMs) : 0);
    if (!isBusy(state) || leftMs <= 0) continue;
    wanted.add(name);
    const there = held.find((each) => each.name === name);
    const lock: Lock = {
      ...{ name, holder: `${state.by ?? 'Klipper'} of ${printer}`, what: whatOf(state) },
      ...(state.pid === undefined || state.start === undefined ? self : { pid: state.pid, start: state.start }),
      sinceMs: there?.sinceMs ?? state.sinceMs,
      untilMs: host.clock.now() + leftMs,
    };
    if (!there || !isAsGood(there, lock, limitMs)) await writeLock(host, lock);
  }
  for (const { name } of held) if (isPrintLock(name) && !wanted.has(name)) await dropLock(host, name);
}

const whatOf = ({ state, file = 'a file' }: PrinterState): string =>
  state === 'paused' ? `${file} is paused` : `prints ${file}`;

/** It is not written each minute, and a clock that was set by years makes it no older. */
const isAsGood = (there: Lock, { untilMs, ...lock }: Lock, limitMs: number): boolean =>
  isDeepStrictEqual({ ...there, untilMs }, { ...lock, untilMs }) && Math.abs(there.untilMs - untilMs) < limitMs / 4;
