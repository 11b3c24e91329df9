import { compareInTree, isWithin, type TreeEntry } from '../../host/system-tree/tree-entry.ts';
import type { FileList } from '../../signed/file-list/read-list.ts';
import type { Deviation } from './compare-tree.ts';
import { extraNames, type TreeHost, type TreeTask, verifyNames } from './verify-tree.ts';

/** Names of a list, from the one to before the other. */
export interface Part {
  readonly from: number;
  readonly to: number;
}

/** What it costs to look at a name, however little is in it. */
const ENTRY_BYTES = 4096;

const weightOf = ({ sizeBytes = 0, hardLink }: TreeEntry): number => ENTRY_BYTES + (hardLink ? 0 : sizeBytes);

/**
 * The part that it is the turn of: `parts` of them are the whole list, each as long to read as the others, so that after as many
 * turns each byte was read. Turns are counted for ever. Pure.
 */
export function partOf(list: Pick<FileList, 'entries'>, parts: number, turn: number): Part {
  const before = [0];
  for (const entry of list.entries()) before.push((before.at(-1) ?? 0) + weightOf(entry));
  const total = before.pop() ?? 0;
  const which = ((turn % parts) + parts) % parts;
  const firstOf = (share: number): number => {
    const at = before.findIndex((weight) => weight >= (total * share) / parts);
    return at < 0 ? before.length : at;
  };
  return { from: firstOf(which), to: firstOf(which + 1) };
}

/**
 * Looks at a part of a tree as `verifyTree` does at all of it: its names and bytes, and what is in its folders that should not be.
 * Throws as that.
 */
export async function scrubTree(
  host: TreeHost,
  root: string,
  list: FileList,
  { from, to }: Part,
  task: TreeTask,
): Promise<readonly Deviation[]> {
  const names: string[] = [];
  const dirs: string[] = [];
  for (const { path, type } of list.entries(from, to)) {
    names.push(path);
    if (type === 'dir') dirs.push(path);
  }
  const { deviations } = await verifyNames(host, root, names, list, task);
  const wrong = deviations.filter(({ what }) => what.includes('type') || what.includes('missing'));
  const folders = dirs.filter((path) => !wrong.some((other) => isWithin(other.path, path)));
  const listed = namesIn(list, from, folders);
  const extra = await extraNames(host, root, folders, (path) => listed.has(path), task.signal);
  return [...deviations, ...extra];
}

/** Names that the list has in these folders, of which the first comes after `from` names. */
function namesIn(list: FileList, from: number, folders: readonly string[]): ReadonlySet<string> {
  const parents = new Set(folders);
  const names = new Set<string>();
  // Those in it, and in it alone, may come after the last folder.
  let last = '';
  for (const folder of folders) if (last === '' || !isWithin(last, folder)) last = folder;
  for (const { path } of list.entries(from)) {
    if (last === '' || (compareInTree(path, last) > 0 && !isWithin(last, path))) break;
    if (parents.has(path.slice(0, Math.max(1, path.lastIndexOf('/'))))) names.add(path);
  }
  return names;
}
