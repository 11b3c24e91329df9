import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { PRINTER, type PrintGuest, printGuest } from '../../test/fixtures/print-host/print-guest.ts';
import { spreadOf } from './statistics.ts';

export interface LatencyOptions {
  readonly rounds: number;
  /** How long variables are saved, a thousand a minute. */
  readonly variablesS: number;
  readonly idleS: number;
  /** Of each run of the timer. */
  readonly timerS: number;
}

/** A print host in emulation: what it says is slower than any board. */
export interface Latency {
  readonly options: LatencyOptions;
  /** From Moonraker's or Klipper's yes to where the server has it, seconds. */
  readonly databaseS: readonly number[];
  readonly saveConfigS: readonly number[];
  readonly variablesS: readonly number[];
  readonly savedEachMinute: number;
  /** RssAnon of the agent, and of its children together. */
  readonly agentBytes: number;
  readonly childrenBytes: number;
  /** Of one emulated processor. */
  readonly idleCpuShare: number;
  /** p99.9 of how late a timer of 1 ms is, in ms: without the agent, and with one that ships a thousand variables a minute. */
  readonly timerMs: { readonly without: number; readonly beside: number };
}

const EACH_MS = 60;
const LOOK_MS = 10;
const SETTLE_MS = 3_000;
const PATIENCE_MS = 60_000;

export async function measureLatency(options: LatencyOptions, say: (text: string) => void): Promise<Latency> {
  await using guest = await printGuest('bench-print');
  await guest.startServer();
  await guest.enrol();
  await guest.boot();
  await guest.startPrograms();
  await guest.run('systemctl is-system-running --wait || true');
  say('the print host is up');
  const line = join(guest.state, 'state', PRINTER, 'line');
  const generations = async () =>
    (await readdir(join(line, 'database'))).filter((name) => name.endsWith('.json')).length;
  const head = async () =>
    readFile(join(guest.state, 'git', PRINTER, 'config.git/refs/heads/main'), 'utf8').catch(() => '');
  const saved = async () => {
    const text = await readFile(join(line, 'variables/last.json'), 'utf8').catch(() => '');
    return Number(/count = (\d+)/.exec(text)?.[1] ?? 0);
  };
  const databaseS: number[] = [];
  const saveConfigS: number[] = [];
  for (let round = 1; round <= options.rounds; round += 1) {
    await sleep(SETTLE_MS);
    const before = await generations();
    await guest.upload(`bench-${round}.gcode`, `; ${round}\nG4 P10\nM117\n`);
    databaseS.push(await untilS(async () => (await generations()) > before));
    await sleep(SETTLE_MS);
    const was = await head();
    await guest.gcode(`SKEW_PROFILE SAVE=c${round}`);
    await guest.gcode('SAVE_CONFIG');
    saveConfigS.push(await untilS(async () => (await head()) !== was));
  }
  say('databases and configs are measured');
  await sleep(SETTLE_MS);
  const variables = await measureVariables(guest, options.variablesS, saved);
  say('variables are measured');

  const pid = await guest.run('systemctl show -P MainPID statectl-agent');
  const anonymous = async (pids: string) =>
    Number(await guest.run(`cat ${pids} 2>/dev/null | awk '/^RssAnon/ { sum += $2 } END { print sum * 1024 }'`));
  const agentBytes = await anonymous(`/proc/${pid}/status`);
  const childrenBytes = await anonymous(`$(pgrep -P ${pid} | sed 's#.*#/proc/&/status#') /dev/null`);
  const cpuNs = async () => Number(await guest.run('systemctl show -P CPUUsageNSec statectl-agent'));
  await sleep(SETTLE_MS);
  const before = await cpuNs();
  await sleep(options.idleS * 1000);
  const idleCpuShare = ((await cpuNs()) - before) / 1e9 / options.idleS;
  say('an idle agent is measured');

  const late = async () => {
    const during = saveVariables(guest, options.timerS, 1);
    const ms = Number(await guest.run(timerScript(options.timerS)));
    await during;
    return ms;
  };
  // Twice each, alternating: other work of this machine hits both.
  const [beside, without]: [number[], number[]] = [[], []];
  for (let round = 0; round < 2; round += 1) {
    beside.push(await late());
    await guest.run('systemctl stop statectl-agent');
    without.push(await late());
    await guest.run('systemctl start statectl-agent');
    await sleep(SETTLE_MS);
  }
  const median = (values: readonly number[]) => spreadOf(values)?.median ?? Number.NaN;
  return {
    ...{ options, databaseS, saveConfigS, ...variables, agentBytes, childrenBytes, idleCpuShare },
    timerMs: { without: median(without), beside: median(beside) },
  };
}

/** Counts up in one variable, a thousand a minute. Gives when each was acknowledged. */
async function saveVariables(
  guest: PrintGuest,
  seconds: number,
  first: number,
  acknowledged: number[] = [],
): Promise<void> {
  const began = performance.now();
  for (let index = 0; performance.now() < began + seconds * 1000; index += 1) {
    await guest.gcode(`SAVE_VARIABLE VARIABLE=count VALUE=${first + index}`);
    acknowledged.push(performance.now());
    await sleep(Math.max(0, began + (index + 1) * EACH_MS - performance.now()));
  }
}

/** How long each value took to the server, where a later one counts for those before it. */
async function measureVariables(
  guest: PrintGuest,
  seconds: number,
  saved: () => Promise<number>,
): Promise<Pick<Latency, 'variablesS' | 'savedEachMinute'>> {
  const first = (await saved()) + 1;
  const acknowledged: number[] = [];
  const variablesS: number[] = [];
  const began = performance.now();
  const saving = saveVariables(guest, seconds, first, acknowledged);
  let isOver = false;
  void saving.then(() => {
    isOver = true;
  });
  while (!isOver || variablesS.length < acknowledged.length) {
    const there = Math.min((await saved()) - first + 1, acknowledged.length);
    const nowMs = performance.now();
    while (variablesS.length < there) variablesS.push((nowMs - (acknowledged[variablesS.length] ?? nowMs)) / 1000);
    if (nowMs > began + seconds * 1000 + PATIENCE_MS) throw new Error('the server did not get the last variables');
    await sleep(LOOK_MS);
  }
  await saving;
  return { variablesS, savedEachMinute: (acknowledged.length / seconds) * 60 };
}

/** Seconds until it is true. Throws after a minute. */
async function untilS(isTrue: () => Promise<boolean>): Promise<number> {
  const began = performance.now();
  while (!(await isTrue())) {
    if (performance.now() - began > PATIENCE_MS) throw new Error('the server did not get it within a minute');
    await sleep(LOOK_MS);
  }
  return (performance.now() - began) / 1000;
}

/** clock_gettime(CLOCK_MONOTONIC) by its number of x86-64: perl-base has no module for it. Prints p99.9 of the lateness in ms. */
const timerScript = (seconds: number): string => `perl -e '
  sub now { my $t = pack("qq", 0, 0); syscall(228, 1, $t); my ($s, $n) = unpack("qq", $t); $s * 1e3 + $n / 1e6 }
  my $end = now() + ${seconds * 1000}; my @late;
  while (now() < $end) { my $from = now(); select(undef, undef, undef, 0.001); push @late, now() - $from - 1 }
  @late = sort { $a <=> $b } @late; printf "%.3f", $late[int($#late * 0.999)]'`;
