import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import { type PrintGuest, printGuest } from '../../../test/fixtures/print-host/print-guest.ts';
import { DEMO } from '../../demo.ts';
import { spreadOf } from '../statistics.ts';

export interface AgentOptions {
  readonly idleS: number;
  /** Of each run of the timer. */
  readonly timerS: number;
}

/** What the agent of a print host takes, in emulation, which is slower than any board. */
export interface AgentCost {
  /** RssAnon of the agent, and of its children together. */
  readonly agentBytes: number;
  readonly childrenBytes: number;
  /** Of one emulated processor. */
  readonly idleCpuShare: number;
  /** How many times as much processor time the same program takes in emulation as on this machine. */
  readonly emulation: number;
  /** p99.9 of how late a timer of 1 ms is, in ms: without the agent, and with one that ships a thousand variables a minute. */
  readonly timerMs: { readonly without: number; readonly beside: number };
}

const EACH_MS = 60;
const SETTLE_MS = 3_000;
const IN_STEP_MS = 300_000;

export async function measureAgent({ idleS, timerS }: AgentOptions, say: (text: string) => void): Promise<AgentCost> {
  await using guest = await printGuest('bench-print');
  await guest.startServer();
  await guest.enrol();
  await guest.boot();
  await guest.startPrograms();
  await guest.upload('part.gcode', '; a part\nG4 P10\nM117\n');
  await guest.print('part.gcode');
  await guest.saveConfig('bench');
  await saveVariables(guest, timerS);
  if ((await guest.inStep(IN_STEP_MS)) === undefined)
    throw new Error('the agent does not come to where its server has all');
  say('a print host is up, and its server has all of it');

  const pid = await guest.run('systemctl show -P MainPID statectl-agent');
  const anonymous = async (pids: string) =>
    Number(await guest.run(`cat ${pids} 2>/dev/null | awk '/^RssAnon/ { sum += $2 } END { print sum * 1024 }'`));
  const agentBytes = await anonymous(`/proc/${pid}/status`);
  const childrenBytes = await anonymous(`$(pgrep -P ${pid} | sed 's#.*#/proc/&/status#') /dev/null`);
  const cpuNs = async () => Number(await guest.run('systemctl show -P CPUUsageNSec statectl-agent'));
  await sleep(SETTLE_MS);
  const before = await cpuNs();
  await sleep(idleS * 1000);
  const idleCpuShare = ((await cpuNs()) - before) / 1e9 / idleS;
  const emulation =
    Number(await guest.run(spentBy('statectl'))) / Number((await execa('bash', ['-c', spentBy(DEMO.binary)])).stdout);
  say('an idle agent is measured');

  const late = async () => {
    const during = saveVariables(guest, timerS);
    const ms = Number(await guest.run(timerScript(timerS)));
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
    ...{ agentBytes, childrenBytes, idleCpuShare, emulation },
    timerMs: { without: median(without), beside: median(beside) },
  };
}

/** Prints the processor time of a few short runs of this binary, in seconds. */
const spentBy = (binary: string): string =>
  `bash -c 'TIMEFORMAT="%U %S"; { time for i in 1 2 3 4 5; do ${binary} licences >/dev/null; done; } 2>&1' | awk '{ print $1 + $2 }'`;

/** Counts up in one variable, a thousand a minute. */
async function saveVariables(guest: PrintGuest, seconds: number): Promise<void> {
  const began = performance.now();
  for (let index = 0; performance.now() < began + seconds * 1000; index += 1) {
    await guest.gcode(`SAVE_VARIABLE VARIABLE=count VALUE=${index}`);
    await sleep(Math.max(0, began + (index + 1) * EACH_MS - performance.now()));
  }
}

/** clock_gettime(CLOCK_MONOTONIC) by its number of x86-64: perl-base has no module for it. Prints p99.9 of the lateness in ms. */
const timerScript = (seconds: number): string => `perl -e '
  sub now { my $t = pack("qq", 0, 0); syscall(228, 1, $t); my ($s, $n) = unpack("qq", $t); $s * 1e3 + $n / 1e6 }
  my $end = now() + ${seconds * 1000}; my @late;
  while (now() < $end) { my $from = now(); select(undef, undef, undef, 0.001); push @late, now() - $from - 1 }
  @late = sort { $a <=> $b } @late; printf "%.3f", $late[int($#late * 0.999)]'`;
