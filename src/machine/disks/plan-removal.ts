import { StatectlError } from '../../error.ts';
import type { Step } from '../steps/step.ts';
import { type DiskContent, type DiskFacts, type DriveLook, referenceTo } from './disk-facts.ts';
import { type Identity, identify } from './identify-disk.ts';
import { type Drive, offsetsOf } from './layout.ts';
import { USUAL_PLACES } from './read-disk.ts';

/** The one disk of a drive. Throws `drive-unclear`, `drive-in-use`. */
function onlyDisk(name: string, { fitting, content }: DriveLook): { disk: DiskFacts; content: DiskContent } {
  const [disk] = fitting;
  if (!disk || fitting.length > 1 || !content)
    throw new StatectlError(
      'drive-unclear',
      `drive ${name}: ${fitting.length === 0 ? 'no disk of this machine fits' : `${fitting.length} disks fit`} its match: nothing is touched`,
      { hint: '`statectl drives list` shows the disks; drives.conf names one by its id' },
    );
  if (disk.usedBy !== undefined)
    throw new StatectlError('drive-in-use', `drive ${name}: ${disk.ids[0] ?? disk.device} is in use: ${disk.usedBy}`, {
      hint: 'unmount what is on it; what the system runs from is removed in the rescue shell (statectl.rescue)',
    });
  return { disk, content };
}

const tableIn = (identity: Identity) =>
  identity.kind === 'ours' || identity.kind === 'half' ? identity.table : undefined;

/** Makes the disk of a drive empty, whatever is on it. Throws as `onlyDisk`. Pure. */
export function planWipe(name: string, drive: Drive, look: DriveLook): Step {
  const { disk, content } = onlyDisk(name, look);
  const { primary, backup } = content;
  const tables = [primary, backup].flatMap((copy) => (copy.state === 'good' ? [copy.table] : []));
  const begins = tables.flatMap(({ partitions }) => partitions.map(({ firstLba }) => firstLba * disk.sectorBytes));
  const offsets = offsetsOf(drive);
  const places = [...new Set([...begins, ...offsets, ...USUAL_PLACES])].filter(
    (place) => place > 0 && place < disk.sizeBytes,
  );
  return { kind: 'wipe-disk', disk: referenceTo(name, disk), found: { digest: content.digest, offsets }, places };
}

/**
 * Takes one partition out of the table of a disk of ours. One that drives.conf names would be made anew at the next boot.
 * Throws `partition-named`, `partition-unknown`, and as `onlyDisk`. Pure.
 */
export function planDelete(name: string, drive: Drive, look: DriveLook, label: string): Step {
  const { disk, content } = onlyDisk(name, look);
  if (Object.hasOwn(drive.partitions, label))
    throw new StatectlError(
      'partition-named',
      `drive ${name}: drives.conf names ${label}: the next boot would make it anew`,
      {
        hint: `take ${label} out of drives.conf first`,
      },
    );
  const table = tableIn(identify(content));
  if (!table?.partitions.some((partition) => partition.name === label))
    throw new StatectlError(
      'partition-unknown',
      `drive ${name}: there is no partition ${label} on a disk that statectl made`,
      {
        hint: '`statectl drives list` names those that there are',
      },
    );
  return {
    kind: 'write-table',
    disk: referenceTo(name, disk),
    found: { digest: content.digest, offsets: offsetsOf(drive) },
    table: { ...table, partitions: table.partitions.filter((partition) => partition.name !== label) },
    over: 'nothing',
  };
}
