import { entryOf } from '../../entry-of.ts';
import { StatectlError } from '../../error.ts';
import type { Host } from '../../host/host.ts';
import { resolveInTree } from '../../host/tree.ts';
import { findBlock, userDataDevice } from '../../machine/facts/disks.ts';
import type { Facts } from '../../machine/facts/facts.ts';
import type { TreeFacts } from '../../machine/facts/root-facts.ts';
import { sizeInBytes } from '../../machine/facts/size.ts';
import { IMAGE_MOUNT, RUN_INITRAMFS } from '../../machine/paths.ts';
import { planFstabEntry } from '../../machine/places/fstab-entry.ts';
import {
  layoutPaths,
  mountOrder,
  planLayout,
  planMountPoint,
  planSkeleton,
  USER_DATA_TREE,
} from '../../machine/places/layout.ts';
import { chooseSource, deviceOf, imageFile, type Source, typeOf } from '../../machine/places/source.ts';
import { at, type MachineHost } from '../../machine/roots.ts';
import type { Step } from '../../machine/steps/step.ts';
import type { Phase } from '../phase.ts';
import { IN_SYSROOT, USER_DATA_EARLY } from '../roots.ts';

/** The read-only root, then every writable place over it, each looked at after it was mounted. */
export const mount: Phase = {
  name: 'mount',
  rounds: [
    { plan: (facts) => planImage(chooseSource(facts)) },
    { gather: async (host, facts) => ({ root: { tree: await treeFacts(host, facts) } }) },
    { plan: planRoot, roots: IN_SYSROOT },
    { plan: planState, roots: IN_SYSROOT },
  ],
};

/** No file system of a root is written to, not even its journal. */
const READ_ONLY: Readonly<Record<string, readonly string[]>> = {
  ext2: ['ro'],
  ext3: ['ro', 'noload'],
  ext4: ['ro', 'noload'],
  btrfs: ['ro', 'rescue=nologreplay'],
  squashfs: ['ro'],
  erofs: ['ro'],
};

export function planImage(source: Source): readonly Step[] {
  const type = source.kind === 'partition' ? source.type : typeOf(source);
  const options = entryOf(READ_ONLY, type) ?? ['ro'];
  const from =
    source.kind === 'partition'
      ? { source: source.device, options: [...options, ...source.flags] }
      : deviceOf(source) === undefined
        ? { source: imageFile(source), options: [...options, 'loop'] }
        : { source: deviceOf(source) ?? '', options };
  return [
    { kind: 'mkdir', path: IMAGE_MOUNT },
    { kind: 'mount', target: IMAGE_MOUNT, type, ...from },
    { kind: 'check-mount', target: IMAGE_MOUNT, type, access: 'read-only' },
  ];
}

/** The root itself, or a read-only overlay that adds what the image lacks: mount points, and `statectl`. */
function planRoot(facts: Facts): readonly Step[] {
  const { config } = facts;
  const tree = treeOf(facts);
  const skeleton = planSkeleton(config, tree);
  if (skeleton.length > 0) return [{ kind: 'mkdir', path: `${RUN_INITRAMFS}/skeleton` }, ...skeleton];
  return [{ kind: 'mount', source: IMAGE_MOUNT, target: '/', type: 'bind', options: [] }];
}

function planState(facts: Facts): readonly Step[] {
  const persistent = userDataDevice(facts) !== undefined;
  const target = '/user-data';
  const userData: readonly Step[] = persistent
    ? [{ kind: 'mount', source: USER_DATA_EARLY, target, type: 'move', options: [] }]
    : [
        {
          kind: 'mount',
          source: 'user-data',
          target,
          type: 'tmpfs',
          options: ['mode=755', 'size=50%', 'nosuid', 'nodev'],
        },
      ];
  checkRamdisks(facts);
  return [
    ...userData,
    ...USER_DATA_TREE.map(([path, mode]): Step => ({ kind: 'mkdir', path, mode })),
    ...planPlaces(facts, persistent),
  ];
}

/** A disk of fstab.conf that is there takes the place of a writable place of the same name. */
function planPlaces(facts: Facts, persistent: boolean): readonly Step[] {
  checkBinds(facts, persistent);
  const mounts = new Map([...planLayout(facts, treeOf(facts), persistent), ...planFstab(facts)]);
  return mountOrder(facts.config, [...mounts.keys()]).flatMap((mountPoint) => mounts.get(mountPoint) ?? []);
}

/** The other entries of fstab.conf whose devices are there. */
function planFstab(facts: Facts): ReadonlyMap<string, readonly Step[]> {
  const {
    config,
    root: { blocks },
  } = facts;
  const steps = new Map<string, readonly Step[]>();
  for (const [mountPoint, entry] of Object.entries(config.fstab)) {
    const block = findBlock(blocks ?? [], entry.source);
    if (!block || mountPoint === '/user-data') continue;
    const folder = planMountPoint(config, treeOf(facts), mountPoint);
    steps.set(mountPoint, planFstabEntry(mountPoint, entry, block, folder));
  }
  return steps;
}

/** `missing: fail`: rather no boot than one that forgets. */
function checkBinds({ config }: Facts, persistent: boolean): void {
  for (const [mountPoint, entry] of Object.entries(config.overlays))
    if (entry.kind === 'bind' && entry.missing === 'fail' && entry.source.startsWith('/user-data/') && !persistent)
      throw new StatectlError(
        'persistent-missing',
        `${mountPoint} must persist (overlays.conf: missing: fail), but the disk for /user-data is not there`,
        {
          hint: 'see the disks with `blkid`; `missing: ram` in system/overlays.conf boots without it',
        },
      );
}

/** A copy that cannot fit is refused before it begins. */
function checkRamdisks(facts: Facts): void {
  for (const [mountPoint, bytes] of Object.entries(treeOf(facts).ramdiskBytes)) {
    const entry = entryOf(facts.config.overlays, mountPoint);
    if (entry?.kind !== 'ramdisk') continue;
    const room = sizeInBytes(entry.size, facts.machine.ramBytes);
    if (bytes > room)
      throw new StatectlError(
        'ramdisk-too-small',
        `${mountPoint} of the image has ${bytes} bytes, its RAM disk only ${room} (size: ${entry.size})`,
        {
          hint: `raise the size of ${mountPoint} in system/overlays.conf, or make it an overlay`,
        },
      );
  }
}

function treeOf({ root: { tree } }: Facts): TreeFacts {
  if (!tree)
    throw new StatectlError('facts-incomplete', "the facts lack the image's tree", {
      hint: 'take facts.json of a boot that came as far as its mount phase',
    });
  return tree;
}

/** What the layout must know of the mounted image. */
async function treeFacts(host: MachineHost, facts: Facts): Promise<TreeFacts> {
  const { config } = facts;
  const paths: Record<string, TreeFacts['paths'][string]> = {};
  for (const path of layoutPaths(config)) paths[path] = await kindInImage(host, path);
  const persistent = userDataDevice(facts) !== undefined;
  const emptySources: string[] = [];
  const owners: Record<string, TreeFacts['owners'][string]> = {};
  const ramdiskBytes: Record<string, number> = {};
  /** What lies elsewhere is on a disk that is mounted later: it may be full of files. */
  const isEmpty = async (source: string) => {
    if (!source.startsWith('/user-data/')) return false;
    const names = persistent ? await host.files.list(source).catch(() => []) : [];
    return names.length === 0;
  };
  const hasContent = async (path: string) => (await host.files.list(IMAGE_MOUNT + path).catch(() => [])).length > 0;
  for (const [mountPoint, entry] of Object.entries(config.overlays)) {
    if (entry.kind === 'bind' && (await hasContent(mountPoint)) && (await isEmpty(entry.source)))
      emptySources.push(entry.source);
    if (entry.kind === 'overlay') {
      const stat = await host.files.stat(IMAGE_MOUNT + mountPoint);
      if (stat?.type === 'dir') owners[mountPoint] = { mode: stat.mode, uid: stat.uid, gid: stat.gid };
      const upper = `/user-data/persistent${mountPoint}/upper`;
      if (entry.upper === 'persistent' && !(await host.files.stat(upper))) emptySources.push(upper);
    }
    if (entry.kind === 'ramdisk' && entryOf(paths, mountPoint) === 'dir') {
      const { stdout } = await host.exec.run(['du', '-sk', at(host.roots, IMAGE_MOUNT + mountPoint)]);
      ramdiskBytes[mountPoint] = Number.parseInt(stdout, 10) * 1024 || 0;
    }
  }
  return { paths, emptySources, owners, ramdiskBytes, ...(await commandFolder(host)) };
}

/** The builder's images have the link; a folder of another's may be a link itself. */
async function commandFolder({ files }: Host): Promise<Pick<TreeFacts, 'commandFolder'>> {
  for (const path of ['/usr/bin', '/bin']) {
    const found = await resolveInTree(files, IMAGE_MOUNT, path).catch(() => undefined);
    if (found?.stat.type !== 'dir') continue;
    return (await files.stat(`${IMAGE_MOUNT}${found.path}/statectl`)) ? {} : { commandFolder: found.path };
  }
  return {};
}

async function kindInImage(host: Host, path: string): Promise<TreeFacts['paths'][string]> {
  const stat = await host.files.stat(IMAGE_MOUNT + path);
  if (stat?.type === 'dir' || stat?.type === 'file') return stat.type;
  if (stat?.type === 'symlink') return 'symlink';
  // Its folder may be reached by a link of a merged /usr.
  const resolved = await resolveInTree(host.files, IMAGE_MOUNT, path).catch(() => undefined);
  return resolved?.stat.type === 'dir' ? 'dir' : 'missing';
}
