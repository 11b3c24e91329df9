import { isDeepStrictEqual } from 'node:util';
import { StatectlError } from '../../../error.ts';
import type { Host } from '../../../host/host.ts';
import { mustRun } from '../../steps/must-run.ts';
import type { DiskFacts, DiskReference, Found } from '../disk-facts.ts';
import type { Partition } from '../gpt.ts';
import { identify } from '../identify-disk.ts';
import { partitionNames, readContent, readDisks } from '../read-disk.ts';

/** Where udev has its links; where there is no udev, we make those that we need. */
const BY_ID = '/dev/disk/by-id';

const LONGEST_WAIT_MS = 20_000;
const LOOK_MS = 100;

/** A disk that was looked at this moment, and is the one that was meant. */
export interface GuardedDisk {
  readonly facts: DiskFacts;
  /** Its name below /dev/disk/by-id, which programs are given. */
  readonly path: string;
}

/** Who uses what must be nobody's. */
type InUse = (facts: DiskFacts) => string | undefined;

/** Of one partition: that others of the same disk are used is no matter. */
const partInUse =
  (part: number): InUse =>
  ({ usedBy, usedParts = [] }) =>
    usedParts.includes(part) || usedParts.includes(0) ? usedBy : undefined;

/**
 * The disk that a plan means: by id, serial number and size, in use by nobody, and where `found` is given, with the very bytes
 * that were there. Names of the kernel are of this moment; two disks may have changed theirs since the plan. Throws `disk-changed`.
 */
export async function guardDisk(
  host: Host,
  disk: DiskReference,
  found?: Found,
  inUse: InUse = ({ usedBy }) => usedBy,
): Promise<GuardedDisk> {
  const { drive, id, serial, sizeBytes, sectorBytes } = disk;
  const same = (await readDisks(host)).filter(({ ids }) => ids.includes(id));
  const [facts, ...more] = same;
  if (!facts) throw changed(drive, `${id} is not there any more`);
  if (more.length > 0) throw changed(drive, `${same.length} disks are called ${id}`);
  if (facts.serial !== serial || facts.sizeBytes !== sizeBytes || facts.sectorBytes !== sectorBytes)
    throw changed(drive, `${id} is another disk now: its serial number or size is not what it was`);
  const usedBy = inUse(facts);
  if (usedBy !== undefined) throw changed(drive, `${id} is in use: ${usedBy}`);
  if (found && (await readContent(host, facts, found)).digest !== found.digest)
    throw changed(drive, `what is on ${id} is not what was there when this was planned`);
  return { facts, path: await linkTo(host, id, facts.device) };
}

const changed = (drive: string, why: string): StatectlError =>
  new StatectlError('disk-changed', `drive ${drive}: ${why}; nothing was written`, {
    hint: `\`statectl drives plan ${drive}\` shows what is there now`,
  });

async function linkTo({ files }: Pick<Host, 'files'>, name: string, device: string): Promise<string> {
  const path = `${BY_ID}/${name}`;
  const target = `../..${device.slice('/dev'.length)}`;
  const there = await files.readlink(path).catch(() => undefined);
  if (there === target) return path;
  await files.mkdir(BY_ID, 0o755);
  if (there !== undefined) await files.remove(path);
  await files.symlink(target, path);
  return path;
}

/** Tells the kernel of the table as it is now; partitions that are as they were are left alone. */
export const tellKernel = (host: Host, path: string): Promise<void> =>
  mustRun(host, ['partx', '--update', path], 'disk-failed', 'dmesg | tail says what the kernel thinks of the table');

/** A partition that a plan means. */
export interface OnPartition {
  readonly disk: DiskReference;
  /** The GUID of its table. */
  readonly table: string;
  readonly partition: Partition;
}

/**
 * A partition that is there as it was planned, on the table that was meant, and known to the kernel so. Where the table is to be
 * written, too, nobody may use any of the disk. Throws `disk-changed`.
 */
export async function guardPartition(
  host: Host,
  { disk, table, partition }: OnPartition,
  alone: 'disk' | 'partition' = 'disk',
): Promise<GuardedDisk & { readonly partition: string; readonly device: string }> {
  const guarded = await guardDisk(host, disk, undefined, alone === 'disk' ? undefined : partInUse(partition.number));
  const { facts } = guarded;
  const identity = identify(await readContent(host, facts));
  const there =
    identity.kind === 'ours' && identity.table.guid === table
      ? identity.table.partitions.find(({ number }) => number === partition.number)
      : undefined;
  if (!isDeepStrictEqual(there, partition)) throw changed(disk.drive, `${partition.name} is not as it was planned`);
  const name = facts.device.slice('/dev/'.length);
  const deadline = host.clock.uptimeMs() + LONGEST_WAIT_MS;
  for (;;) {
    const called = (await partitionNames(host, name)).get(partition.number);
    if (called && (await isWhere(host, `/sys/block/${name}/${called}`, partition, facts.sectorBytes)))
      return {
        ...guarded,
        device: `/dev/${called}`,
        partition: await linkTo(host, `${disk.id}-part${partition.number}`, `/dev/${called}`),
      };
    if (host.clock.uptimeMs() >= deadline)
      throw changed(disk.drive, `the kernel does not see ${partition.name} where the table has it`);
    await tellKernel(host, guarded.path);
    await host.clock.sleep(LOOK_MS);
  }
}

/** The kernel may still have the table of before: it counts in 512 bytes, whatever the disk does. */
async function isWhere(
  { files }: Pick<Host, 'files'>,
  folder: string,
  { firstLba, lastLba }: Partition,
  sectorBytes: number,
): Promise<boolean> {
  const number = async (file: string) => Number(await files.readText(`${folder}/${file}`).catch(() => '-1'));
  const per = sectorBytes / 512;
  return (await number('start')) === firstLba * per && (await number('size')) === (lastLba - firstLba + 1) * per;
}
