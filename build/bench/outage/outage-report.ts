import { asciiTable } from '../../../src/commands/ascii-table.ts';
import type { Outage, OutageCheck } from './outage.ts';

const seconds = (value: number | undefined): string => (value === undefined ? '-' : `${value.toFixed(1)} s`);
const mib = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;

/** For people: what was looked at while the server was away, and what came of it. */
export function writeOutage({
  minutes,
  checks,
  killedS,
  backS,
  reportsS,
  queued,
  lost,
  ordered,
  faults,
}: Outage): string {
  return [
    `\nWhile the server was away, ${minutes} minutes\n`,
    asciiTable([
      ['after', 'file put right in', 'processor of the agent', 'its memory', 'reports that wait'],
      ...checks.map(checkRow),
    ]),
    '\nAfterwards\n',
    asciiTable([
      ['the agent, killed at the beginning, ran again after', seconds(killedS)],
      ['the agent had its server again after', seconds(backS)],
      ['all reports had come after', seconds(reportsS)],
      ['reports: waited, lost, order', `${queued}, ${lost}, ${ordered ? 'as they were made' : 'ANOTHER'}`],
    ]),
    ...faults.map((fault) => `failed: ${fault}\n`),
  ].join('');
}

const checkRow = ({ atS, restoredS, cpuShare, memoryBytes, queue }: OutageCheck): readonly string[] => [
  `${(atS / 60).toFixed(1)} min`,
  seconds(restoredS),
  cpuShare === undefined ? '-' : `${(cpuShare * 100).toFixed(1)} %`,
  mib(memoryBytes),
  `${queue.length} (${(queue.bytes / 1024).toFixed(1)} KiB)`,
];
