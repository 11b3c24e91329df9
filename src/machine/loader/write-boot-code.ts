import { createHash } from 'node:crypto';
import { StatectlError } from '../../error.ts';
import { fetchVerified } from '../../fetch/download.ts';
import type { Host } from '../../host/host.ts';
import type { DownloadLimits } from '../../host/http/download-limits.ts';
import type { TaskContext } from '../../host/task-context.ts';
import { BOOT_CODE_BYTES } from '../../signed/loader-layout.ts';
import { guardPartition } from '../disks/acts/guard.ts';
import type { Partition } from '../disks/gpt.ts';
import { readAt } from '../disks/read-disk.ts';
import { mustRun } from '../steps/must-run.ts';
import {
  BIOS_SECTOR_BYTES,
  codeDigest,
  coreDigest,
  coreSectorOf,
  freeHalf,
  placedCore,
  withBootCode,
} from './boot-code.ts';
import type { BootDisk } from './boot-disk.ts';
import type { Blob } from './plan-loader.ts';

interface WriteBootCode extends Omit<BootDisk, 'bios'> {
  readonly bios: Partition;
  readonly code: { readonly boot: Blob; readonly core: Blob };
  readonly limits: DownloadLimits;
}

const FETCHED = '/run/statectl/boot-code';

/**
 * GRUB for a BIOS: core.img into the half of its partition that is not used, read back, then the first sector, which leads to it. Of
 * that sector what belongs to the table is written as it was. Does nothing where both are there. Throws `loader-failed`, `disk-changed`.
 */
export async function writeBootCode(host: Host, step: WriteBootCode, task: TaskContext): Promise<void> {
  const { disk, bios, code } = step;
  const failed = (what: string) =>
    new StatectlError('loader-failed', `drive ${disk.drive}: ${disk.id} is not made to boot from a BIOS: ${what}`, {
      hint: 'dmesg | tail says whether the disk is at fault; the next boot tries again',
    });
  if (disk.sectorBytes !== BIOS_SECTOR_BYTES)
    return task.warn(
      `drive ${disk.drive}: no BIOS boots from sectors of ${disk.sectorBytes} bytes: GRUB is not written`,
    );
  const { path, facts } = await guardPartition(host, { disk, table: step.table, partition: bios }, 'partition');
  const read = async (sector: number, count: number) => {
    await mustRun(host, ['blockdev', '--flushbufs', facts.device], 'loader-failed', 'dmesg | tail');
    return readAt(host.files, facts.device, sector * BIOS_SECTOR_BYTES, count * BIOS_SECTOR_BYTES);
  };
  const write = async (sector: number, bytes: Buffer) => {
    const argv = ['dd', `of=${path}`, `bs=${BIOS_SECTOR_BYTES}`, `seek=${sector}`, 'conv=notrunc,fsync'];
    const { exitCode } = await host.exec.run(argv, { input: bytes });
    const count = bytes.length / BIOS_SECTOR_BYTES;
    if (exitCode !== 0 || !(await read(sector, count)).equals(bytes))
      throw failed(`sector ${sector} is not what was written`);
  };
  const coreSectors = code.core.sizeBytes / BIOS_SECTOR_BYTES;
  const sectors = bios.lastLba - bios.firstLba + 1;
  const first = await read(0, 1);
  const at = coreSectorOf(first);
  const isIn = at >= bios.firstLba && at + coreSectors - 1 <= bios.lastLba;
  const isThere = isIn && coreDigest(await read(at, coreSectors), at) === code.core.sha256;
  if (isThere && codeDigest(first) === code.boot.sha256) return;

  const core = await fetched(host, { ...step, blob: code.core }, task);
  const boot = await fetched(host, { ...step, blob: code.boot }, task);
  if (boot.length !== BOOT_CODE_BYTES || core.length % BIOS_SECTOR_BYTES !== 0)
    throw failed('what the image has for it is not made for this');
  const offset = freeHalf(sectors, coreSectors, isIn ? at - bios.firstLba : undefined);
  if (offset === undefined) throw failed(`partition ${bios.name} has no room for two of ${coreSectors} sectors`);
  const sector = isThere ? at : bios.firstLba + offset;
  if (!isThere) await write(sector, placedCore(core, sector));
  await write(0, withBootCode(await read(0, 1), boot, sector));
}

/** A small file, by its digest. */
async function fetched(
  host: Host,
  { disk, blob, limits }: Pick<WriteBootCode, 'disk' | 'limits'> & { readonly blob: Blob },
  task: TaskContext,
): Promise<Buffer> {
  const folder = `${FETCHED}-${disk.id}`;
  await host.files.mkdir(folder, 0o700);
  const to = `${folder}/${blob.sha256}`;
  await fetchVerified(host, { ...blob, to }, task, limits);
  const bytes = await host.files.read(to);
  await host.files.remove(to);
  if (createHash('sha256').update(bytes).digest('hex') === blob.sha256) return bytes;
  throw new StatectlError('loader-failed', `${to} is not what was fetched`);
}
