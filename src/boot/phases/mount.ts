import { StatectlError } from '../../error.ts';
import type { Host } from '../../host/host.ts';
import type { Facts, TreeFacts } from '../facts.ts';
import { resolveInTree } from '../../image/tree.ts';
import { layoutPaths, missingMountPoints, planLayout, planSkeleton, USER_DATA_TREE } from '../layout.ts';
import { IMAGE_MOUNT, RUN_INITRAMFS, SYSROOT, USER_DATA_EARLY } from '../paths.ts';
import type { Phase } from '../phase.ts';
import { chooseSource, imageFile, type Source } from '../source.ts';
import type { Step } from '../step.ts';
import { findBlock, planCheck, userDataDevice } from './devices.ts';
import { sizeInBytes } from '../size.ts';

/** The read-only root, then every writable place over it, each looked at after it was mounted. */
export const mount: Phase = {
  name: 'mount',
  rounds: [
    { plan: (facts) => planImage(chooseSource(facts)) },
    { gather: async (host, facts) => ({ tree: await treeFacts(host, facts) }), plan: planRoot },
    { plan: planState },
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
  const type = source.kind === 'partition' ? source.type : source.manifest.root.type;
  const options = READ_ONLY[type] ?? ['ro'];
  const from =
    source.kind === 'partition'
      ? { source: source.device, options: [...options, ...source.flags] }
      : { source: imageFile(source), options: [...options, 'loop'] };
  return [
    { kind: 'mkdir', path: IMAGE_MOUNT },
    { kind: 'mount', target: IMAGE_MOUNT, type, ...from },
    { kind: 'check-mount', target: IMAGE_MOUNT, type, access: 'read-only' },
  ];
}

/** The root itself, or a read-only overlay that adds the mount points the image lacks. */
function planRoot(facts: Facts): readonly Step[] {
  const { config } = facts;
  const tree = treeOf(facts);
  if (missingMountPoints(config, tree).length > 0) return [{ kind: 'mkdir', path: `${RUN_INITRAMFS}/skeleton` }, ...planSkeleton(config, tree)];
  return [{ kind: 'mount', source: IMAGE_MOUNT, target: SYSROOT, type: 'bind', options: [] }];
}

function planState(facts: Facts): readonly Step[] {
  const persistent = userDataDevice(facts) !== undefined;
  const target = `${SYSROOT}/user-data`;
  const userData: readonly Step[] = persistent
    ? [{ kind: 'mount', source: USER_DATA_EARLY, target, type: 'move', options: [] }]
    : [{ kind: 'mount', source: 'user-data', target, type: 'tmpfs', options: ['mode=755', 'size=50%', 'nosuid', 'nodev'] }];
  checkRamdisks(facts);
  return [
    ...userData,
    ...USER_DATA_TREE.map(([path, mode]): Step => ({ kind: 'mkdir', path: SYSROOT + path, mode })),
    ...planFstab(facts),
    ...planLayout(facts, treeOf(facts), persistent),
  ];
}

/** The other entries of fstab.conf whose devices are there. */
function planFstab({ config, blocks }: Facts): readonly Step[] {
  return Object.entries(config.fstab)
    .filter(([mountPoint]) => mountPoint !== '/user-data')
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([mountPoint, entry]): readonly Step[] => {
      const block = findBlock(blocks ?? [], entry.source);
      if (!block && entry.missing === 'fail')
        throw new StatectlError('device-missing', `the device for ${mountPoint} (${entry.source}) is not there`, { hint: 'see the disks with `blkid`; system/fstab.conf says what a missing one means' });
      if (!block) return [];
      const type = entry.type === 'auto' ? (block.type ?? 'ext4') : entry.type;
      const target = SYSROOT + mountPoint;
      return [
        ...planCheck(block.device, type),
        { kind: 'mount', source: block.device, target, type, options: entry.options },
        { kind: 'check-mount', target, type, access: entry.options.includes('ro') ? 'read-only' : 'read-write' },
      ];
    });
}

/** A copy that cannot fit is refused before it begins. */
function checkRamdisks(facts: Facts): void {
  for (const [mountPoint, bytes] of Object.entries(treeOf(facts).ramdiskBytes)) {
    const entry = facts.config.overlays[mountPoint];
    if (entry?.kind !== 'ramdisk') continue;
    const room = sizeInBytes(entry.size, facts.machine.ramBytes);
    if (bytes > room)
      throw new StatectlError('ramdisk-too-small', `${mountPoint} of the image has ${bytes} bytes, its RAM disk only ${room} (size: ${entry.size})`, {
        hint: `raise the size of ${mountPoint} in system/overlays.conf, or make it an overlay`,
      });
  }
}

function treeOf({ tree }: Facts): TreeFacts {
  if (!tree) throw new StatectlError('facts-incomplete', 'the facts lack the image\'s tree', { hint: 'take facts.json of a boot that came as far as its mount phase' });
  return tree;
}

/** What the layout must know of the mounted image. */
async function treeFacts(host: Host, facts: Facts): Promise<TreeFacts> {
  const { config } = facts;
  const paths: Record<string, TreeFacts['paths'][string]> = {};
  for (const path of layoutPaths(config)) paths[path] = await kindInImage(host, path);
  const persistent = userDataDevice(facts) !== undefined;
  const emptySources: string[] = [];
  const ramdiskBytes: Record<string, number> = {};
  for (const [mountPoint, entry] of Object.entries(config.overlays)) {
    if (entry.kind === 'bind' && paths[mountPoint] === 'dir') {
      const source = entry.source.replace(/^\/user-data\//, `${USER_DATA_EARLY}/`);
      const names = persistent ? await host.files.list(source).catch(() => []) : [];
      if (names.length === 0) emptySources.push(entry.source);
    }
    if (entry.kind === 'ramdisk') {
      const { stdout } = await host.exec.run(['du', '-sk', `${IMAGE_MOUNT}${mountPoint}`]);
      ramdiskBytes[mountPoint] = Number.parseInt(stdout, 10) * 1024 || 0;
    }
  }
  return { paths, emptySources, ramdiskBytes };
}

async function kindInImage(host: Host, path: string): Promise<TreeFacts['paths'][string]> {
  const stat = await host.files.stat(IMAGE_MOUNT + path);
  if (stat?.type === 'dir' || stat?.type === 'file') return stat.type;
  if (stat?.type === 'symlink') return 'symlink';
  // Its folder may be reached by a link of a merged /usr.
  const resolved = await resolveInTree(host.files, IMAGE_MOUNT, path).catch(() => undefined);
  return resolved?.stat.type === 'dir' ? 'dir' : 'missing';
}
