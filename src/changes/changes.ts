import { reasonOf, StatectlError } from '../error.ts';
import type { Host, Stat } from '../host/host.ts';
import { patternOf } from '../name-pattern.ts';
import { scanOverlay } from './overlay-upper.ts';
import { scanRamdisk, type Trees } from './ramdisk-diff.ts';
import type { Change, EntryKind, Scan } from './scan.ts';
import { scanTmpfs } from './tmpfs-total.ts';

/** A writable place. Directories that the controller made reachable below /run/statectl: */
export interface Place {
  readonly mountPoint: string;
  readonly kind: 'overlay' | 'ramdisk' | 'bind' | 'tmpfs';
  /** Survives a reboot. */
  readonly persistent: boolean;
  /** Of an overlay: its upper directory. */
  readonly upper?: string;
  /** Of an overlay: the image's directory below it. */
  readonly lower?: string;
  /** Of an overlay: it was mounted with redirect_dir=off and metacopy=off, so while it is seen its marks tell nothing more. */
  readonly plain?: boolean;
  /** Of a ramdisk, or of a bind that lies in RAM: the image's directory that it began as a copy of. */
  readonly image?: string;
}

export interface PlaceReport {
  readonly place: Place;
  /** Sorted by path. Of a plain tmpfs there is nothing to compare with: none, only totals. */
  readonly changes: readonly Change[];
  /** Numbers of paths, and the bytes that are added or changed; of a plain tmpfs `added` is its number of files. */
  readonly totals: {
    readonly added: number;
    readonly changed: number;
    readonly deleted: number;
    readonly bytes: number;
  };
  /** What this report could not see, a sentence each. */
  readonly limits: readonly string[];
}

export interface ScanOptions {
  /** Paths as the running system shows them, with all below. */
  readonly excludes?: readonly string[];
  /** The same as patterns (`patternOf`). */
  readonly excludedPatterns?: readonly string[];
  /** Paths that are nobody's addition, without what is below them. */
  readonly made?: ReadonlySet<string>;
  /** Every mount point of the system. One below a place belongs to another file system and is left out. */
  readonly mountPoints?: readonly string[];
  readonly signal?: AbortSignal;
}

const kindOf = ({ type }: Stat): EntryKind =>
  type === 'file' || type === 'dir' || type === 'symlink' ? type : 'special';

const sizeOf = (stat: Stat): number => (stat.type === 'file' || stat.type === 'symlink' ? stat.sizeBytes : 0);

/** A path and the folders above it, the root not. */
const withFolders = (path: string): readonly string[] =>
  [...path.matchAll(/\/|$/g)].flatMap(({ index }) => (index === 0 ? [] : [path.slice(0, index)]));

const VANISHED = new Set(['ENOENT', 'ENOTDIR', 'ESTALE']);

function startScan(host: Pick<Host, 'files' | 'exec'>, options: ScanOptions) {
  const { files, exec } = host;
  const changes: Change[] = [];
  const limits: string[] = [];
  const inodes = new Map<string, number>();
  const mountPoints = options.mountPoints ?? [];
  const mounted = new Set(mountPoints);
  const excluded = new Set(options.excludes?.map((path) => path.replace(/(.)\/+$/, '$1')));
  const patterns = (options.excludedPatterns ?? []).map((pattern) => patternOf(pattern));
  const scan: Scan = {
    files,
    exec,
    mountPoints,
    skips: (shown) =>
      mounted.has(shown) ||
      withFolders(shown).some((path) => excluded.has(path) || patterns.some((matches) => matches(path))),
    found(path, change, stat) {
      if (change === 'added' && options.made?.has(path)) return;
      changes.push({ path, change, what: kindOf(stat), sizeBytes: sizeOf(stat) });
      if (stat.hardLink !== undefined) inodes.set(path, stat.hardLink);
    },
    limit: (text) => limits.push(text),
    names: (dir) => scan.attempt(dir, () => files.list(dir), []),
    stat: (path) => scan.attempt(path, () => files.stat(path), undefined),
    attempt: async (path, read, ifUnreadable) => {
      options.signal?.throwIfAborted();
      try {
        return await read();
      } catch (error) {
        if (!VANISHED.has((error as NodeJS.ErrnoException).code ?? ''))
          limits.push(`unreadable: ${path}: ${reasonOf(error)}`);
        return ifUnreadable;
      }
    },
  };
  return { scan, changes, limits, inodes };
}

/** The bytes of a file stay with the first of its links that is a change. */
function countOnce(changes: readonly Change[], inodes: ReadonlyMap<string, number>): readonly Change[] {
  const first = new Map<number, string>();
  return changes.map((change) => {
    const inode = change.change === 'deleted' ? undefined : inodes.get(change.path);
    const sameFileAs = inode === undefined ? undefined : first.get(inode);
    if (sameFileAs !== undefined) return { ...change, sizeBytes: 0, sameFileAs };
    if (inode !== undefined) first.set(inode, change.path);
    return change;
  });
}

function totalsOf(changes: readonly Change[]): PlaceReport['totals'] {
  const totals = { added: 0, changed: 0, deleted: 0, bytes: 0 };
  for (const { change, sizeBytes } of changes) {
    totals[change] += 1;
    if (change !== 'deleted') totals.bytes += sizeBytes;
  }
  return totals;
}

/** The directory that holds what is written to the place, and the image's that it is compared with. */
function treesOf(place: Place): Trees {
  const { mountPoint, kind } = place;
  const live = kind === 'overlay' ? place.upper : mountPoint;
  const image = kind === 'overlay' ? place.lower : place.image;
  if (live === undefined || (image === undefined && kind !== 'tmpfs'))
    throw new StatectlError(
      'place-incomplete',
      `${mountPoint} (${kind}) cannot be compared: its directories are unknown`,
      {
        hint: kind === 'overlay' ? 'an overlay needs "upper" and "lower"' : `a ${kind} needs "image"`,
      },
    );
  return { shown: mountPoint, live, image };
}

async function scanPlace(host: Pick<Host, 'files' | 'exec'>, place: Place, options: ScanOptions): Promise<PlaceReport> {
  const { scan, changes, limits, inodes } = startScan(host, options);
  const trees = treesOf(place);
  if (place.kind === 'tmpfs') {
    const { files, bytes } = await scanTmpfs(scan, place.mountPoint);
    return { place, changes, totals: { added: files, changed: 0, deleted: 0, bytes }, limits };
  }
  await (place.kind === 'overlay' ? scanOverlay(scan, trees, place.plain) : scanRamdisk(scan, trees));
  const counted = countOnce(
    changes.sort((a, b) => (a.path < b.path ? -1 : 1)),
    inodes,
  );
  return { place, changes: counted, totals: totalsOf(counted), limits };
}

/**
 * What each place holds beyond the image, read while the system runs: files that vanish meanwhile are passed over.
 * Throws `place-incomplete` for a place without its directories, `overlay-not-plain` for an upper that cannot be read alone.
 */
export async function scanPlaces(
  host: Pick<Host, 'files' | 'exec'>,
  places: readonly Place[],
  options: ScanOptions = {},
): Promise<readonly PlaceReport[]> {
  const reports: PlaceReport[] = [];
  for (const place of places) reports.push(await scanPlace(host, place, options));
  return reports;
}
