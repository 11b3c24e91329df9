import type { Config, OverlayEntry } from '../config/config.ts';
import type { Facts, TreeFacts } from './facts.ts';
import { IMAGE_MOUNT, SKELETON, SYSROOT, UPPERS } from './paths.ts';
import type { Step } from './step.ts';

/** One writable place of the running system, as `statectl status` reports it. */
export interface Place {
  readonly mountPoint: string;
  readonly kind: OverlayEntry['kind'];
  /** True when it survives a reboot. */
  readonly persistent: boolean;
  readonly upper?: string;
  readonly lower?: string;
  readonly image?: string;
}

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
  [...new Set([...ALWAYS, '/user-data', ...Object.keys(config.fstab), ...Object.keys(config.tmpfs), ...Object.keys(config.overlays)])].sort();

/** True when a path lies below a place that is writable anyway, so that the directory can be made there. */
const belowPlace = (config: Config, path: string): boolean =>
  [...Object.keys(config.tmpfs), ...Object.keys(config.overlays), '/user-data', '/run'].some((place) => path.startsWith(`${place}/`));

/** Mount points that neither the image nor a writable place above them has: the skeleton must supply them. */
export const missingMountPoints = (config: Config, tree: TreeFacts): readonly string[] =>
  layoutPaths(config).filter((path) => tree.paths[path] === 'missing' && !belowPlace(config, path));

/** A read-only overlay of two lowers and no upper: nothing can be written, and the kernel refuses `remount,rw`. */
export function planSkeleton(config: Config, tree: TreeFacts): readonly Step[] {
  const missing = missingMountPoints(config, tree);
  if (missing.length === 0) return [];
  return [
    { kind: 'mount', source: 'skeleton', target: SKELETON, type: 'tmpfs', options: ['size=1m', 'mode=755', 'nosuid', 'nodev'] },
    ...missing.map((path): Step => ({ kind: 'mkdir', path: SKELETON + path, mode: 0o755 })),
    { kind: 'mount', source: 'root', target: SYSROOT, type: 'overlay', options: ['ro', `lowerdir=${SKELETON}:${IMAGE_MOUNT}`] },
    { kind: 'check-mount', target: SYSROOT, type: 'overlay', access: 'read-only' },
  ];
}

/** The places of a config, parents first. `persistent` says whether /user-data is on a disk. */
export function places(config: Config, persistent: boolean): readonly Place[] {
  const overlays = Object.entries(config.overlays).map(([mountPoint, entry]): Place => {
    const image = IMAGE_MOUNT + mountPoint;
    switch (entry.kind) {
      case 'overlay': {
        const kept = entry.upper === 'persistent' && persistent;
        return { mountPoint, kind: 'overlay', persistent: kept, upper: `${upperHome(mountPoint, kept)}/upper`, lower: image };
      }
      case 'bind':
        return { mountPoint, kind: 'bind', persistent: persistent && entry.source.startsWith('/user-data/') };
      case 'ramdisk':
        return { mountPoint, kind: 'ramdisk', persistent: false, image };
      case 'tmpfs':
      case 'symlink':
        return { mountPoint, kind: entry.kind, persistent: false };
    }
  });
  const tmpfs = Object.keys(config.tmpfs).map((mountPoint): Place => ({ mountPoint, kind: 'tmpfs', persistent: false }));
  return [...overlays, ...tmpfs].sort((a, b) => (a.mountPoint < b.mountPoint ? -1 : 1));
}

const upperHome = (mountPoint: string, kept: boolean): string =>
  kept ? `${SYSROOT}/user-data/persistent${mountPoint}` : `${UPPERS}${mountPoint}`;

/** Mounts every writable place over the read-only root, and says what each must have become. Pure. */
export function planLayout(facts: Facts, tree: TreeFacts, persistent: boolean): readonly Step[] {
  const { config } = facts;
  return places(config, persistent).flatMap((place): readonly Step[] => {
    const target = SYSROOT + place.mountPoint;
    const entry = config.overlays[place.mountPoint];
    const mkdir: readonly Step[] = tree.paths[place.mountPoint] === 'missing' && belowPlace(config, place.mountPoint) ? [{ kind: 'mkdir', path: target, mode: 0o755 }] : [];
    // What is a link in the image leads into another place already; mounting over it would land outside the root.
    if (tree.paths[place.mountPoint] === 'symlink') return [];
    if (!entry) return [...mkdir, ...planTmpfs(config, place.mountPoint, target)];
    return [...mkdir, ...planOverlay(entry, place, target, tree)];
  });
}

function planTmpfs(config: Config, mountPoint: string, target: string): readonly Step[] {
  const entry = config.tmpfs[mountPoint];
  if (!entry) return [];
  return [tmpfsMount(target, entry.size, entry.mode, entry.options), { kind: 'check-mount', target, type: 'tmpfs', access: 'read-write' }];
}

function planOverlay(entry: OverlayEntry, place: Place, target: string, tree: TreeFacts): readonly Step[] {
  const image = IMAGE_MOUNT + place.mountPoint;
  switch (entry.kind) {
    case 'tmpfs':
      return [
        tmpfsMount(target, entry.size, entry.mode ?? 0o755, entry.options),
        ...(entry.skeleton ? [{ kind: 'copy', from: image, to: target, what: 'skeleton' } as const] : []),
        { kind: 'check-mount', target, type: 'tmpfs', access: 'read-write' },
      ];
    case 'ramdisk':
      return [
        tmpfsMount(target, entry.size, 0o755, entry.options),
        { kind: 'copy', from: image, to: target, what: 'everything' },
        { kind: 'check-mount', target, type: 'tmpfs', access: 'read-write' },
      ];
    case 'overlay': {
      const home = upperHome(place.mountPoint, place.persistent);
      const ram: readonly Step[] = place.persistent ? [] : [{ kind: 'mkdir', path: home, mode: 0o755 }, tmpfsMount(home, entry.size, 0o755, [])];
      const options = [`lowerdir=${image}`, `upperdir=${home}/upper`, `workdir=${home}/work`, 'redirect_dir=off', 'metacopy=off', 'index=off', 'xino=off'];
      return [
        ...ram,
        { kind: 'mkdir', path: `${home}/upper`, mode: 0o755 },
        { kind: 'mkdir', path: `${home}/work`, mode: 0o755 },
        { kind: 'mount', source: 'overlay', target, type: 'overlay', options },
        { kind: 'check-mount', target, type: 'overlay', access: 'read-write' },
      ];
    }
    case 'bind': {
      const source = SYSROOT + entry.source;
      const seed: readonly Step[] = tree.emptySources.includes(entry.source) ? [{ kind: 'copy', from: image, to: source, what: 'everything' }] : [];
      return [
        { kind: 'mkdir', path: source, mode: entry.mode ?? 0o755 },
        ...seed,
        { kind: 'mount', source, target, type: 'bind', options: [] },
      ];
    }
    case 'symlink':
      return [];
  }
}

const tmpfsMount = (target: string, size: string, mode: number, options: readonly string[]): Step => ({
  kind: 'mount',
  source: 'tmpfs',
  target,
  type: 'tmpfs',
  options: [...options, `mode=${mode.toString(8)}`, `size=${size}`],
});
