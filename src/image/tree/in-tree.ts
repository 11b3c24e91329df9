import type { Files } from '../../host/host.ts';
import { onMachine, resolveInTree } from '../../host/tree.ts';
import { isPattern, patternOf } from '../../name-pattern.ts';

/**
 * Paths of this machine for a path of a tree whose parts may have wildcards (`etc/ssh/ssh_host_*`). Folders are followed
 * as the tree's own system would, so a link such as `/var/run` → `/run` never leads out of the tree; the last part is not.
 */
export async function findInTree(files: Files, tree: string, pattern: string): Promise<readonly string[]> {
  const parts = pattern.split('/').filter((part) => part !== '');
  const last = parts.pop();
  // `..` of a folder is not in it.
  if (last === undefined || last === '.' || last === '..') return [];
  let folders = [''];
  for (const part of parts)
    folders = (await Promise.all(folders.map((folder) => matchesIn(files, tree, folder, part)))).flat();
  const found = await Promise.all(folders.map((folder) => matchesIn(files, tree, folder, last)));
  const real = await Promise.all(found.flat().map((path) => lastUnresolved(files, tree, path)));
  return real.filter((path) => path !== undefined);
}

async function matchesIn(files: Files, tree: string, folder: string, part: string): Promise<readonly string[]> {
  if (!isPattern(part)) return [`${folder}/${part}`];
  const parent = await resolveInTree(files, tree, folder === '' ? '/' : folder);
  if (parent?.stat.type !== 'dir') return [];
  const names = await files.list(onMachine(tree, parent.path));
  return names.filter(patternOf(part)).map((name) => `${folder}/${name}`);
}

/** Where on the machine it is, if it is there: its folder resolved inside the tree, itself perhaps a link. */
async function lastUnresolved(files: Files, tree: string, path: string): Promise<string | undefined> {
  const slash = path.lastIndexOf('/');
  const parent = await resolveInTree(files, tree, slash === 0 ? '/' : path.slice(0, slash));
  if (parent?.stat.type !== 'dir') return undefined;
  const real = onMachine(tree, `${parent.path === '/' ? '' : parent.path}${path.slice(slash)}`);
  return (await files.stat(real)) ? real : undefined;
}
