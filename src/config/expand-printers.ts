import { posix } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { z } from 'zod';
import { PrinterEntry, PrinterName } from './schema/state.ts';
import { treeOfPlain } from './tree/plain-tree.ts';
import {
  emptyMapping,
  type Mapping,
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
  return [...printers.entries].reduce((expanded, [name, tree]) => {
    const printer = PrinterEntry.safeParse(plainOf(tree));
    // What is wrong with it is told where it is checked.
    if (!printer.success || !PrinterName.safeParse(name).success) return expanded;
    return placesOf(name, printer.data)
      .filter(({ path: [part, path = ''] }) => part !== 'tmpfs' || !isPlaceOtherwise(settings, path))
      .reduce((at, { path, value }) => withEntry(at, path, treeOfPlain(value, tree.origin)), expanded);
  }, settings);
}

/** The same for settings without origins, such as a bundle carries. */
export const plainExpanded = (settings: { readonly [part: string]: Plain }): { readonly [part: string]: Plain } =>
  plainOf(expandPrinters(treeOfPlain(settings, NOWHERE) as Mapping)) as { readonly [part: string]: Plain };
const NOWHERE = { layer: 'built-in', file: 'config.d', line: 1, column: 1 };

interface Said {
  readonly path: SettingPath;
  readonly value: Plain;
}

function placesOf(
  printer: string,
  { data, user, group = user, variables }: z.output<typeof PrinterEntry>,
): readonly Said[] {
  const owner = `${user}:${group}`;
  const state = (path: string, name: string, entry: { readonly [key: string]: Plain }): Said => ({
    path: ['state', 'places', posix.resolve(data, path)],
    value: { ...entry, printer, name, owner },
  });
  return [
    state('database', 'database', {
      kind: 'snapshot',
      files: ['moonraker-sql.db'],
      tables: ['namespace_store', 'table_registry'],
      // Moonraker calls a database of another id foreign, for ever.
      with: [`${data}/.moonraker.uuid`],
    }),
    state('gcodes', 'gcode', { kind: 'mirror' }),
    state('config', 'config', { kind: 'git' }),
    state(variables, 'variables', { kind: 'variables' }),
    ...Object.entries(IN_RAM).map(
      ([folder, size]): Said => ({ path: ['tmpfs', `${data}/${folder}`], value: { size, mode: '0755', owner } }),
    ),
  ];
}

/** A disk, or a folder that is shown there: somebody wants the logs to stay. */
const isPlaceOtherwise = (settings: Mapping, path: string): boolean =>
  (['fstab', 'overlays'] as const).some((part) => treeAt(settings, [part, path]) !== undefined);

/** The settings with one more entry, below what is said for it already. */
function withEntry(tree: Mapping, [key = '', ...rest]: SettingPath, entry: Tree): Mapping {
  const there = tree.entries.get(key);
  const isLast = rest.length === 0;
  // A fault of the file, which is told there.
  if (!isLast && there !== undefined && there.kind !== 'mapping') return tree;
  const around = there?.kind === 'mapping' ? there : emptyMapping(entry.origin);
  const said = there ? overlay(entry, ofTheSameKind(entry, there)) : entry;
  return { ...tree, entries: new Map([...tree.entries, [key, isLast ? said : withEntry(around, rest, entry)]]) };
}

/** An entry with a kind is meant whole; one of the kind that its place has anyway says what is different there. */
const ofTheSameKind = (entry: Tree, said: Tree): Tree =>
  said.kind === 'mapping' && isDeepStrictEqual(kindOf(entry), kindOf(said)) ? { ...said, whole: false } : said;

const kindOf = (tree: Tree): Plain | undefined => {
  const kind = treeAt(tree, ['kind']);
  return kind && plainOf(kind);
};
