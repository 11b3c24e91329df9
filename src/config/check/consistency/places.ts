import { entryOf } from '../../../entry-of.ts';
import type { Config } from '../../config.ts';
import type { Inconsistency } from './inconsistency.ts';
import { takenBy } from './taken.ts';
import { withoutLinks } from './writable.ts';

const PLACES = ['fstab', 'tmpfs', 'overlays'] as const;

const isWithin = (path: string, folder: string): boolean => path.startsWith(`${folder}/`);

/** Mount points that cannot all be. */
export function placeFaults(config: Config): readonly Inconsistency[] {
  return [
    ...takenPlaces(config),
    ...hiddenPlaces(config),
    ...circles(config),
    ...placesBelowLinks(config),
    ...homelessPlaces(config),
  ];
}

function takenPlaces(config: Config): readonly Inconsistency[] {
  return PLACES.flatMap((part) =>
    Object.keys(config[part]).flatMap((mountPoint) => {
      const taken = takenBy(mountPoint);
      if (taken !== undefined) return [{ path: [part, mountPoint], message: taken }];
      return mountPoint === '/user-data' && part !== 'fstab'
        ? [{ path: [part, mountPoint], message: '/user-data is a disk of fstab.conf, or RAM without one' }]
        : [];
    }),
  );
}

/** An entry of fstab.conf may be where a place in RAM is: that stands in for a disk that is missing. */
function hiddenPlaces({ tmpfs, overlays, fstab }: Config): readonly Inconsistency[] {
  const hidden = Object.keys(tmpfs)
    .filter((mountPoint) => Object.hasOwn(overlays, mountPoint))
    .map((mountPoint) => ({ path: ['tmpfs', mountPoint], message: `${mountPoint} is in overlays.conf already` }));
  const barred = Object.keys(fstab).flatMap((mountPoint) => {
    const kind = entryOf(overlays, mountPoint)?.kind;
    return kind === 'symlink' || kind === 'readonly'
      ? [{ path: ['fstab', mountPoint], message: `nothing can be mounted there: overlays.conf has it as ${kind}` }]
      : [];
  });
  return [...hidden, ...barred];
}

/** Links that lead to one another, and nowhere. */
const circles = ({ overlays }: Config): readonly Inconsistency[] =>
  Object.entries(overlays).flatMap(([link, entry]) =>
    entry.kind === 'symlink' && withoutLinks(overlays, link) === undefined
      ? [{ path: ['overlays', link, 'target'], message: `${link} leads in a circle, by way of ${entry.target}` }]
      : [],
  );

/** What is mounted below a link would land where the link leads. */
function placesBelowLinks(config: Config): readonly Inconsistency[] {
  const links = Object.entries(config.overlays).flatMap(([path, { kind }]) => (kind === 'symlink' ? [path] : []));
  // Of a printer whose whole data lies below a link it is told once.
  const told = (mountPoint: string, link: string): boolean =>
    Object.values(config.state.printers).some(
      ({ data }) => isWithin(mountPoint, data) && (data === link || isWithin(data, link)),
    );
  return PLACES.flatMap((part) =>
    Object.keys(config[part]).flatMap((mountPoint) =>
      links
        .filter((link) => isWithin(mountPoint, link) && !told(mountPoint, link))
        .map((link) => ({ path: [part, mountPoint], message: `${mountPoint} lies below ${link}, which is a symlink` })),
    ),
  );
}

/** What is to survive needs a disk, and a bind something to show. */
function homelessPlaces(config: Config): readonly Inconsistency[] {
  const hasDisk = '/user-data' in config.fstab;
  return Object.entries(config.overlays).flatMap(([mountPoint, entry]): readonly Inconsistency[] => {
    const fault = (key: string, message: string) => [{ path: ['overlays', mountPoint, key], message }];
    if (entry.kind === 'overlay' && entry.upper === 'persistent' && !hasDisk)
      return fault('upper', 'upper: persistent needs a disk: /user-data in fstab.conf');
    if (entry.kind !== 'bind') return [];
    const { source, missing } = entry;
    if (source === mountPoint || isWithin(source, mountPoint))
      return fault('source', `${mountPoint} would hide what it is to show`);
    const home = homeOf(source, config);
    if (home === undefined)
      return fault(
        'source',
        `${source} is neither below /user-data nor in fstab.conf, tmpfs.conf or overlays.conf: it would be read-only`,
      );
    if (missing === 'fail' && home === '/user-data' && !hasDisk)
      return fault('missing', 'missing: fail needs a disk: /user-data in fstab.conf');
    return showsItself(mountPoint, config) ? fault('source', `${mountPoint} shows itself, by way of ${home}`) : [];
  });
}

/** The innermost place that a path is in. */
const homeOf = (path: string, config: Config): string | undefined =>
  ['/user-data', '/run', ...PLACES.flatMap((part) => Object.keys(config[part]))]
    .filter((place) => path === place || isWithin(path, place))
    .toSorted((a, b) => b.length - a.length)[0];

/** Follows a bind's source through further binds. */
function showsItself(mountPoint: string, config: Config): boolean {
  const seen = new Set<string>();
  let at: string | undefined = mountPoint;
  while (at !== undefined && !seen.has(at)) {
    seen.add(at);
    const entry: Config['overlays'][string] | undefined = entryOf(config.overlays, at);
    at = entry?.kind === 'bind' ? homeOf(entry.source, config) : undefined;
    if (at === mountPoint) return true;
  }
  return false;
}
