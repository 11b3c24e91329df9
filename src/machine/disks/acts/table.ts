import { isDeepStrictEqual } from 'node:util';
import { StatectlError } from '../../../error.ts';
import type { Host, RunResult } from '../../../host/host.ts';
import { lastLine } from '../../steps/must-run.ts';
import type { DiskReference, Found } from '../disk-facts.ts';
import { MBR_ENTRIES, type Side, type Table, writesOf } from '../gpt.ts';
import { identify } from '../identify-disk.ts';
import { readAt, readContent } from '../read-disk.ts';
import { sfdiskArgv, sfdiskScript } from '../sfdisk.ts';
import { guardDisk, tellKernel } from './guard.ts';

const LONGEST_MS = 120_000;

export interface WriteTable {
  readonly disk: DiskReference;
  readonly found: Found;
  readonly table: Table;
  /** What is there: of foreign data the signatures are wiped, too. */
  readonly over: 'nothing' | 'foreign data';
}

/** Writes a whole table by sfdisk(8), and reads it again. */
export async function writeTable(host: Host, { disk, found, table, over }: WriteTable): Promise<void> {
  const { path, facts } = await guardDisk(host, disk, found);
  const argv = sfdiskArgv(path, over);
  const result = await host.exec.run(argv, { input: sfdiskScript(table, disk.sectorBytes), timeoutMs: LONGEST_MS });
  if (result.exitCode !== 0) throw failed(disk, `sfdisk could not write its table: ${whyOf(result)}`);
  const identity = identify(await readContent(host, facts));
  if (identity.kind !== 'ours' || !isDeepStrictEqual(identity.table, table))
    throw failed(disk, 'its table is not what was written');
  await tellKernel(host, path);
}

export interface RestoreTable {
  readonly disk: DiskReference;
  readonly found: Found;
  readonly good: Side;
}

/**
 * Writes the damaged copy of a table anew. The good one is not written to, whatever happens meanwhile: sfdisk(8) would write
 * both, the good one first.
 */
export async function restoreTable(host: Host, { disk, found, good }: RestoreTable): Promise<void> {
  const { path, facts } = await guardDisk(host, disk, found);
  const copy = (await readContent(host, facts))[good];
  if (copy.state !== 'good') throw failed(disk, `the ${good} copy of its table is not good any more`);
  for (const write of writesOf(copy.table, disk, good === 'primary' ? 'backup' : 'primary')) {
    const { offset } = write;
    const bytes = offset === 0 ? await withBootCode(host, facts.device, write.bytes) : write.bytes;
    const argv = ['dd', `of=${path}`, `bs=${disk.sectorBytes}`, `seek=${offset / disk.sectorBytes}`];
    const result = await host.exec.run([...argv, 'conv=notrunc,fsync'], { input: bytes, timeoutMs: LONGEST_MS });
    if (result.exitCode !== 0) throw failed(disk, `its table could not be written: ${whyOf(result)}`);
  }
  if (identify(await readContent(host, facts)).kind !== 'ours')
    throw failed(disk, 'its table is not whole, though it was written');
  await tellKernel(host, path);
}

/** sfdisk says nothing of a disk that fails as its bytes are synced. */
const whyOf = (result: RunResult): string =>
  result.stderr.trim() === ''
    ? `the disk did not take all of it; dmesg says more (${lastLine(result)})`
    : lastLine(result);

/** What a BIOS starts lies before the partitions of an MBR, and stays as it is. */
async function withBootCode(host: Host, device: string, mbr: Buffer): Promise<Buffer> {
  const there = await readAt(host.files, device, 0, MBR_ENTRIES);
  return Buffer.concat([there, mbr.subarray(there.length)]);
}

const failed = ({ drive, id }: DiskReference, what: string): StatectlError =>
  new StatectlError('disk-failed', `drive ${drive}: ${id}: ${what}`, {
    hint: 'dmesg | tail says whether the disk is at fault',
  });
