import type { Host } from '../../../host/host.ts';
import { mkfsArgv } from '../mkfs.ts';
import { readContent } from '../read-disk.ts';
import { retypeArgv } from '../sfdisk.ts';
import { guardPartition, type OnPartition } from './guard.ts';
import { failed, run } from './run-on.ts';

const MOUNT = '/run/statectl/disks/growing';

interface OfType extends OnPartition {
  readonly type: string;
}

export interface MakeFilesystem extends OfType {
  /** The type of the partition from then on. */
  readonly becomes: string;
}

/** Makes a file system where the table says that none is there yet, reads it again, and then says in the table that it is there. */
export async function makeFilesystem(host: Host, step: MakeFilesystem): Promise<void> {
  const { disk, partition, type, becomes } = step;
  const guarded = await guardPartition(host, step);
  await run(host, step, mkfsArgv(type, partition.name, guarded.partition));
  const { held } = await readContent(host, guarded.facts);
  if (held[partition.number]?.what === undefined) throw failed(step, `it has no ${type}, though mkfs made it`);
  await run(host, step, retypeArgv(guarded.path, partition.number, becomes));
  const { primary } = await readContent(host, guarded.facts);
  const now = primary.state === 'good' ? primary.table.partitions : [];
  if (now.find(({ number }) => number === partition.number)?.type !== becomes)
    throw failed(step, `the table of ${disk.id} does not say that it is done`);
}

/**
 * Makes a file system as large as its partition, while it is mounted: the kernel does that by its journal, and a power cut leaves
 * the one or the other size. What resize2fs(8) writes by itself it leaves damaged.
 */
export async function growFilesystem(host: Host, step: OfType): Promise<void> {
  const { partition } = await guardPartition(host, step);
  const isBtrfs = step.type === 'btrfs';
  // 1: errors were corrected.
  if (!isBtrfs) await run(host, step, ['fsck.ext4', '-p', partition], { good: [0, 1] });
  await host.files.mkdir(MOUNT, 0o700);
  await run(host, step, ['mount', '-t', step.type, partition, MOUNT]);
  try {
    await run(host, step, isBtrfs ? ['btrfs', 'filesystem', 'resize', 'max', MOUNT] : ['resize2fs', partition]);
  } finally {
    await run(host, step, ['umount', MOUNT]);
  }
}
