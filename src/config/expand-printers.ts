import { posix } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { PrinterEntry } from './schema/state/printer.ts';
import { PrinterName } from './schema/state/printer-name.ts';
import { treeOfPlain } from './tree/plain-tree.ts';
import {
  emptyMapping,
  type Mapping,
  originOf,
  overlay,
  type Plain,
  plainOf,
  type SettingPath,
  type Tree,
  treeAt,
} from './tree/tree.ts';

/** What every printer has in RAM alone: logs go to the log target, sockets and leftovers are of one boot. */
const IN_RAM = { logs: '64M', comms: '1M', misc: '16M' } as const;

/**
 * Settings with the places that each of their printers stands for, as if somebody had written them where the printer is. What
 * is written for a place counts before that. The same settings where no printer is. Pure.
 */
export function expandPrinters(settings: Mapping): Mapping {
  const printers = treeAt(settings, ['state', 'printers']);
  if (printers?.kind !== 'mapping') return settings;
  const each = [...printers.entries].flatMap(([name, tree]) => entriesOf(name, tree));
  const kept = each.flatMap(({ state }) => state);
  const inRam = each.flatMap(({ ram }) => ram).filter(({ path }) => !isPlaceOtherwise(settings, path));
  return withEntries(withEntries(settings, ['state', 'places'], kept), ['tmpfs'], inRam);
}

/** The same for settings without origins, such as a bundle carries. */
export const plainExpanded = (settings: { readonly [part: string]: Plain }): { readonly [part: string]: Plain } =>
  plainOf(expandPrinters(treeOfPlain(settings, NOWHERE) as Mapping)) as { readonly [part: string]: Plain };
const NOWHERE = { layer: 'built-in', file: 'config.d', line: 1, column: 1 };

interface Entry {
  readonly path: string;
  readonly tree: Tree;
}

/** Every one is said where the printer's data is. */
function entriesOf(
  name: string,
  said: Tree,
): readonly { readonly state: readonly Entry[]; readonly ram: readonly Entry[] }[] {
  const printer = PrinterEntry.safeParse(plainOf(said));
  // What is wrong with it is told where it is checked.
  if (!printer.success || !PrinterName.safeParse(name).success) return [];
  const { data, variables } = printer.data;
  const { user, group = user } = printer.data;
  const owner = `${user}:${group}`;
  const origin = originOf(said, ['data']);
  const item = (path: string, called: string, entry: { readonly [key: string]: Plain }): Entry => ({
    path: posix.resolve(data, path),
    tree: treeOfPlain({ ...entry, printer: name, name: called, owner }, origin),
  });
  const state = [
    item('database', 'database', {
      kind: 'snapshot',
      files: ['moonraker-sql.db'],
      tables: ['namespace_store', 'table_registry'],
      // Moonraker calls a database of another id foreign, for ever.
      with: [`${data}/.moonraker.uuid`],
    }),
    item('gcodes', 'gcode', { kind: 'mirror' }),
    item('config', 'config', { kind: 'git' }),
    item(variables, 'variables', { kind: 'variables' }),
  ];
  const ram = Object.entries(IN_RAM).map(([folder, size]) => ({
    path: `${data}/${folder}`,
    tree: treeOfPlain({ size, mode: '0755', owner }, origin),
  }));
  return [{ state, ram }];
}

/** A disk, or a folder that is shown there: somebody wants the logs to stay. */
const isPlaceOtherwise = (settings: Mapping, path: string): boolean =>
  (['fstab', 'overlays'] as const).some((part) => treeAt(settings, [part, path]) !== undefined);

/** The settings with further entries in a mapping, each below what is said for it already. */
function withEntries(tree: Mapping, [key, ...rest]: SettingPath, added: readonly Entry[]): Mapping {
  const [first] = added;
  if (first === undefined) return tree;
  const entries = new Map(tree.entries);
  if (key === undefined)
    for (const { path, tree: entry } of added) {
      const said = entries.get(path);
      entries.set(path, said ? overlay(entry, ofTheSameKind(entry, said)) : entry);
    }
  else {
    const there = entries.get(key) ?? emptyMapping(first.tree.origin);
    // Else it is a fault of the file, which is told there.
    if (there.kind === 'mapping') entries.set(key, withEntries(there, rest, added));
  }
  return { ...tree, entries };
}

/** An entry with a kind is meant whole; one of the kind that its place has anyway, or a cache of it, says what is different there. */
const ofTheSameKind = (entry: Tree, said: Tree): Tree =>
  said.kind === 'mapping' && isDeepStrictEqual(kindOf(entry), kindOf(said)) ? { ...said, whole: false } : said;

const kindOf = (tree: Tree): Plain | undefined => {
  const kind = treeAt(tree, ['kind']);
  const said = kind && plainOf(kind);
  return said === 'cache' ? 'mirror' : said;
};
