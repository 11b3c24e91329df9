import { basename } from 'node:path/posix';
import type { Host } from '../../../host/host.ts';
import { findBlock } from '../../facts/disks.ts';
import type { Facts } from '../../facts/facts.ts';
import type { BlockFacts } from '../../facts/root-facts.ts';
import type { StepOf } from '../../steps/step.ts';
import { NOT_ARRANGED } from './arrange.ts';

/** The subvolumes of each file system of btrfs.conf that is there. Pure. */
export const planSubvolumes = ({ config, root: { blocks = [] } }: Facts): readonly StepOf<'arrange-subvolumes'>[] =>
  Object.entries(config.btrfs).flatMap(([filesystem, { subvolumes }]) => {
    const block = findBlock(blocks, filesystem);
    const wanted = Object.entries(subvolumes).map(([name, { snapshots }]) => ({ name, snapshots }));
    return block?.type === 'btrfs' && wanted.length > 0
      ? [{ kind: 'arrange-subvolumes', device: block.device, filesystem, subvolumes: wanted }]
      : [];
  });

/**
 * What is there to be mounted: without devices of which a subvolume is to be mounted, and is not there or not to be had. They are
 * missing like a disk that is not plugged in.
 */
export async function withSubvolumesThere(
  { files }: Pick<Host, 'files'>,
  { config, root: { blocks = [] } }: Facts,
): Promise<readonly BlockFacts[]> {
  const names = Object.values(config.fstab).flatMap(({ source, options }) =>
    options.some((option) => option.startsWith('subvol=')) && Object.hasOwn(config.btrfs, source) ? [source] : [],
  );
  if (names.length === 0) return blocks;
  const failed: readonly string[] = await files.list(NOT_ARRANGED).catch(() => []);
  const wanted = names.flatMap((name) => findBlock(blocks, name)?.device ?? []);
  return blocks.filter(
    ({ device, type }) => !wanted.includes(device) || (type === 'btrfs' && !failed.includes(basename(device))),
  );
}
