import * as z from 'zod/mini';
import { pathFault } from '../../config/settings/delivered-path.ts';

/** What a file's content is, so that nobody can put another in its place. */
export const ContentDigest = z.object({
  /** Lower-case hex. */
  sha256: z.string().check(z.regex(/^[0-9a-f]{64}$/)),
  sizeBytes: z.int().check(z.minimum(0)),
});
export type ContentDigest = z.infer<typeof ContentDigest>;

/** One file that a bundle brings; its content lies in the bundle as `files/SHA256`. */
export const BundleEntry = z.extend(ContentDigest, {
  /** Absolute and plain, in the machine's system. */
  path: z.string(),
  /** Permission bits. */
  mode: z.number(),
  /** A name of the machine's own system, or a number. */
  owner: z.string(),
  group: z.string(),
});
export type BundleEntry = z.infer<typeof BundleEntry>;

const MOST_FILES = 10_000;

/** useradd(8); or a number. */
const ACCOUNT = /^(?:[A-Za-z_][A-Za-z0-9_.-]{0,31}\$?|\d{1,10})$/;
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
