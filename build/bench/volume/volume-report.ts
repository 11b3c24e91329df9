import { asciiTable } from '../../../src/commands/ascii-table.ts';
import type { VolumeCost } from './volume-cost.ts';

const LONGEST_MS = 1_000;

/** What `bench:volume` found, each beside what it may be. */
export function writeVolumeCost({ sizeMiB, firstSyncS, writes }: VolumeCost): string {
  const row = (what: string, { count, p50, p99, longest }: VolumeCost['writes']['ram'], budget = '') => [
    what,
    `${p50.toFixed(1)} ms, ${p99.toFixed(1)} ms`,
    `${longest.toFixed(0)} ms, of ${count}`,
    budget,
  ];
  const budget = `< ${LONGEST_MS} ms`;
  return asciiTable([
    ['an fsync of 64 KiB, 10 MB/s', 'half, 99 % within', 'longest', 'budget'],
    row('in RAM alone, without DRBD', writes.ram),
    row('with a peer', writes.peer, budget),
    row('with a peer behind 64 kbit/s', writes.slow, budget),
    row('with a peer that is frozen', writes.frozen, budget),
    row('with a peer that dies', writes.dead, budget),
    [`the first sync of ${sizeMiB} MiB`, `${firstSyncS.toFixed(1)} s`, '', ''],
  ]);
}

/** Of what may not be, each in a sentence. Pure. */
export const volumeFaults = ({ writes }: VolumeCost): readonly string[] =>
  Object.entries(writes).flatMap(([what, { longest }]) =>
    what === 'ram' || longest < LONGEST_MS ? [] : [`${what}: an fsync took ${longest.toFixed(0)} ms`],
  );
