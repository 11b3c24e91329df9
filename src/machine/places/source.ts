import { type CommandLine, getArgument } from '../../config/command-line/command-line.ts';
import { StatectlError } from '../../error.ts';
import { COPIES, type LocalCopy, rootFile, rootOf } from '../../fetch/local-copy.ts';
import type { Manifest } from '../../signed/image-manifest.ts';
import type { Decision } from '../../slots/decide.ts';
import { copyOf, decisionOf, stagedImage } from '../cycle/cycle-decision.ts';
import { TREE_FILE_SYSTEM } from '../cycle/slot-tree.ts';
import { bootsLocalRoot, findBlock, userDataDevice } from '../facts/disks.ts';
import type { Facts } from '../facts/facts.ts';
import { withFound } from '../facts/found-facts.ts';
import type { BlockFacts, SlotPlace } from '../facts/root-facts.ts';
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
      /** The partition that it is copied to, and mounted from. */
      readonly into?: SlotPlace;
    }
  | {
      readonly kind: 'copy';
      readonly manifest: Manifest;
      readonly dir: string;
      /** The partition that it lies on. */
      readonly device?: string;
      /** Its tree is there, unpacked. */
      readonly unpacked?: true;
      /** Of a slot that is damaged: where it is made anew, and from which copy. */
      readonly clone?: { readonly from: LocalCopy; readonly into: SlotPlace };
    };

const PARTITION_TYPES = new Set(['squashfs', 'erofs', 'ext2', 'ext3', 'ext4', 'btrfs']);

/** Copies lie by content, so an interrupted download never touches a good one. */
export const copyDir = (manifest: Manifest): string => `${COPIES}/${manifest.root.sha256}`;

type ImageSource = Exclude<Source, { kind: 'partition' }>;

/** The file that the root image is fetched to, or where it is. */
export const imageFile = (source: ImageSource): string =>
  source.kind === 'copy' ? rootOf(source) : rootFile(source.dir, source.manifest);

/** The partition that the root is mounted from; undefined: it is a file. */
export const deviceOf = (source: ImageSource): string | undefined =>
  source.kind === 'copy' ? source.device : source.into?.device;

/** The type of the file system that the root is mounted from. */
export const typeOf = (source: ImageSource): string =>
  (source.kind === 'copy' ? source.unpacked : source.into?.form === 'tree')
    ? TREE_FILE_SYSTEM.type
    : source.manifest.root.type;

/** Throws `root-missing` or `root-unknown` with what is there instead, `slots-bad` where nothing that is here may be booted. */
export function chooseSource(facts: Facts): Source {
  if (bootsLocalRoot(facts)) return partition(facts);
  const decision = decisionOf(facts);
  if (decision) return ofDecision(facts, decision);
  if (facts.root.offer) {
    const { manifest, rootUrls } = facts.root.offer;
    if (facts.root.copy?.manifest.root.sha256 === manifest.root.sha256) return ofCopy(facts.root.copy);
    // Who has partitions for its systems keeps none elsewhere.
    const isFile = facts.config.update.slots.kind === 'file';
    const kept = isFile && facts.config.boot.keepCopy && !facts.root.copyFailed && userDataDevice(facts) !== undefined;
    return {
      kind: 'fetched',
      manifest,
      urls: rootUrls,
      kept,
      dir: kept ? copyDir(manifest) : RAM_IMAGE,
    };
  }
  if (facts.root.copy) return ofCopy(facts.root.copy);
  throw nothingToBoot();
}

const ofCopy = ({ manifest, dir, device, unpacked }: LocalCopy): Source => ({
  ...{ kind: 'copy', manifest, dir },
  ...(device !== undefined && { device }),
  ...(unpacked && { unpacked }),
});

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
  const { slots } = root;
  const staged = root.offer ?? stagedImage(root);
  if (choice.kind === 'image' && staged) {
    const { manifest } = staged;
    const into = slots?.[choice.slot];
    const urls = root.offer?.rootUrls ?? [];
    return { kind: 'fetched', manifest, urls, kept: true, dir: copyDir(manifest), ...(into && { into }) };
  }
  if (choice.kind === 'clone') {
    const [from, into] = [slots?.[choice.from]?.copy, slots?.[choice.slot]];
    if (from && into?.device !== undefined) {
      const { device, dir } = into;
      const unpacked = into.form === 'tree' && ({ unpacked: true } as const);
      return { kind: 'copy', manifest: from.manifest, dir, device, ...unpacked, clone: { from, into } };
    }
  }
  const digest = choice.kind === 'slot' ? state[choice.slot]?.digest : undefined;
  const copy = slots && choice.kind === 'slot' ? slots[choice.slot]?.copy : copyOf(root, digest);
  if (copy) return ofCopy(copy);
  const stored = slots && choice.kind === 'none' && storedImage(root, state);
  if (stored) return ofCopy(stored);
  if (choice.kind !== 'none' || choice.why.length === 0) throw nothingToBoot();
  throw new StatectlError('slots-bad', `no system of this machine may be booted: ${choice.why.join('; ')}`, {
    hint: 'give the server another image, or say which one is good: `statectl slots mark-good a`; then `statectl rescue retry slot`',
  });
}

/** An image in the store that no partition took, and nobody found bad. Pure. */
function storedImage(
  { copy, altered = [] }: Facts['root'],
  { a, b, denied }: Decision['state'],
): LocalCopy | undefined {
  const { sha256 } = copy?.manifest.root ?? {};
  if (!copy || copy.device !== undefined || sha256 === undefined || altered.includes(sha256)) return undefined;
  const isBad = [a, b].some((record) => record?.digest === sha256 && record.state === 'BAD');
  return isBad || denied.includes(sha256) ? undefined : copy;
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
