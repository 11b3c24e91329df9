import type { Config } from './config.ts';
import type { SettingPath } from './tree.ts';

/** Settings that each may be, but not together. */
export interface Inconsistency {
  /** The setting to change. */
  readonly path: SettingPath;
  readonly message: string;
}

/** What cannot work, with the reason. Pure. */
export const inconsistencies = (config: Config): readonly Inconsistency[] => RULES.flatMap((rule) => rule(config));

const RULES: readonly ((config: Config) => readonly Inconsistency[])[] = [
  onePlaceAMountPoint,
  writableAround,
  persistentPlaces,
  mountedSources,
  distinctNumbers,
  knownUsers,
  knownServers,
  servicesOnce,
];

const MOUNTING = ['fstab', 'tmpfs', 'overlays'] as const;

/** What hides another: both would be mounted, and only the last one seen. */
function onePlaceAMountPoint(config: Config): readonly Inconsistency[] {
  const seen = new Map<string, string>();
  return MOUNTING.flatMap((part) =>
    Object.keys(config[part]).flatMap((mountPoint): Inconsistency[] => {
      const other = seen.get(mountPoint);
      if (other === undefined) seen.set(mountPoint, part);
      return other === undefined ? [] : [{ path: [part, mountPoint], message: `${mountPoint} is in ${other} already` }];
    }),
  );
}

/** Nothing can be mounted in what the image has only as a link. */
function writableAround(config: Config): readonly Inconsistency[] {
  const links = Object.entries(config.overlays).flatMap(([path, { kind }]) => (kind === 'symlink' ? [path] : []));
  return MOUNTING.flatMap((part) =>
    Object.keys(config[part]).flatMap((mountPoint) =>
      links
        .filter((link) => mountPoint.startsWith(`${link}/`))
        .map((link) => ({ path: [part, mountPoint], message: `${mountPoint} lies below ${link}, which is a symlink` })),
    ),
  );
}

/** What is to survive needs a disk; RAM in silence would lose it. */
function persistentPlaces(config: Config): readonly Inconsistency[] {
  if (config.fstab['/user-data'] !== undefined) return [];
  return Object.entries(config.overlays).flatMap(([mountPoint, entry]) =>
    entry.kind === 'overlay' && entry.upper === 'persistent'
      ? [{ path: ['overlays', mountPoint, 'upper'], message: 'upper: persistent needs /user-data in fstab.conf' }]
      : [],
  );
}

/** A bind shows a directory that is somewhere: on a file system of ours, or in the image. */
function mountedSources(config: Config): readonly Inconsistency[] {
  return Object.entries(config.overlays).flatMap(([mountPoint, entry]) => {
    if (entry.kind !== 'bind') return [];
    if (entry.source === mountPoint || entry.source.startsWith(`${mountPoint}/`))
      return [
        { path: ['overlays', mountPoint, 'source'], message: `${mountPoint} cannot show what lies below itself` },
      ];
    const other = config.overlays[entry.source];
    return other?.kind === 'bind' && other.source === mountPoint
      ? [{ path: ['overlays', mountPoint, 'source'], message: `${mountPoint} and ${entry.source} each show the other` }]
      : [];
  });
}

function distinctNumbers({ users: { users, groups } }: Config): readonly Inconsistency[] {
  const doubles = (entries: readonly (readonly [string, number | undefined])[], part: string, key: string) => {
    const seen = new Map<number, string>();
    return entries.flatMap(([name, id]): Inconsistency[] => {
      if (id === undefined) return [];
      const other = seen.get(id);
      seen.set(id, other ?? name);
      return other === undefined
        ? []
        : [{ path: ['users', part, name, key], message: `${other} has the ${key} ${id} already` }];
    });
  };
  return [
    ...doubles(
      Object.entries(users).map(([name, { uid }]) => [name, uid] as const),
      'users',
      'uid',
    ),
    ...doubles(
      Object.entries(groups).map(([name, { gid }]) => [name, gid] as const),
      'groups',
      'gid',
    ),
  ];
}

/** Where users.conf names users, ssh.conf cannot let in one that it does not. */
function knownUsers({ users: { users }, ssh: { principals } }: Config): readonly Inconsistency[] {
  const names = Object.keys(users);
  return Object.keys(principals)
    .filter((name) => names.length > 0 && name !== 'root' && !names.includes(name))
    .map((name) => ({ path: ['ssh', 'principals', name], message: `there is no user ${name} in users.conf` }));
}

function knownServers({ server: { servers, weights } }: Config): readonly Inconsistency[] {
  return Object.keys(weights)
    .filter((url) => !servers.includes(url))
    .map((url) => ({ path: ['server', 'weights', url], message: `${url} is not among the servers` }));
}

function servicesOnce({ services: { enable, disable, mask } }: Config): readonly Inconsistency[] {
  return enable
    .filter((unit) => disable.includes(unit) || mask.includes(unit))
    .map((unit) => ({ path: ['services', 'enable'], message: `${unit} is both enabled and disabled or masked` }));
}
