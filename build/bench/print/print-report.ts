import { asciiTable } from '../../../src/commands/ascii-table.ts';
import { spreadOf } from '../statistics.ts';
import type { AgentCost } from './print-agent.ts';
import type { CacheCost } from './print-cache.ts';
import type { Farm } from './print-farm.ts';
import type { Latency } from './print-latency.ts';

const MIB = 2 ** 20;
const BUDGET = {
  databaseS: 2,
  saveConfigS: 3,
  variablesS: 1,
  agentMib: 40,
  idleShare: 0.01,
  timerRatio: 1.2,
  cacheMbs: 50,
  cacheMs: 5,
};

export interface PrintFigures {
  readonly latency: Latency;
  readonly agent: AgentCost;
  readonly farm: Farm;
  readonly cache: CacheCost;
}

/** What `bench:print` found, each beside what it may be. */
export function writePrint({ farm, latency, agent, cache }: PrintFigures): string {
  const seconds = (values: readonly number[]) => {
    const { median, max } = spreadOf(values) ?? { median: Number.NaN, max: Number.NaN };
    return `${median.toFixed(2)} s (at most ${max.toFixed(2)} s, of ${values.length})`;
  };
  const { timerMs } = agent;
  const rows = [
    ['', 'measured', 'budget'],
    ['a commit of the database, until the server has a copy', seconds(latency.databaseS), `< ${BUDGET.databaseS} s`],
    ['SAVE_CONFIG, until it is a commit on the server', seconds(latency.saveConfigS), `< ${BUDGET.saveConfigS} s`],
    [
      `SAVE_VARIABLE at ${Math.round(latency.savedEachMinute).toLocaleString('en')} a minute, until the server has it`,
      seconds(latency.variablesS),
      `< ${BUDGET.variablesS} s`,
    ],
    ['private memory of the agent', `${(agent.agentBytes / MIB).toFixed(1)} MiB`, `< ${BUDGET.agentMib} MiB`],
    ['… of its children', `${(agent.childrenBytes / MIB).toFixed(1)} MiB`, ''],
    ['processor of an idle agent, emulated', `${(agent.idleCpuShare * 100).toFixed(2)} % of a core`, ''],
    [
      '… of a core as it is here, on which the same program takes less',
      `${((agent.idleCpuShare / agent.emulation) * 100).toFixed(2)} % (1 / ${agent.emulation.toFixed(1)})`,
      `< ${BUDGET.idleShare * 100} %`,
    ],
    [
      'a timer of 1 ms beside it while variables are saved, p99.9 late',
      `${timerMs.beside.toFixed(2)} ms, ${timerMs.without.toFixed(2)} ms without the agent: ${(timerMs.beside / timerMs.without).toFixed(2)} ×`,
      `${BUDGET.timerRatio} ×`,
    ],
    [
      'a cache: a file that nobody read before, by 8 KiB',
      `${cache.coldMbs.toFixed(0)} MB/s`,
      `≥ ${BUDGET.cacheMbs} MB/s`,
    ],
    [
      '… a read with server and agent dead, half of them and 99 % within',
      `${cache.readMs.p50.toFixed(2)} ms, ${cache.readMs.p99.toFixed(2)} ms`,
      `< ${BUDGET.cacheMs} ms`,
    ],
    [`… the longest while who shows it was killed ${cache.kills} times`, `${cache.longestMs.toFixed(0)} ms`, ''],
    ['… private memory of who shows it', `${(cache.serverBytes / MIB).toFixed(1)} MiB`, ''],
    [
      `a server with ${farm.printers} printers that print for ${farm.minutes} min, with its children`,
      `${(farm.cpuShare * 100).toFixed(0)} % of a core, ${Math.round(farm.rssBytes / MIB)} MiB`,
      'one core',
    ],
    ['… all of them get their leases', `${farm.leasesS.toFixed(1)} s`, ''],
    ...Object.entries(farm.shipped).map(([what, { count, p50Ms, p99Ms }]) => [
      `… ${count} × ${what}, half of them and 99 % within`,
      `${p50Ms.toFixed(0)} ms, ${p99Ms.toFixed(0)} ms`,
      '',
    ]),
    ['… refused', String(farm.faults.length), '0'],
  ];
  return `${asciiTable(rows)}${farm.faults
    .slice(0, 5)
    .map((fault) => `fault: ${fault}\n`)
    .join('')}`;
}
