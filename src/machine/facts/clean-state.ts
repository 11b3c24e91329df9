import type { Host } from '../../host/host.ts';
import type { BlockFacts } from './root-facts.ts';

/** Of ext2, 3 and 4, fs/ext4/ext4.h: the superblock, `s_state`, `s_feature_incompat`. */
const EXT = { at: 1024, state: 0x3a, incompat: 0x60, valid: 1, recover: 0x4 } as const;
/** Of btrfs, fs/btrfs/ctree.h: the superblock, and the tree of what was synced since the last commit. */
const BTRFS = { at: 65_536, logRoot: 0x60 } as const;
const SUPERBLOCK_BYTES = 1024;

/**
 * Whether the file system was left in order, as it says itself: to be asked before it is checked or mounted, which repairs that.
 * undefined: it does not say, or cannot be read.
 */
export async function cleanState(
  { files }: Pick<Host, 'files'>,
  { device, type }: Pick<BlockFacts, 'device' | 'type'>,
): Promise<boolean | undefined> {
  if (type === 'ext2' || type === 'ext3' || type === 'ext4') {
    const block = await bytesAt(files, device, EXT.at);
    if (!block) return undefined;
    const needsRecovery = (block.readUInt32LE(EXT.incompat) & EXT.recover) !== 0;
    return (block.readUInt16LE(EXT.state) & EXT.valid) !== 0 && !needsRecovery;
  }
  if (type === 'btrfs') return (await bytesAt(files, device, BTRFS.at))?.readBigUInt64LE(BTRFS.logRoot) === 0n;
  return undefined;
}

async function bytesAt(files: Host['files'], device: string, at: number): Promise<Buffer | undefined> {
  try {
    for await (const chunk of files.readStream(device, at))
      return chunk.length >= SUPERBLOCK_BYTES ? Buffer.from(chunk) : undefined;
  } catch {
    // A disk that cannot be read says so when it is mounted.
  }
  return undefined;
}
