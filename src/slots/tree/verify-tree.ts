import type { Exec } from '../../host/host.ts';
import { readSystem, type TreeReader, tarName } from '../../host/system-tree/read-system.ts';
import { isWithin, type TreeEntry } from '../../host/system-tree/tree-entry.ts';
import type { FileList } from '../../signed/file-list/read-list.ts';
import { type Comparison, compareTree, type Deviation, type Difference, NOT_OF_IMAGE } from './compare-tree.ts';

/** What works on trees: programs of the machine, and a tar of GNU. */
export interface TreeHost {
  readonly exec: Exec;
  readonly reader: TreeReader;
}

export interface TreeTask {
  readonly signal: AbortSignal;
  /** Names that were looked at, of how many. */
  readonly progress?: ((done: number, total: number) => void) | undefined;
}

const isOfImage = ({ path }: Pick<TreeEntry, 'path'>): boolean =>
  !NOT_OF_IMAGE.some((folder) => isWithin(folder, path));

/** What could not be read is told of its name, besides what it seemed to be. */
function withUnreadable(comparison: Comparison, unreadable: ReadonlySet<string>): Comparison {
  const told = new Map(comparison.deviations.map(({ path, what }): [string, readonly Difference[]] => [path, what]));
  for (const path of unreadable) told.set(path, [...(told.get(path) ?? []), 'unreadable']);
  return { ...comparison, deviations: [...told].map(([path, what]): Deviation => ({ path, what })) };
}

/**
 * Compares the tree of a system that is mounted at `root`, and nothing below it, with the list of its image: all of it, each name and
 * each byte. Throws `tree-unreadable`, `file-list-invalid`, the signal's reason.
 */
export async function verifyTree(
  { reader }: Pick<TreeHost, 'reader'>,
  root: string,
  list: FileList,
  { signal, progress }: TreeTask,
): Promise<Comparison> {
  const unreadable = new Set<string>();
  let done = 0;
  const tree = readSystem(reader, root, {
    without: NOT_OF_IMAGE,
    signal,
    onUnreadable: (path) => unreadable.add(path),
  });
  const onEntry = () => progress?.(++done, list.count);
  const comparison = await compareTree(filtered(list.entries()), tree, { of: 'all', onEntry });
  return withUnreadable(comparison, unreadable);
}

function* filtered(entries: Iterable<TreeEntry>): Generator<TreeEntry> {
  for (const entry of entries) if (isOfImage(entry)) yield entry;
}

/** Folders on the way to a path, the root first. */
function foldersTo(path: string): readonly string[] {
  const parts = path.split('/').slice(1, -1);
  return path === '/' ? [] : ['/', ...parts.map((_, at) => `/${parts.slice(0, at + 1).join('/')}`)];
}

/** These names of a list, in the order of the tree; of a list one entry is held at a time. */
function* picked(list: FileList, names: ReadonlySet<string>): Generator<TreeEntry> {
  for (const entry of filtered(list.entries())) if (names.has(entry.path)) yield entry;
}

/**
 * Compares these names alone, and the folders on the way to them, so that none of those is a link. What is there besides is not
 * found. Throws as `verifyTree`.
 */
export async function verifyNames(
  { reader }: Pick<TreeHost, 'reader'>,
  root: string,
  wanted: readonly string[],
  list: FileList,
  { signal, progress }: TreeTask,
): Promise<Comparison> {
  const asked = new Set(wanted);
  for (const path of wanted) for (const folder of foldersTo(path)) asked.add(folder);
  const names: string[] = [];
  for (const { path } of picked(list, asked)) names.push(path);
  const unreadable = new Set<string>();
  let done = 0;
  const tree = readSystem(reader, root, { names, signal, onUnreadable: (path) => unreadable.add(path) });
  const onEntry = () => progress?.(++done, names.length);
  return withUnreadable(await compareTree(picked(list, asked), tree, { of: 'some names', onEntry }), unreadable);
}

/** Names in these folders, which are known to be folders. */
const NAMES_IN = 'exec find "$@" -mindepth 1 -maxdepth 1 -print0';

/** What is in folders of the tree that should not be. A folder that is gone has nothing in it. */
export async function extraNames(
  { exec }: Pick<TreeHost, 'exec'>,
  root: string,
  folders: readonly string[],
  isListed: (path: string) => boolean,
  signal: AbortSignal,
): Promise<readonly Deviation[]> {
  if (folders.length === 0) return [];
  const { stdout } = await exec.run(['xargs', '-0', 'sh', '-c', NAMES_IN, 'sh'], {
    cwd: root,
    input: Buffer.from(folders.map((folder) => `${tarName(folder)}\0`).join(''), 'latin1'),
    encoding: 'latin1',
    signal,
  });
  const found = stdout.split('\0').filter(Boolean);
  return found
    .map((name) => name.slice(1))
    .filter((path) => isOfImage({ path }) && !isListed(path))
    .map((path) => ({ path, what: ['extra'] }));
}
