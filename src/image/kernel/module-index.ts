import { StatectlError } from '../../error.ts';
import type { Files, Host } from '../../host/host.ts';
import { onMachine, resolveInTree } from '../../host/tree.ts';
import { isPattern, patternOf } from '../../name-pattern.ts';
import { readInTree } from '../tree/tree-content.ts';
import { bareModuleName } from './module-file.ts';

/** The modules of one kernel, as depmod(8) wrote them down. Names have `_` for `-`, as the kernel prints them. */
export interface ModuleIndex {
  /** Inside the tree, without links: `/usr/lib/modules/6.1.0-56-amd64`. */
  readonly directory: string;
  /** Name → path inside `directory`: `kernel/fs/ext4/ext4.ko`. */
  readonly paths: ReadonlyMap<string, string>;
  /** Paths of all modules that came with the kernel, also where a newer one in `updates/` took the name. */
  readonly shipped: readonly string[];
  readonly builtin: ReadonlySet<string>;
  /** The modules that a name or an alias (`pci:v00008086d…`, `crypto-crc32c`) means; `builtin` when it needs none. */
  lookup(nameOrAlias: string): readonly string[] | 'builtin';
  /** Names in load order. */
  readonly needs: ReadonlyMap<string, readonly string[]>;
  readonly soft: ReadonlyMap<string, SoftDependency>;
  /** What modules may ask the kernel for while they run: `modules.weakdep` (kmod 33) and hints in `modules.softdep`. */
  readonly weak: ReadonlyMap<string, readonly string[]>;
  /** Firmware of what is built in, by name. */
  readonly builtinFirmware: ReadonlyMap<string, readonly string[]>;
}

interface SoftDependency {
  readonly pre: readonly string[];
  readonly post: readonly string[];
}

/** `kernel/drivers/usb/host/xhci-pci.ko.xz` → `xhci_pci`. */
export const moduleName = (path: string): string => normalised(bareModuleName(path));

/** As alias_normalize of libkmod: `-` and `_` are one, except in `[…]`. */
export const normalised = (name: string): string =>
  name.replace(/\[[^\]]*\]|-/g, (found) => (found === '-' ? '_' : found));

const wordsOf = (line: string): string[] => line.split(/\s+/).filter(Boolean);

/** Lists by key, in order. */
function groupBy(entries: Iterable<readonly [key: string, value: string]>): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const [key, value] of entries) {
    const group = groups.get(key);
    if (group) group.push(value);
    else groups.set(key, [value]);
  }
  return groups;
}

/**
 * What modprobe loads by `modules.softdep`: of each module the first line only (kmod_module_get_softdeps), and in it what
 * stands after `pre:` or `post:`. The other words are `hints`: the module asks the kernel for them when it needs them.
 */
function parseSoftdep(lines: readonly string[]): { soft: Map<string, SoftDependency>; hints: [string, string][] } {
  const soft = new Map<string, SoftDependency>();
  const hints: [string, string][] = [];
  for (const line of lines) {
    const [, given = '', ...words] = wordsOf(line);
    const name = normalised(given);
    const sides = { pre: [] as string[], post: [] as string[] };
    let side: 'pre' | 'post' | undefined;
    for (const word of words)
      if (word === 'pre:' || word === 'post:') side = word === 'pre:' ? 'pre' : 'post';
      else if (side === undefined || soft.has(name)) hints.push([name, word]);
      else sides[side].push(word);
    if (!soft.has(name)) soft.set(name, sides);
  }
  return { soft, hints };
}

/** Answers which modules have an alias that matches; tens of thousands of patterns, so they are sorted by bus first. */
function aliasTable(entries: readonly (readonly [alias: string, module: string])[]): (name: string) => string[] {
  const exact = groupBy(entries.filter(([alias]) => !isPattern(alias)));
  const bus = (alias: string): string => alias.slice(0, alias.indexOf(':') + 1);
  const globs = Map.groupBy(
    entries.filter(([alias]) => isPattern(alias)).map(([glob, module]) => ({ glob, module })),
    ({ glob }) => bus(glob.split(/[*?[]/, 1)[0] ?? ''),
  );
  const patterns = new Map<string, (name: string) => boolean>();
  return (name) => {
    const modules = [...(exact.get(name) ?? [])];
    for (const { glob, module } of [
      ...(globs.get(bus(name)) ?? []),
      ...(bus(name) === '' ? [] : (globs.get('') ?? [])),
    ]) {
      const matches = patterns.get(glob) ?? patternOf(glob, 'letter');
      patterns.set(glob, matches);
      if (matches(name)) modules.push(module);
    }
    return [...new Set(modules)];
  };
}

async function moduleDirectory(files: Files, root: string, release: string): Promise<string> {
  const present: string[] = [];
  for (const folder of ['/lib/modules', '/usr/lib/modules']) {
    const found = await resolveInTree(files, root, `${folder}/${release}/modules.dep`);
    if (found) return found.path.slice(0, found.path.lastIndexOf('/'));
    const all = await resolveInTree(files, root, folder);
    if (all?.stat.type === 'dir') present.push(...(await files.list(onMachine(root, all.path))));
  }
  throw new StatectlError('modules-missing', `${root} has no modules.dep for kernel ${release}`, {
    hint: present.includes(release)
      ? `run \`depmod -b ${root} ${release}\``
      : `it has modules for: ${[...new Set(present)].join(', ') || 'no kernel'}; install that kernel's package or name another release`,
  });
}

/** Reads the `modules.*` files of one kernel. Throws `modules-missing` when there is no `modules.dep`. */
export async function readModuleIndex(host: Pick<Host, 'files'>, root: string, release: string): Promise<ModuleIndex> {
  const directory = await moduleDirectory(host.files, root, release);
  const read = async (name: string, separator = '\n'): Promise<string[]> => {
    const text = (await readInTree(host.files, root, `${directory}/${name}`))?.toString('utf8') ?? '';
    return text.split(separator).filter((line) => line !== '' && !line.startsWith('#'));
  };

  const paths = new Map<string, string>();
  const needs = new Map<string, string[]>();
  for (const line of await read('modules.dep')) {
    const [path = '', dependencies = ''] = line.split(':');
    if (path.split('/').includes('..'))
      throw new StatectlError('module-invalid', `${directory}/modules.dep names ${path}, which is not below it`, {
        hint: `write it anew: depmod -b ${root} ${release}`,
      });
    paths.set(moduleName(path), path);
    needs.set(moduleName(path), wordsOf(dependencies).map(moduleName).reverse()); // The last one is loaded first.
  }
  const builtinPaths = await read('modules.builtin');
  const builtin = new Set(builtinPaths.map(moduleName));
  const aliasOf = aliasTable(
    (await read('modules.alias')).map((line) => {
      const words = wordsOf(line); // `alias <pattern> <module>`; a pattern may contain blanks.
      return [normalised(words.slice(1, -1).join(' ')), normalised(words.at(-1) ?? '')] as const;
    }),
  );
  // `module.key=value`, NUL-terminated (kernel: scripts/Makefile.modinst, "modules.builtin.modinfo").
  const builtinInfo = (await read('modules.builtin.modinfo', '\0')).flatMap((text) => {
    const [, module, key, value] = /^([^.=]+)\.([^=]+)=(.*)$/s.exec(text) ?? [];
    return module && key && value !== undefined ? [{ module: normalised(module), key, value }] : [];
  });
  const builtinAlias = aliasTable(
    builtinInfo.filter(({ key }) => key === 'alias').map(({ module, value }) => [normalised(value), module] as const),
  );
  const { soft, hints } = parseSoftdep(await read('modules.softdep'));
  const weak = (await read('modules.weakdep')).flatMap((line) => {
    const [, name = '', ...words] = wordsOf(line);
    return words.map((word) => [normalised(name), word] as const);
  });

  return {
    directory,
    paths,
    shipped: [...new Set([...(await read('modules.order')), ...builtinPaths, ...paths.values()])],
    builtin,
    lookup(nameOrAlias) {
      const name = normalised(nameOrAlias);
      if (paths.has(name)) return [name];
      if (builtin.has(name)) return 'builtin';
      const modules = aliasOf(name).filter((module) => paths.has(module));
      return modules.length === 0 && builtinAlias(name).length > 0 ? 'builtin' : modules;
    },
    needs,
    soft,
    weak: groupBy([...hints, ...weak]),
    builtinFirmware: groupBy(
      builtinInfo.filter(({ key }) => key === 'firmware').map(({ module, value }) => [module, value]),
    ),
  };
}
