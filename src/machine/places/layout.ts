import { dirname } from 'node:path';
import type { Config, OverlayEntry } from '../../config/config.ts';
import { entryOf } from '../../entry-of.ts';
import type { Facts } from '../facts/facts.ts';
import type { TreeFacts } from '../facts/root-facts.ts';
import { IMAGE_MOUNT, PROGRAM, SKELETON } from '../paths.ts';
import type { Step } from '../steps/step.ts';
import { type Place, places, upperHome } from './places.ts';

/** The /user-data tree of the project's documents. */
export const USER_DATA_TREE: readonly (readonly [path: string, mode: number])[] = [
  ['/user-data/mnt', 0o755],
  ['/user-data/tmpfs', 0o755],
  ['/user-data/tmpfs/tmp', 0o1777],
  ['/user-data/tmpfs/var', 0o755],
  ['/user-data/tmpfs/etc', 0o755],
  ['/user-data/persistent', 0o755],
  ['/user-data/persistent/etc', 0o755],
  ['/user-data/persistent/var', 0o755],
  ['/user-data/persistent/logs', 0o755],
  ['/user-data/persistent/config.d', 0o755],
  ['/user-data/persistent/rmount', 0o755],
  ['/user-data/persistent/local', 0o755],
  ['/user-data/persistent/local/data', 0o755],
  ['/user-data/persistent/local/root', 0o700],
  ['/user-data/persistent/local/home', 0o755],
  ['/user-data/persistent/local/mnt', 0o755],
  ['/user-data/persistent/local/media', 0o755],
];

/** The mount points that switch_root, the kernel and systemd need in any root. */
const ALWAYS = ['/dev', '/proc', '/sys', '/run'];

/** Every path that must be in the root before the layout can be mounted. */
export const layoutPaths = (config: Config): readonly string[] =>
  [
    ...new Set([
      ...ALWAYS,
      '/user-data',
      ...Object.keys(config.fstab),
      ...Object.keys(config.tmpfs),
      ...Object.keys(config.overlays),
    ]),
  ].sort();

/** True when a path lies below a place that is writable anyway, so that the directory can be made there. */
const belowPlace = (config: Config, path: string): boolean =>
  [
    ...Object.keys(config.fstab),
    ...Object.keys(config.tmpfs),
    ...Object.keys(config.overlays).filter(
      (place) => !['symlink', 'readonly'].includes(entryOf(config.overlays, place)?.kind ?? ''),
    ),
    '/user-data',
    '/run',
  ].some((place) => path.startsWith(`${place}/`));

/** True when the place around a path begins as empty RAM: what the image has there is not in it. */
function beginsEmpty(config: Config, path: string): boolean {
  const around = [...Object.keys(config.tmpfs), ...Object.keys(config.overlays)]
    .filter((place) => path.startsWith(`${place}/`))
    .reduce((inner, place) => (place.length > inner.length ? place : inner), '');
  const entry = entryOf(config.overlays, around);
  return entry ? entry.kind === 'tmpfs' && !entry.skeleton : Object.hasOwn(config.tmpfs, around);
}

/** The step that makes a mount point in the place around it, where neither the image nor what begins empty has one. */
export const planMountPoint = (config: Config, tree: TreeFacts, path: string): readonly Step[] =>
  beginsEmpty(config, path) || (entryOf(tree.paths, path) === 'missing' && belowPlace(config, path))
    ? [{ kind: 'mkdir', path, mode: 0o755 }]
    : [];

/** Mount points that neither the image nor a writable place above them has: the skeleton must supply them. */
export const missingMountPoints = (config: Config, tree: TreeFacts): readonly string[] =>
  layoutPaths(config).filter((path) => entryOf(tree.paths, path) === 'missing' && !belowPlace(config, path));

/** A read-only overlay of two lowers and no upper: nothing can be written, and the kernel refuses `remount,rw`. */
export function planSkeleton(config: Config, tree: TreeFacts): readonly Step[] {
  const missing = missingMountPoints(config, tree);
  const commandFolder = isInPlace(config, tree.commandFolder) ? undefined : tree.commandFolder;
  if (missing.length === 0 && commandFolder === undefined) return [];
  return [
    {
      kind: 'mount',
      source: 'skeleton',
      target: SKELETON,
      type: 'tmpfs',
      options: ['size=1m', 'mode=755', 'nosuid', 'nodev'],
    },
    ...missing.map((path): Step => ({ kind: 'mkdir', path: SKELETON + path, mode: 0o755 })),
    ...(commandFolder === undefined ? [] : planCommand(SKELETON + commandFolder)),
    // The image on top: its directories keep their owners and modes, and no directory hides a link such as /lib.
    {
      kind: 'mount',
      source: 'root',
      target: '/',
      type: 'overlay',
      options: ['ro', `lowerdir=${IMAGE_MOUNT}:${SKELETON}`],
    },
    { kind: 'check-mount', target: '/', type: 'overlay', access: 'read-only' },
  ];
}

/** People, sudo, cron and services find `statectl` in the one folder that each default PATH has. */
const planCommand = (folder: string): readonly Step[] => [
  { kind: 'mkdir', path: folder, mode: 0o755 },
  { kind: 'symlink', target: PROGRAM, path: `${folder}/statectl` },
];

/** The same where that folder is in a writable place, which covers the root. Pure. */
export function planCommandInPlace({ config, root: { tree } }: Pick<Facts, 'config' | 'root'>): readonly Step[] {
  const folder = tree?.commandFolder;
  return folder !== undefined && isInPlace(config, folder) ? planCommand(folder) : [];
}

const isInPlace = (config: Config, folder: string | undefined): boolean =>
  folder !== undefined && belowPlace(config, `${folder}/statectl`);

/** For each mount point the steps that mount its writable place over the read-only root, and say what it must have become. Pure. */
export function planLayout(
  { config }: Pick<Facts, 'config'>,
  tree: TreeFacts,
  persistent: boolean,
): ReadonlyMap<string, readonly Step[]> {
  const steps = places(config, persistent).map((place): readonly [string, readonly Step[]] => {
    const { mountPoint } = place;
    const entry = entryOf(config.overlays, mountPoint);
    // What is a link in the image leads into another place already; mounting over it would land outside the root.
    if (entryOf(tree.paths, mountPoint) === 'symlink') return [mountPoint, []];
    return [
      mountPoint,
      [
        ...planMountPoint(config, tree, mountPoint),
        ...(entry ? planOverlay(entry, place, tree) : planTmpfs(config, mountPoint)),
      ],
    ];
  });
  return new Map(steps);
}

/** Mount points in the order in which they can be mounted: what is around one before it, and before a bind what its source is in. */
export function mountOrder(config: Config, mountPoints: readonly string[]): readonly string[] {
  const ordered = new Set<string>();
  const visited = new Set<string>();
  const visit = (mountPoint: string): void => {
    if (visited.has(mountPoint)) return;
    visited.add(mountPoint);
    const entry = entryOf(config.overlays, mountPoint);
    const below = [mountPoint, ...(entry?.kind === 'bind' ? [`${entry.source}/`] : [])];
    for (const other of mountPoints)
      if (other !== mountPoint && below.some((path) => path.startsWith(`${other}/`))) visit(other);
    ordered.add(mountPoint);
  };
  for (const mountPoint of mountPoints.toSorted()) visit(mountPoint);
  return [...ordered];
}

function planTmpfs(config: Config, target: string): readonly Step[] {
  const entry = entryOf(config.tmpfs, target);
  if (!entry) return [];
  return [
    tmpfsMount(target, entry.size, entry.mode, entry.options),
    { kind: 'check-mount', target, type: 'tmpfs', access: 'read-write' },
  ];
}

function planOverlay(entry: OverlayEntry, place: Place, tree: TreeFacts): readonly Step[] {
  const target = place.mountPoint;
  const image = IMAGE_MOUNT + place.mountPoint;
  const isInImage = entryOf(tree.paths, place.mountPoint) === 'dir';
  switch (entry.kind) {
    case 'tmpfs':
      return [
        tmpfsMount(target, entry.size, entry.mode ?? 0o755, entry.options),
        ...(entry.skeleton && isInImage ? [{ kind: 'copy', from: image, to: target, what: 'skeleton' } as const] : []),
        { kind: 'check-mount', target, type: 'tmpfs', access: 'read-write' },
      ];
    case 'ramdisk':
      return [
        tmpfsMount(target, entry.size, 0o755, entry.options),
        ...(isInImage ? [{ kind: 'copy', from: image, to: target, what: 'everything' } as const] : []),
        { kind: 'check-mount', target, type: 'tmpfs', access: 'read-write' },
      ];
    case 'overlay': {
      const home = upperHome(place.mountPoint, place.persistent);
      const ram: readonly Step[] = place.persistent ? [] : [tmpfsMount(home, entry.size, 0o755, [])];
      const owner = entryOf(tree.owners, place.mountPoint) ?? { mode: 0o755, uid: 0, gid: 0 };
      // The merged directory takes its owner from the upper. One that is there already may have been given to another since.
      const isNew = !place.persistent || tree.emptySources.includes(`${home}/upper`);
      const isRoots = owner.uid === 0 && owner.gid === 0;
      const lower = isInImage ? image : `${home}/lower`;
      const options = [
        `lowerdir=${lower}`,
        `upperdir=${home}/upper`,
        `workdir=${home}/work`,
        'redirect_dir=off',
        'metacopy=off',
        'index=off',
        'xino=off',
      ];
      return [
        { kind: 'mkdir', path: home, mode: 0o755 },
        ...ram,
        ...(isInImage ? [] : [{ kind: 'mkdir', path: lower, mode: 0o755 } as const]),
        { kind: 'mkdir', path: `${home}/upper`, mode: owner.mode },
        ...(isNew && !isRoots
          ? [{ kind: 'owner', path: `${home}/upper`, uid: owner.uid, gid: owner.gid } as const]
          : []),
        { kind: 'mkdir', path: `${home}/work`, mode: 0o755 },
        { kind: 'mount', source: 'overlay', target, type: 'overlay', options },
        { kind: 'check-mount', target, type: 'overlay', access: 'read-write' },
      ];
    }
    case 'bind': {
      const { source } = entry;
      const mode = entry.mode ?? 0o755;
      const isEmpty = isInImage && tree.emptySources.includes(entry.source);
      return [
        ...(USER_DATA_TREE.some(([path]) => path === dirname(entry.source))
          ? []
          : [{ kind: 'mkdir', path: dirname(source), mode: 0o755 } as const]),
        { kind: 'mkdir', path: source, mode },
        ...(isEmpty ? planSeed(image, source, mode, place.persistent) : []),
        { kind: 'mount', source, target, type: 'bind', options: [] },
        ...(entry.options.length > 0
          ? [{ kind: 'mount', source, target, type: 'remount', options: entry.options } as const]
          : []),
      ];
    }
    case 'readonly':
      // Without it in the image there is nothing to show; what lies around it is then as it is.
      return isInImage
        ? [
            { kind: 'mount', source: image, target, type: 'bind', options: [] },
            { kind: 'mount', source: image, target, type: 'remount', options: ['ro'] },
          ]
        : [];
    case 'symlink':
      return [];
  }
}

/** On a disk the copy appears as a whole or not at all: half of one would count as seeded at the next boot. */
const planSeed = (image: string, source: string, mode: number, persistent: boolean): readonly Step[] =>
  persistent
    ? [
        { kind: 'remove', path: `${source}.seed` },
        { kind: 'mkdir', path: `${source}.seed`, mode },
        { kind: 'copy', from: image, to: `${source}.seed`, what: 'everything' },
        { kind: 'rename', from: `${source}.seed`, to: source },
      ]
    : [{ kind: 'copy', from: image, to: source, what: 'everything' }];

const tmpfsMount = (target: string, size: string, mode: number, options: readonly string[]): Step => ({
  kind: 'mount',
  source: 'tmpfs',
  target,
  type: 'tmpfs',
  options: [...options, `mode=${mode.toString(8)}`, `size=${size}`],
});
