import type { DiskFacts, DriveLook } from '../../machine/disks/disk-facts.ts';
import { PARTITION_TYPES } from '../../machine/disks/guid.ts';
import { identify } from '../../machine/disks/identify-disk.ts';
import { type Drive, unnamedIn } from '../../machine/disks/layout.ts';
import { printableLine } from '../../printable.ts';
import { asciiTable } from '../ascii-table.ts';

interface Row extends DiskFacts {
  readonly drive: string | undefined;
  readonly state: string;
}

/** What a disk is, in few words. Pure. */
export function stateOf(disk: DiskFacts, drive: Drive | undefined, look: DriveLook | undefined): string {
  const used = disk.usedBy === undefined ? '' : `; ${disk.usedBy}`;
  if (!drive || !look) return `no drive of drives.conf${used}`;
  if (look.fitting.length > 1) return `${look.fitting.length} disks fit: none is touched${used}`;
  if (!look.content) return `not looked at${used}`;
  const identity = identify(look.content);
  switch (identity.kind) {
    case 'empty':
      return `empty${used}`;
    case 'ours': {
      const unnamed = unnamedIn(identity.table, drive);
      const names = identity.table.partitions
        .map(({ name, type }) => (type === PARTITION_TYPES.encrypted ? `${name} (encrypted)` : name))
        .join(', ');
      return `${names}${unnamed.length > 0 ? `; no longer named: ${unnamed.join(', ')}` : ''}${used}`;
    }
    case 'half':
      return `${identity.why}${used}`;
    default:
      return `has ${identity.what}${used}`;
  }
}

export const drivesText = (rows: readonly Row[]): string =>
  asciiTable([
    ['DRIVE', 'DISK', 'NOW', 'SIZE', 'STATE'],
    ...rows.map(({ drive, ids, device, sizeBytes, state }) =>
      [drive ?? '-', ids[0] ?? '-', device, `${(sizeBytes / 2 ** 30).toFixed(1)} GiB`, state].map(printableLine),
    ),
  ]);
