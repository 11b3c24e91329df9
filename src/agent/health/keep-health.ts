import { isDeepStrictEqual } from 'node:util';
import { reasonOf } from '../../error.ts';
import type { Host } from '../../host/host.ts';
import { type Cycle, dropEvidence, writeEvidence } from '../../slots/evidence.ts';
import { type CheckResult, deadlineOf, failing, type Gate, type GateLimits, nextGate, nextLookMs } from './gate.ts';
import type { GoingDown } from './going-down.ts';
import { checkStatus, type GateAnswer, type HealthStatus } from './health-status.ts';
import type { Look } from './look.ts';

export interface KeepHealthOptions {
  readonly gate: Gate;
  /** What this boot has on the disk already. */
  readonly left?: Gate['state'] | undefined;
  readonly limits: GateLimits;
  /** Absent: this machine keeps no cycle. Nothing is left for the next boot, and nothing is rebooted. */
  readonly cycle?: Cycle;
  readonly look: Look;
  /** Who must not be disturbed, each in a few words. */
  readonly holding: () => Promise<readonly string[]>;
  readonly reboot: (signal: AbortSignal) => Promise<void>;
  readonly goingDown: (signal: AbortSignal) => Promise<GoingDown | undefined>;
  readonly status: () => HealthStatus | undefined;
  readonly tell: (status: HealthStatus) => Promise<void>;
  readonly report: (about: object) => void;
}

/** So long a report has to leave before the machine does. */
const REPORT_MS = 5_000;
/** A reboot that did not come. */
const REBOOT_AGAIN_MS = 10 * 60_000;
const NEVER_MS = 24 * 60 * 60_000;
/** What is asked when the agent is being stopped. */
const STOP_MS = 20_000;

/**
 * Looks at the system until it counts as started or as failed, leaves for the next boot which, and reboots a machine that failed
 * unless somebody must not be disturbed. One that started is watched for an hour, and what fails then is told. Ends with the
 * signal alone; a system that ends before its gate is done leaves word that somebody wanted it so.
 */
export async function keepHealth(
  host: Pick<Host, 'files' | 'clock' | 'console'>,
  options: KeepHealthOptions,
  signal: AbortSignal,
): Promise<never> {
  const kept: Kept = { gate: options.gate, names: [], left: options.left };
  try {
    for (;;) await lookOnce(host, options, kept, signal);
  } catch (error) {
    if (signal.aborted && kept.gate.state === 'waiting') await leaveWord(host, options);
    throw error;
  }
}

interface Kept {
  gate: Gate;
  /** Names of what was looked at last. */
  names: readonly string[];
  /** What is on the disk already. */
  left?: Gate['state'] | undefined;
  isLeavingTold?: boolean;
  rebootedMs?: number;
  isFailingTold?: boolean;
}

async function lookOnce(
  host: Pick<Host, 'files' | 'clock' | 'console'>,
  options: KeepHealthOptions,
  kept: Kept,
  signal: AbortSignal,
): Promise<void> {
  const { clock } = host;
  const { limits, look } = options;
  const before = options.status();
  const results = await withinTime(clock, kept.gate, limits, signal, (deadline) => look(deadline, signal)).catch(
    (error: unknown): readonly CheckResult[] => {
      signal.throwIfAborted();
      return [{ name: 'look', need: 'required', why: reasonOf(error) }];
    },
  );
  kept.names = results.filter(({ need }) => need === 'required').map(({ name }) => name);
  const was = kept.gate;
  kept.gate = nextGate(was, results, clock.uptimeMs(), limits);
  const isNews = kept.gate.state !== was.state;
  const checks = checkStatus(results, before?.checks ?? [], clock.now());
  const base = { gate: kept.gate, checks, atMs: isNews ? clock.now() : (before?.atMs ?? clock.now()) };
  const told = (answer?: GateAnswer) => tellOnce(options, { ...base, ...(answer && { answer }) });
  await leave(host, options, kept);
  const bad = failing(results);
  if (kept.gate.state === 'started') {
    await told();
    if (isNews) options.report({ state: 'started', afterMs: clock.uptimeMs() - kept.gate.sinceMs });
    else if ((bad !== undefined) !== (kept.isFailingTold ?? false))
      options.report(bad ? { state: 'failing', check: bad.name, reason: bad.why } : { state: 'good again' });
    kept.isFailingTold = bad !== undefined;
  } else if (kept.gate.state === 'failed') {
    const answer = await answerOf(options);
    await told(answer);
    if (isNews || before?.answer?.kind !== answer.kind) {
      const about = { ...kept.gate.failed, answer: answer.kind, ...(answer.kind === 'held' && { heldBy: answer.by }) };
      options.report({ state: 'failed', ...about });
      host.console.line(
        'error',
        `this start of the system failed: ${kept.gate.failed?.check}: ${kept.gate.failed?.reason}`,
      );
    }
    if (answer.kind === 'reboots') await rebootOnce(host, options, kept, signal);
  } else await told();
  const nextMs = nextLookMs(kept.gate, clock.uptimeMs(), limits);
  await clock.sleep(nextMs === undefined ? NEVER_MS : nextMs - clock.uptimeMs(), signal);
}

const tellOnce = async ({ status, tell }: KeepHealthOptions, next: HealthStatus): Promise<void> => {
  if (!isDeepStrictEqual(status(), next)) await tell(next);
};

/** Nobody waits for a script when the time of the gate is over. */
async function withinTime<T>(
  clock: Host['clock'],
  gate: Gate,
  limits: GateLimits,
  signal: AbortSignal,
  task: (deadline: AbortSignal) => Promise<T>,
): Promise<T> {
  const leftMs = deadlineOf(gate, limits) - clock.uptimeMs();
  const late = new AbortController();
  const done = new AbortController();
  const stop = () => late.abort(signal.reason);
  signal.addEventListener('abort', stop, { once: true });
  if (gate.state === 'waiting' && leftMs > 0)
    void clock.sleep(leftMs, done.signal).then(
      () => late.abort(new Error('the time of the health gate is over')),
      () => undefined,
    );
  try {
    return await task(late.signal);
  } finally {
    signal.removeEventListener('abort', stop);
    done.abort();
  }
}

/** What came of the gate, on the disk; tried again at each look until the disk has it. */
async function leave(
  host: Pick<Host, 'files' | 'clock' | 'console'>,
  { cycle }: KeepHealthOptions,
  kept: Kept,
): Promise<void> {
  const { state, failed } = kept.gate;
  if (!cycle || state === 'waiting' || kept.left === state) return;
  try {
    if (state === 'failed')
      await writeEvidence(host, 'failed', cycle, { check: failed?.check || 'none', reason: failed?.reason ?? '' });
    else {
      // Of both, a boot would have to choose.
      await dropEvidence(host, 'failed');
      await writeEvidence(host, 'started', cycle, { checks: [...kept.names] });
    }
    kept.left = state;
  } catch (error) {
    if (!kept.isLeavingTold)
      host.console.line(
        'error',
        `that this start ${state === 'failed' ? 'failed' : 'was good'} is not on the disk: ${reasonOf(error)}`,
      );
    kept.isLeavingTold = true;
  }
}

/** What a machine does whose gate failed. */
async function answerOf({ cycle, holding }: KeepHealthOptions): Promise<GateAnswer> {
  if (!cycle) return { kind: 'stays', why: 'there is no other system here to boot' };
  if (cycle.verdict === 'ENVIRONMENT' || cycle.act === false)
    return { kind: 'stays', why: 'the other system failed by the same: another boot would not help' };
  const by = await holding();
  return by.length > 0 ? { kind: 'held', by } : { kind: 'reboots' };
}

async function rebootOnce(
  { clock, console }: Pick<Host, 'clock' | 'console'>,
  { reboot, holding }: KeepHealthOptions,
  kept: Kept,
  signal: AbortSignal,
): Promise<void> {
  if (kept.rebootedMs !== undefined && clock.uptimeMs() - kept.rebootedMs < REBOOT_AGAIN_MS) return;
  await clock.sleep(REPORT_MS, signal);
  // Who came meanwhile is waited for; the next look says so.
  if ((await holding()).length > 0) return;
  kept.rebootedMs = clock.uptimeMs();
  await reboot(signal).catch((error: unknown) => {
    signal.throwIfAborted();
    console.line('error', `the machine does not reboot: ${reasonOf(error)}`);
  });
}

/** The system ends before the gate was done: by a person's wish, or by a unit that failed. An agent that alone is stopped says nothing. */
async function leaveWord(
  host: Pick<Host, 'files' | 'clock' | 'console'>,
  { cycle, goingDown }: KeepHealthOptions,
): Promise<void> {
  if (!cycle) return;
  try {
    const how = await goingDown(AbortSignal.timeout(STOP_MS));
    if (how?.kind === 'asked') await writeEvidence(host, 'deliberate', cycle, { by: how.by });
    if (how?.kind === 'failed')
      await writeEvidence(host, 'failed', cycle, { check: `unit ${how.unit}`, reason: how.why });
  } catch (error) {
    host.console.line('warning', `that somebody ended the system is not on the disk: ${reasonOf(error)}`);
  }
}
