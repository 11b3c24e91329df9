import { setTimeout as sleep } from 'node:timers/promises';
import { QUEUE_LIMITS } from '../../../src/agent/reports/report-queue.ts';
import {
  fileOf,
  IS_CONNECTED,
  isReported,
  killAgent,
  lookInto,
  NOTHING_WAITS,
  type OutageLab,
  outageLab,
  queuedReports,
  untilInGuest,
} from './outage-guest.ts';

/** One look into the machine while its server is away. */
export interface OutageCheck {
  /** Since the server stopped. */
  readonly atS: number;
  /** How long a file of config.d that somebody damaged stayed so; undefined: nobody put it right. */
  readonly restoredS?: number;
  /** Of one (emulated) processor, since the check before. */
  readonly cpuShare?: number;
  /** Besides the program itself, which is shared with the file that it came from. */
  readonly memoryBytes: number;
  readonly queue: { readonly length: number; readonly bytes: number };
}

export interface Outage {
  readonly minutes: number;
  /** How long it took until an agent ran again after the first one was killed. */
  readonly killedS?: number;
  readonly checks: readonly OutageCheck[];
  /** Since the server started again; undefined: it never was. */
  readonly backS?: number;
  readonly reportsS?: number;
  readonly queued: number;
  readonly lost: number;
  readonly ordered: boolean;
  /** What should not be; empty: all is well. */
  readonly faults: readonly string[];
}

const MOST_MEMORY_BYTES = 64 << 20;
const MOST_CPU_SHARE = 0.1;
/** The agent looks every 45 to 75 s without a server. */
const RESTORED_MS = 150_000;
const CHECK_EVERY_MS = 60_000;
/** The longest wait of the agent is five minutes; its reports go by then. */
const BACK_MS = 7 * 60_000;
const SOON_MS = 30_000;

const secondsSince = (ms: number): number => (performance.now() - ms) / 1000;

/** Boots a machine, takes its server away for so long, and gives it back. Throws when the machine does not come so far. */
export async function measureOutage(minutes: number, say: (text: string) => void): Promise<Outage> {
  await using lab = await outageLab(Math.ceil(minutes) + 2, say);
  const { vm, server } = lab;
  const faults: string[] = [];
  const before = server.reports.length;
  await server.stop();
  say(`the server is away for ${minutes} min`);
  const endMs = performance.now() + minutes * 60_000;
  if (!(await untilInGuest(vm, isReported('server-lost'), RESTORED_MS)))
    faults.push('the agent did not notice that its server is away');
  const killedS = await killAgent(vm, RESTORED_MS);
  if (killedS === undefined) faults.push('the agent that was killed did not come again');
  const checks = await checksUntil(endMs, lab, minutes, faults, say);
  const came = await takeBack(lab, before, faults, say);
  return { minutes, ...(killedS !== undefined && { killedS }), checks, ...came, faults };
}

/** Damages a file of config.d every minute, and looks what becomes of it and of the machine. */
async function checksUntil(
  endMs: number,
  { vm }: OutageLab,
  minutes: number,
  faults: string[],
  say: (text: string) => void,
): Promise<readonly OutageCheck[]> {
  const stoppedMs = endMs - minutes * 60_000;
  const checks: OutageCheck[] = [];
  let before: { readonly cpuMs: number; readonly atMs: number } | undefined;
  while (performance.now() < endMs) {
    const beganMs = performance.now();
    const file = fileOf(checks.length + 1);
    await vm.run(`echo damaged > ${file}`);
    const isRestored = await untilInGuest(vm, `grep -q right ${file}`, RESTORED_MS);
    const restoredS = isRestored ? secondsSince(beganMs) : undefined;
    if (!isRestored) faults.push(`${file} was not put right in ${RESTORED_MS / 1000} s`);
    else if (!(await untilInGuest(vm, isReported(file), SOON_MS)))
      faults.push(`no report says that ${file} was put right`);
    const { cpuMs, failed, memoryBytes, queue } = await lookInto(vm);
    const atMs = performance.now();
    const check: OutageCheck = {
      ...{ atS: (atMs - stoppedMs) / 1000, memoryBytes, queue },
      ...(restoredS !== undefined && { restoredS }),
      ...(before && { cpuShare: (cpuMs - before.cpuMs) / (atMs - before.atMs) }),
    };
    before = { cpuMs, atMs };
    checks.push(check);
    faults.push(...faultsOf(check, failed));
    say(`${(check.atS / 60).toFixed(1)} min: ${queue.length} reports wait`);
    const restMs = Math.min(beganMs + CHECK_EVERY_MS, endMs) - performance.now();
    if (restMs > 0) await sleep(restMs);
  }
  return checks;
}

function faultsOf({ atS, memoryBytes, cpuShare = 0, queue }: OutageCheck, failed: string): readonly string[] {
  const at = `after ${(atS / 60).toFixed(1)} min`;
  const isBounded = queue.length <= QUEUE_LIMITS.reports && queue.bytes <= QUEUE_LIMITS.bytes;
  return [
    ...(failed === '' ? [] : [`${at} failed: ${failed}`]),
    ...(memoryBytes > 0 && memoryBytes < MOST_MEMORY_BYTES ? [] : [`${at} the agent had ${memoryBytes} bytes`]),
    ...(cpuShare < MOST_CPU_SHARE ? [] : [`${at} the agent took ${(cpuShare * 100).toFixed(0)} % of a processor`]),
    ...(isBounded ? [] : [`${at} ${queue.length} reports wait, ${queue.bytes} bytes`]),
  ];
}

/** Starts the server again, and compares what comes with what waited. */
async function takeBack(
  { vm, server, watch }: OutageLab,
  before: number,
  faults: string[],
  say: (text: string) => void,
): Promise<Pick<Outage, 'backS' | 'reportsS' | 'queued' | 'lost' | 'ordered'>> {
  const queued = await queuedReports(vm);
  await server.start();
  const startedMs = performance.now();
  say(`the server is there again; ${queued.length} reports wait`);
  const known = server.reports.slice(0, before).map(({ id }) => id);
  // The agent that came again tells the boot again, which the server keeps once.
  const wanted = [...new Set(queued.map(({ id }) => id))].filter((id) => !known.includes(id));
  const came = () => server.reports.map(({ id }) => id).filter((id) => wanted.includes(id));
  const allCame = watch
    .until(() => (came().length === wanted.length ? secondsSince(startedMs) : undefined), 'the reports', BACK_MS)
    .catch(() => undefined);
  const backS = (await untilInGuest(vm, IS_CONNECTED, BACK_MS)) ? secondsSince(startedMs) : undefined;
  if (backS === undefined) faults.push(`the agent did not come back to its server in ${BACK_MS / 60_000} min`);
  const reportsS = await allCame;
  const lost = wanted.length - came().length;
  const ordered = came().join() === wanted.filter((id) => came().includes(id)).join();
  if (lost > 0) faults.push(`${lost} reports were lost`);
  if (!ordered) faults.push('the reports came in another order');
  await untilInGuest(vm, NOTHING_WAITS, SOON_MS);
  const { queue, dropped, failed } = await lookInto(vm);
  if (queue.length > 0) faults.push(`${queue.length} reports still wait`);
  if (dropped > 0) faults.push(`${dropped} reports were dropped`);
  if (failed !== '') faults.push(`afterwards failed: ${failed}`);
  return {
    ...(backS !== undefined && { backS }),
    ...(reportsS !== undefined && { reportsS }),
    ...{ queued: wanted.length, lost, ordered },
  };
}
