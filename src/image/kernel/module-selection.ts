import type { Files, Host } from '../../host/host.ts';
import { resolveInTree } from '../../host/tree.ts';
import { hostModules, MODULE_CLASSES, type ModuleClass, modulesOfClass } from './module-classes.ts';
import { type ModuleIndex, moduleName, readModuleIndex } from './module-index.ts';

export interface ModuleSelection {
  readonly names: readonly string[];
  /** Of a class, or for this machine's devices, although the tree lacks their files, or those of what they depend on. */
  readonly leftOut: readonly string[];
}

/** What every initramfs has, whatever is selected. */
const BASE: readonly ModuleClass[] = ['core', 'filesystems', 'keyboard'];
const CLASSES = Object.keys(MODULE_CLASSES) as readonly ModuleClass[];
/** Classes that `all` leaves out: config.d asks for them, or whoever builds. */
const ASKED_FOR: readonly ModuleClass[] = ['encryption'];
const isClass = (name: string): name is ModuleClass => Object.hasOwn(MODULE_CLASSES, name);

/**
 * What `--modules` means: `all` classes but those that are asked for by name, the modules of this `host`, classes and modules by name, all together. What was
 * named is in `names` also when the tree lacks it; a class has what the tree has. Throws `modules-missing`.
 */
export async function selectModules(
  host: Pick<Host, 'files'>,
  tree: string,
  release: string,
  select: readonly string[],
): Promise<ModuleSelection> {
  const index = await readModuleIndex(host, tree, release);
  const isMeant = (name: ModuleClass): boolean =>
    BASE.includes(name) || select.includes(name) || (select.includes('all') && !ASKED_FOR.includes(name));
  const classes = CLASSES.filter(isMeant);
  const meant = new Set([
    ...(await modulesOfClass(host, tree, release, classes)),
    ...(select.includes('host') ? await hostModules(host, tree, release) : []),
  ]);
  const present = presence(host.files, tree, index);
  const names: string[] = [];
  const leftOut: string[] = [];
  for (const name of meant) ((await present(name)) ? names : leftOut).push(name);
  const named = select.filter((word) => word !== 'all' && word !== 'host' && !isClass(word)).map(moduleName);
  return { names: [...new Set([...names, ...named])], leftOut: leftOut.sort() };
}

/** Tells whether a module can be loaded: an image may lack files that its modules.dep still lists. */
function presence(files: Files, tree: string, index: ModuleIndex): (name: string) => Promise<boolean> {
  const known = new Map<string, Promise<boolean>>();
  const hasFile = (name: string): Promise<boolean> => {
    const path = index.paths.get(name);
    const answer =
      known.get(name) ??
      (path === undefined
        ? Promise.resolve(index.builtin.has(name))
        : resolveInTree(files, tree, `${index.directory}/${path}`).then((found) => found !== undefined));
    known.set(name, answer);
    return answer;
  };
  return async (name) => {
    for (const one of [name, ...(index.needs.get(name) ?? [])]) if (!(await hasFile(one))) return false;
    return true;
  };
}
