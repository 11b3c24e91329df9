import { type CommandLine, getArgument } from '../../config/command-line/command-line.ts';
import { StatectlError } from '../../error.ts';
import { COPIES } from '../../fetch/local-copy.ts';
import type { Manifest, RootType } from '../../signed/image-manifest.ts';
import { bootsLocalRoot, findBlock, userDataDevice } from '../facts/disks.ts';
import type { Facts } from '../facts/facts.ts';
import type { BlockFacts } from '../facts/root-facts.ts';
import { RAM_IMAGE } from '../paths.ts';

/** Where the root comes from, decided from the facts alone. */
export type Source =
  | { readonly kind: 'partition'; readonly device: string; readonly type: string; readonly flags: readonly string[] }
  | {
      readonly kind: 'fetched';
      readonly manifest: Manifest;
      readonly urls: readonly string[];
      readonly dir: string;
      readonly kept: boolean;
    }
  | { readonly kind: 'copy'; readonly manifest: Manifest; readonly dir: string };

const PARTITION_TYPES = new Set(['squashfs', 'erofs', 'ext2', 'ext3', 'ext4', 'btrfs']);

/** Copies lie by content, so an interrupted download never touches a good one. */
export const copyDir = (manifest: Manifest): string => `${COPIES}/${manifest.root.sha256}`;

/** The file of the root image once it is there. */
export const imageFile = (source: Exclude<Source, { kind: 'partition' }>): string =>
  `${source.dir}/root.${source.manifest.root.type satisfies RootType}`;

/** Throws `root-missing` or `root-unknown` with what is there instead. */
export function chooseSource(facts: Facts): Source {
  if (bootsLocalRoot(facts)) return partition(facts);
  if (facts.root.offer) {
    const { manifest, rootUrls } = facts.root.offer;
    if (facts.root.copy?.manifest.root.sha256 === manifest.root.sha256)
      return { kind: 'copy', manifest, dir: facts.root.copy.dir };
    const kept = facts.config.boot.keepCopy && !facts.root.copyFailed && userDataDevice(facts) !== undefined;
    return {
      kind: 'fetched',
      manifest,
      urls: rootUrls,
      kept,
      dir: kept ? copyDir(manifest) : RAM_IMAGE,
    };
  }
  if (facts.root.copy) return { kind: 'copy', manifest: facts.root.copy.manifest, dir: facts.root.copy.dir };
  throw new StatectlError(
    'root-missing',
    'there is neither a local root, nor an answer of a server, nor a copy of an image',
    {
      hint: 'see the messages of the network and bundle phases above',
    },
  );
}

function partition({ config, commandLine, root: { blocks } }: Facts): Source {
  const reference = config.boot.root ?? '';
  const block = findBlock(blocks ?? [], reference);
  if (!block)
    throw new StatectlError('root-missing', `the root ${reference} is not there; ${sayBlocks(blocks ?? [])}`, {
      hint: 'correct root= or system/boot.conf; a disk that is not listed may need a driver that the initramfs lacks',
    });
  const type = textOf(commandLine, 'rootfstype') ?? block.type;
  if (!type || !PARTITION_TYPES.has(type))
    throw new StatectlError(
      'root-unknown',
      `${block.device} holds ${type ?? 'nothing that blkid knows'}, expected one of ${[...PARTITION_TYPES].join(', ')}`,
      {
        hint: 'write the image to it, or name another device',
      },
    );
  const flags = (textOf(commandLine, 'rootflags') ?? '')
    .split(',')
    .filter((flag) => flag !== '' && flag !== 'rw' && flag !== 'ro');
  return { kind: 'partition', device: block.device, type, flags };
}

const textOf = (commandLine: CommandLine, name: string): string | undefined =>
  getArgument(commandLine, name)?.value || undefined;

const sayBlocks = (blocks: readonly BlockFacts[]): string =>
  blocks.length === 0
    ? 'there is no disk at all'
    : `there ${blocks.length === 1 ? 'is' : 'are'} ${blocks.map(({ device, type, label, uuid }) => `${device} (${[type ?? 'unknown', label && `LABEL=${label}`, uuid && `UUID=${uuid}`].filter(Boolean).join(', ')})`).join(', ')}`;
