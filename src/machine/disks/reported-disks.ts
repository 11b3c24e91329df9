import type { ReportedDisks } from '../../protocol/disks.ts';
import type { RootFacts } from '../facts/root-facts.ts';
import { identify } from './identify-disk.ts';

/** A report has room for so many. */
const MOST_DISKS = 8;
const MOST_PARTITIONS = 16;

/** The tables of ours that are whole, for a server to keep. Pure. */
export function reportedDisks({ drives = {} }: RootFacts): { readonly disks?: ReportedDisks } {
  const disks = Object.values(drives).flatMap(({ fitting: [disk], content }) => {
    const identity = content && identify(content);
    const id = disk?.ids[0];
    if (!disk || id === undefined || identity?.kind !== 'ours') return [];
    if (identity.table.partitions.length > MOST_PARTITIONS) return [];
    const { serial, sizeBytes, sectorBytes } = disk;
    const { partitions, ...table } = identity.table;
    const reported = { table: { ...table, partitions: [...partitions] }, sizeBytes, sectorBytes };
    return [[id, { ...reported, ...(serial !== undefined && { serial }) }] as const];
  });
  return disks.length === 0 ? {} : { disks: Object.fromEntries(disks.slice(0, MOST_DISKS)) };
}
