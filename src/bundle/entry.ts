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

/** Why no bundle may bring a file of this path; undefined when it may. */
export function pathFault(path: string): string | undefined {
  if (!path.startsWith('/')) return 'is not absolute';
  const names = path.slice(1).split('/');
  if (names.some((name) => name === '' || name === '.' || name === '..')) return 'is not a plain path';
  if (/[\p{Cc}\u2028\u2029\ufffd]/u.test(path)) return 'has control characters';
  if (
    Buffer.byteLength(path) > LONGEST_PATH_BYTES ||
    names.some((name) => Buffer.byteLength(name) > LONGEST_NAME_BYTES)
  )
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
  const inFiles = [...paths].flatMap((path) => {
    const file = foldersOf(path).find((folder) => paths.has(folder));
    return file === undefined ? [] : [`${JSON.stringify(path)} is below ${JSON.stringify(file)}, which is a file`];
  });
  const tooMany = entries.length > MOST_FILES ? [`${entries.length} files, a bundle has at most ${MOST_FILES}`] : [];
  return [...tooMany, ...faults, ...inFiles];
}

/** The folders above a plain path, the lowest first, without `/`. */
function foldersOf(path: string): readonly string[] {
  const folders: string[] = [];
  for (let at = path.lastIndexOf('/'); at > 0; at = path.lastIndexOf('/', at - 1)) folders.push(path.slice(0, at));
  return folders;
}
