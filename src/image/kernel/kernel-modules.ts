import type { Host } from '../../host/host.ts';
import { resolveInTree } from '../../host/tree.ts';
import type { Decompress } from '../decompress.ts';
import { decompressWithPrograms } from '../decompress-programs.ts';
import { findFirmware, firmwareOf } from './firmware.ts';
import { type ModuleIndex, normalised, readModuleIndex } from './module-index.ts';

/** Paths are inside the tree. */
export interface ModuleClosure {
  /** In load order: dependencies and `pre` soft dependencies first, `post` ones after. Compressed ones keep their suffix. */
  readonly modules: readonly string[];
  /** More to copy: what those may ask the kernel for while they run (checksums of btrfs, …), with dependencies. */
  readonly requested: readonly string[];
  readonly builtin: readonly string[];
  /** What was asked for and is not there, and what that cannot be loaded without. */
  readonly missing: readonly string[];
  /** Files found, under the names that drivers ask for, so folders and files may be links; `.zst` and `.xz` stay packed. */
  readonly firmware: readonly string[];
  /** Names that modules mention and the tree lacks. Most are for devices or revisions that a machine does not have. */
  readonly missingFirmware: readonly string[];
}

/**
 * The order in which modprobe(8) would load these, by the rules of __kmod_module_get_probe_list in libkmod-module.c, and
 * what these may ask for in turn.
 */
function loadOrder(index: ModuleIndex, names: readonly string[]): { modules: string[]; requested: string[] } {
  const order = new Set<string>();
  const visited = new Set<string>();
  const planAll = (aliases: readonly string[]): void => {
    for (const alias of aliases) {
      const found = index.lookup(alias);
      if (found !== 'builtin') for (const name of found) plan(name);
    }
  };
  const planOne = (name: string): void => {
    planAll(index.soft.get(name)?.pre ?? []);
    order.add(name);
    planAll(index.soft.get(name)?.post ?? []);
  };
  const plan = (name: string): void => {
    if (visited.has(name)) return;
    visited.add(name);
    for (const dependency of index.needs.get(name) ?? []) planOne(dependency);
    planOne(name);
  };
  for (const name of names) plan(name);
  const modules = [...order];
  for (const name of order) planAll(index.weak.get(name) ?? []); // A Set's loop also sees what the loop adds.
  return { modules, requested: [...order].slice(modules.length) };
}

/**
 * The modules that these names or aliases mean, with everything that modprobe would load for them, and their firmware.
 * Throws `modules-missing`, `module-invalid`, `elf-truncated`, and for `.ko.xz` what `decompress` throws.
 */
export async function moduleClosure(
  host: Pick<Host, 'files'>,
  root: string,
  release: string,
  names: readonly string[],
  decompress: Decompress = decompressWithPrograms,
): Promise<ModuleClosure> {
  const index = await readModuleIndex(host, root, release);
  const found = names.map((name) => ({ name: normalised(name), modules: index.lookup(name) }));
  const builtin = found.filter(({ modules }) => modules === 'builtin').map(({ name }) => name);
  const missing = new Set(found.filter(({ modules }) => modules.length === 0).map(({ name }) => name));
  const wanted = new Set(builtin.flatMap((name) => index.builtinFirmware.get(name) ?? []));
  const asked = found.flatMap(({ modules }) => (modules === 'builtin' ? [] : modules));
  const order = loadOrder(index, asked);
  // Without a soft dependency, modprobe goes on.
  const needed = new Set(asked.flatMap((name) => [name, ...(index.needs.get(name) ?? [])]));

  const take = async (modules: readonly string[]): Promise<string[]> => {
    const paths: string[] = [];
    for (const name of modules) {
      const path = `${index.directory}/${index.paths.get(name)}`;
      const file = await resolveInTree(host.files, root, path);
      if (!file && needed.has(name)) missing.add(name);
      if (!file) continue;
      paths.push(path);
      for (const one of await firmwareOf(host.files, root, file.path, decompress)) wanted.add(one);
    }
    return paths;
  };
  const modules = await take(order.modules);
  const requested = await take(order.requested);
  const firmware = await Promise.all([...wanted].map((name) => findFirmware(host.files, root, release, name)));
  return {
    modules,
    requested,
    builtin: [...new Set(builtin)],
    missing: [...missing],
    firmware: [...new Set(firmware.flat())].sort(),
    missingFirmware: [...wanted].filter((_, at) => firmware[at]?.length === 0).sort(),
  };
}
