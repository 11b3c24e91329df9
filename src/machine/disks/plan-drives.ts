import { isDeepStrictEqual } from 'node:util';
import { entryOf } from '../../entry-of.ts';
import type { Step } from '../steps/step.ts';
import { type DiskContent, type DiskFacts, type DriveLook, referenceTo } from './disk-facts.ts';
import { type Partition, sectorsOf, type Table } from './gpt.ts';
import { diskGuid, PARTITION_TYPES } from './guid.ts';
import { type Identity, identify } from './identify-disk.ts';
import {
  type Drive,
  finalType,
  needsFileSystem,
  offsetsOf,
  tableOf,
  unencryptedIn,
  unnamedIn,
  withMissing,
} from './layout.ts';

/** What is to be done to the disk of one drive, and what an operator must know of it. */
export interface DrivePlan {
  readonly steps: readonly Step[];
  readonly notes: readonly string[];
}

/** What only a person, or a server, can know. */
export interface Known {
  /** Somebody typed the name of the drive: what is on it may be replaced. */
  readonly mayReplace?: boolean;
  /** GUIDs of tables that this disk had: one of a word tells that the word was used. */
  readonly usedGuids?: readonly string[];
  /** The table that a server keeps of it. */
  readonly keptTable?: Table;
}

const NOTHING: DrivePlan = { steps: [], notes: [] };
const note = (...notes: readonly string[]): DrivePlan => ({ steps: [], notes });

/** The table of one drive's disk: made where nothing is, put back, completed, grown. Pure. */
export function planTable(
  name: string,
  drive: Drive,
  { fitting, alsoOf = [], content }: DriveLook,
  known: Known = {},
): DrivePlan {
  const [disk, ...more] = fitting;
  if (!disk) return note(`drive ${name}: no disk of this machine fits its match`);
  if (more.length > 0)
    return note(
      `drive ${name}: ${fitting.length} disks fit its match (${fitting.map(calledBy).join(', ')}): none is touched; name one by its id`,
    );
  if (!content || drive.make === 'never') return NOTHING;
  if (alsoOf.length > 0)
    return note(
      `drive ${name}: ${calledBy(disk)} fits the match of ${alsoOf.join(', ')}, too: it is not touched; name each by its id`,
    );
  if (disk.access === 'read-only')
    return note(
      `drive ${name}: ${calledBy(disk)} is read-only: nothing is made or mended on it, and no swap of it is used`,
    );
  const identity = identify(content);
  const planned = planFor(name, drive, disk, content, identity, known);
  if (planned.steps.length === 0) return planned;
  if (disk.ids.length === 0)
    return note(`drive ${name}: ${disk.device} has neither a serial number nor a place of its own: it is not touched`);
  return disk.usedBy === undefined
    ? planned
    : note(
        `drive ${name}: ${calledBy(disk)} is in use (${disk.usedBy}): its table is left as it is until the next boot`,
      );
}

const mayChange = ({ make }: Drive, { access }: DiskFacts): boolean => make !== 'never' && access !== 'read-only';

const calledBy = ({ ids, device }: DiskFacts): string => ids[0] ?? device;

function planFor(
  name: string,
  drive: Drive,
  disk: DiskFacts,
  content: DiskContent,
  identity: Identity,
  known: Known,
): DrivePlan {
  const reference = referenceTo(name, disk);
  const found = { digest: content.digest, offsets: offsetsOf(drive) };
  const write = (table: Table | string, over: 'nothing' | 'foreign data'): DrivePlan =>
    typeof table === 'string'
      ? note(`drive ${name}: ${table} on ${calledBy(disk)}`)
      : { steps: [{ kind: 'write-table', disk: reference, found, table, over }], notes: [] };
  switch (identity.kind) {
    case 'empty':
      return write(tableOf(drive, disk.serial ?? '', disk), 'nothing');
    case 'half':
      return {
        steps: [{ kind: 'restore-table', disk: reference, found, good: identity.good }],
        notes: [`drive ${name}: ${identity.why}; it is put back from the other copy`],
      };
    case 'ours': {
      const wanted = withMissing(identity.table, drive, disk);
      if (typeof wanted === 'string') return note(`drive ${name}: ${wanted} on ${calledBy(disk)}`);
      const unnamed = unnamedIn(identity.table, drive);
      const notes = [
        ...unnamed.map(
          (label) =>
            `drive ${name}: drives.conf no longer names ${label} on ${calledBy(disk)}; it stays until \`statectl drives delete ${name} ${label}\``,
        ),
        ...unencryptedIn(wanted, drive).map(
          (label) =>
            `drive ${name}: ${label} on ${calledBy(disk)} was made without encryption and may hold data: it is left as it is; encrypt one of another label, and \`statectl drives delete ${name} ${label}\``,
        ),
      ];
      return isDeepStrictEqual(wanted, identity.table) ? note(...notes) : { ...write(wanted, 'nothing'), notes };
    }
    case 'foreign':
    case 'damaged':
    case 'unreadable':
      break;
  }
  const what = `drive ${name}: ${calledBy(disk)} is not touched: it has ${identity.what}`;
  if (identity.kind === 'damaged' && known.keptTable && fitsOn(known.keptTable, disk))
    return write(known.keptTable, 'nothing');
  if (identity.kind === 'unreadable') return note(what);
  if (drive.make !== 'replace')
    return note(
      identity.kind === 'damaged'
        ? `${what}. \`statectl drives apply ${name}\` asks the server for its table`
        : `${what}. \`statectl drives wipe ${name}\` makes it empty`,
    );
  return planReplace(name, drive, disk, what, known, write);
}

/** `make: replace` counts once for a word, and only where somebody typed the name. */
function planReplace(
  name: string,
  drive: Drive,
  disk: DiskFacts,
  what: string,
  { mayReplace = false, usedGuids = [] }: Known,
  write: (table: Table | string, over: 'foreign data') => DrivePlan,
): DrivePlan {
  const { match, word = '' } = drive;
  if (!disk.ids.includes(match.id ?? '') || disk.serial === undefined || disk.serial !== match.serial)
    return note(`${what}, and its match names neither the exact id nor the serial`);
  if (usedGuids.includes(diskGuid(disk.serial, word)))
    return note(`${what}. The word ${word} was used on it before: \`make: replace\` needs another one`);
  if (!mayReplace) return note(`${what}. \`statectl drives apply ${name} --yes ${name}\` replaces it, once`);
  return write(tableOf(drive, disk.serial, disk), 'foreign data');
}

const fitsOn = ({ lastUsableLba }: Table, disk: DiskFacts): boolean => lastUsableLba < sectorsOf(disk);

/** The file systems of one drive's disk: made where the table says that none is there yet, and as large as their partitions. Pure. */
export function planFileSystems(name: string, drive: Drive, { fitting, alsoOf, content }: DriveLook): DrivePlan {
  const [disk, ...more] = fitting;
  if (!disk || more.length > 0 || alsoOf || !content || !mayChange(drive, disk)) return NOTHING;
  const identity = identify(content);
  if (identity.kind !== 'ours' || disk.usedBy !== undefined) return NOTHING;
  const reference = referenceTo(name, disk);
  const steps: Step[] = [];
  for (const partition of identity.table.partitions) {
    const wanted = entryOf(drive.partitions, partition.name);
    const where = { disk: reference, table: identity.table.guid, partition };
    if (wanted && needsFileSystem(wanted) && partition.type === PARTITION_TYPES.unfinished)
      steps.push({ kind: 'make-filesystem', ...where, type: wanted.type, becomes: finalType(wanted) });
    else if (wanted && needsFileSystem(wanted) && canGrow(partition, content, disk))
      steps.push({ kind: 'grow-filesystem', ...where, type: wanted.type });
  }
  return { steps, notes: [] };
}

/** What is made anew at each boot, or switched on: partitions that a new key encrypts, and swap. Pure. */
export function planActivation(name: string, drive: Drive, { fitting, alsoOf, content }: DriveLook): DrivePlan {
  const [disk, ...more] = fitting;
  if (!disk || more.length > 0 || alsoOf || !content || !mayChange(drive, disk)) return NOTHING;
  const identity = identify(content);
  if (identity.kind !== 'ours') return NOTHING;
  const steps = identity.table.partitions.flatMap((partition): readonly Step[] => {
    const wanted = entryOf(drive.partitions, partition.name);
    if (!wanted || partition.type !== finalType(wanted) || isUsed(disk, partition)) return [];
    const where = { disk: referenceTo(name, disk), table: identity.table.guid, partition };
    if (wanted.encrypt) return [{ kind: 'open-encrypted', ...where, type: wanted.type }];
    return wanted.type === 'swap' ? [{ kind: 'switch-swap-on', ...where }] : [];
  });
  return { steps, notes: [] };
}

const isUsed = ({ usedParts = [] }: DiskFacts, { number }: Partition): boolean =>
  usedParts.includes(number) || usedParts.includes(0);

/** Less than this is not worth a write. */
const WORTH_BYTES = 8 * 2 ** 20;
/** Linux, fs/btrfs/ioctl.c: to less, none is resized. */
const LEAST_BTRFS_BYTES = 256 * 2 ** 20;

function canGrow({ number, firstLba, lastLba }: Partition, { held }: DiskContent, { sectorBytes }: DiskFacts): boolean {
  const { what, bytes } = held[number] ?? {};
  if (bytes === undefined || !(what === 'btrfs' || what?.startsWith('ext'))) return false;
  const room = (lastLba - firstLba + 1) * sectorBytes;
  return room - bytes >= WORTH_BYTES && (what !== 'btrfs' || room >= LEAST_BTRFS_BYTES);
}
