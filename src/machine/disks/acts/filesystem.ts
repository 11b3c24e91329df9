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

/** Makes a file system as large as its partition. */
export async function growFilesystem(host: Host, step: OfType): Promise<void> {
  const { partition } = await guardPartition(host, step);
  if (step.type !== 'btrfs') {
    // resize2fs asks for it. 1: errors were corrected.
    await run(host, step, ['fsck.ext4', '-f', '-p', partition], { good: [0, 1] });
    return run(host, step, ['resize2fs', partition]);
  }
  await host.files.mkdir(MOUNT, 0o700);
  await run(host, step, ['mount', '-t', 'btrfs', partition, MOUNT]);
  try {
    await run(host, step, ['btrfs', 'filesystem', 'resize', 'max', MOUNT]);
  } finally {
    await run(host, step, ['umount', MOUNT]);
  }
}
