/** One file that a bundle brings; its content lies in the bundle as `files/SHA256`. */
export interface BundleEntry {
  /** Absolute and plain, in the machine's system. */
  readonly path: string;
  /** Permission bits. */
  readonly mode: number;
  /** A name of the machine's own system, or a number. */
  readonly owner: string;
  readonly group: string;
  /** Lower-case hex. */
  readonly sha256: string;
  readonly sizeBytes: number;
}

const MOST_FILES = 10_000;

/** PATH_MAX and NAME_MAX of Linux. */
const LONGEST_PATH_BYTES = 4095;
const LONGEST_NAME_BYTES = 255;
/** useradd(8); or a number. */
const ACCOUNT = /^(?:[A-Za-z_][A-Za-z0-9_.-]{0,31}\$?|\d{1,10})$/;
/** The kernel makes these at every boot. */
const KERNELS = /^\/(?:proc|sys|dev)(?:\/|$)/;
/** What statectl keeps for itself: a file there could change what it believes. */
const OURS = /^\/(?:run\/(?:statectl|initramfs)|user-data\/persistent\/(?:statectl|images))(?:\/|$)/;

/** A name of a path that is none, or leads elsewhere. */
const EMPTY_OR_DOTS = /\/\.{0,2}(?:\/|$)/;
/** Those that may be too long, in bytes: a path may have thousands of names. */
const LONG_NAMES = /[^/]{64,}/g;
const isTooLong = (name: string): boolean => Buffer.byteLength(name) > LONGEST_NAME_BYTES;

/** Why no bundle may bring a file of this path; undefined when it may. */
export function pathFault(path: string): string | undefined {
  if (!path.startsWith('/')) return 'is not absolute';
  if (EMPTY_OR_DOTS.test(path)) return 'is not a plain path';
  if (/[\p{Cc}\u2028\u2029\ufffd]/u.test(path)) return 'has control characters';
  if (Buffer.byteLength(path) > LONGEST_PATH_BYTES || (path.match(LONG_NAMES) ?? []).some(isTooLong))
    return 'is too long';
  if (KERNELS.test(path)) return 'belongs to the kernel';
  return OURS.test(path) ? 'belongs to statectl' : undefined;
}

/** What is wrong with the list of a bundle's files, each by its path. Pure. */
export function entryFaults(entries: readonly Omit<BundleEntry, 'sha256' | 'sizeBytes'>[]): readonly string[] {
  const paths = new Set<string>();
  const faults = entries.flatMap(({ path, mode, owner, group }) => {
    const twice = paths.has(path);
    paths.add(path);
    const why =
      pathFault(path) ??
      (twice ? 'is there twice' : undefined) ??
      (Number.isInteger(mode) && mode >= 0 && mode <= 0o7777 ? undefined : `has mode ${mode}`) ??
      [owner, group].filter((name) => !ACCOUNT.test(name)).map((name) => `cannot belong to ${JSON.stringify(name)}`)[0];
    return why === undefined ? [] : [`${JSON.stringify(path)} ${why}`];
  });
  const fileAbove = filesAbove(paths);
  const inFiles = [...paths].flatMap((path) => {
    const file = fileAbove.get(path);
    return file === undefined ? [] : [`${JSON.stringify(path)} is below ${JSON.stringify(file)}, which is a file`];
  });
  const tooMany = entries.length > MOST_FILES ? [`${entries.length} files, a bundle has at most ${MOST_FILES}`] : [];
  return [...tooMany, ...faults, ...inFiles];
}

/**
 * By path, the lowest of the others that it is below. Sorted so that `/` comes before all else, what is below a path follows it
 * at once: each path is compared with few others, however many folders it has.
 */
function filesAbove(paths: ReadonlySet<string>): ReadonlyMap<string, string> {
  const above = new Map<string, string>();
  const open: string[] = [];
  // Not by replaceAll, whose result V8 keeps in thousands of pieces, and compares so.
  const sorted = [...paths].map((path) => ({ path, key: path.split('/').join('\0') }));
  for (const { path } of sorted.toSorted((a, b) => (a.key < b.key ? -1 : 1))) {
    while (open.length > 0 && !path.startsWith(`${open.at(-1)}/`)) open.pop();
    const lowest = open.at(-1);
    if (lowest !== undefined) above.set(path, lowest);
    open.push(path);
  }
  return above;
}
