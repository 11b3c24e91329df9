import { type CommandLine, getArgument } from '../../config/command-line/command-line.ts';
import { StatectlError } from '../../error.ts';
import { COPIES, rootFile } from '../../fetch/local-copy.ts';
import type { Manifest } from '../../signed/image-manifest.ts';
import type { Decision } from '../../slots/decide.ts';
import { copyOf, decisionOf } from '../cycle/cycle-decision.ts';
import { bootsLocalRoot, findBlock, userDataDevice } from '../facts/disks.ts';
import type { Facts } from '../facts/facts.ts';
import { withFound } from '../facts/found-facts.ts';
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
  rootFile(source.dir, source.manifest);

/** Throws `root-missing` or `root-unknown` with what is there instead, `slots-bad` where nothing that is here may be booted. */
export function chooseSource(facts: Facts): Source {
  if (bootsLocalRoot(facts)) return partition(facts);
  const decision = decisionOf(facts);
  if (decision) return ofDecision(facts, decision);
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
  throw nothingToBoot();
}

const nothingToBoot = (): StatectlError =>
  new StatectlError(
    'root-missing',
    'there is neither a local root, nor an answer of a server, nor a copy of an image',
    {
      hint: 'see the messages of the network and bundle phases above',
    },
  );

/** Whether a copy on this machine is booted where nothing is offered, by the kernel that runs. Pure. */
export function bootsCopyAlone(facts: Facts): boolean {
  try {
    const source = chooseSource(withFound(facts, { root: { offer: undefined } }));
    return source.kind === 'copy' && source.manifest.kernelRelease === facts.machine.kernelRelease;
  } catch {
    return false;
  }
}

function ofDecision({ root }: Facts, { choice, state }: Decision): Source {
  if (choice.kind === 'image' && root.offer) {
    const { manifest, rootUrls } = root.offer;
    return { kind: 'fetched', manifest, urls: rootUrls, kept: true, dir: copyDir(manifest) };
  }
  const copy = choice.kind === 'slot' ? copyOf(root, state[choice.slot]?.digest) : undefined;
  if (copy) return { kind: 'copy', manifest: copy.manifest, dir: copy.dir };
  if (choice.kind !== 'none' || choice.why.length === 0) throw nothingToBoot();
  throw new StatectlError('slots-bad', `no system of this machine may be booted: ${choice.why.join('; ')}`, {
    hint: 'give the server another image, or say which one is good: `statectl slots mark-good a`; then `statectl rescue retry slot`',
  });
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
