import { entryOf } from '../../entry-of.ts';
import { PARTS } from '../config-dir.ts';
import { expandPrinters } from '../expand-printers.ts';
import {
  itemText,
  type List,
  type Mapping,
  type Origin,
  type Plain,
  plainOf,
  plainText,
  type SettingPath,
  type Superseded,
  type Tree,
} from '../tree/tree.ts';
import { CONFIG_FILES } from './files.ts';
import { kindOf, kindsOf, type SettingSchema, schemasAt, settingSchema } from './setting-schema.ts';

/** One setting of a machine, as `config show --origin` has it. */
export interface SettingRow {
  readonly path: SettingPath;
  /** Of an item of a list, counted from 0. */
  readonly index?: number;
  readonly value: Plain;
  /** Absent: the built-in default. */
  readonly origin?: Origin;
  /** The lowest layer first. */
  readonly superseded: readonly Superseded[];
  /** It is no more: here a higher layer took it out. */
  readonly removedBy?: Origin;
}

/**
 * Every setting with its origin, those that nobody set or that were taken out among them, in the order of the files; what a
 * printer stands for as if it were written where the printer is. Pure.
 */
export function settingRows(written: Mapping): readonly SettingRow[] {
  const settings = expandPrinters(written);
  return PARTS.flatMap((part) =>
    rowsOf(settings.entries.get(part), schemasAt(settingSchema(CONFIG_FILES[part].schema), []), [part]),
  );
}

function rowsOf(tree: Tree | undefined, schemas: readonly SettingSchema[], path: SettingPath): readonly SettingRow[] {
  if (tree?.kind === 'leaf') return [{ path, value: tree.value, origin: tree.origin, superseded: tree.superseded }];
  if (tree?.kind === 'list') return [...itemRows(tree, path), ...removedRows(tree, path)];
  const fitting = schemas.flatMap(kindsOf).filter((schema) => isOfKind(schema, tree));
  const known = new Set([
    ...(tree?.entries.keys() ?? []),
    ...fitting.flatMap((schema) => Object.keys(schema.properties ?? {})),
  ]);
  const rows = [...known].flatMap((key) => {
    const below = tree?.entries.get(key);
    const inner = fitting.flatMap((schema) => schemasAt(schema, [key]));
    if (below) return rowsOf(below, inner, [...path, key]);
    // Settings of a group of settings that nobody mentioned.
    if (inner.some(({ properties }) => properties)) return rowsOf(undefined, inner, [...path, key]);
    const usual = inner.find((schema) => schema.default !== undefined)?.default as Plain | undefined;
    return usual === undefined ? [] : [{ path: [...path, key], value: usual, superseded: [] }];
  });
  return tree ? [...rows, ...removedRows(tree, path)] : rows;
}

/** The items of a list may come from several layers, each with its own place. */
const itemRows = ({ items, origin }: List, path: SettingPath): readonly SettingRow[] =>
  items.length === 0
    ? [{ path, value: [], origin, superseded: [] }]
    : items.map((item, index) => ({
        path,
        index,
        value: plainOf(item),
        origin: item.origin,
        superseded: item.superseded,
      }));

/** What was taken out and did not come back. */
function removedRows(tree: List | Mapping, path: SettingPath): readonly SettingRow[] {
  const there = new Set(tree.kind === 'list' ? tree.items.map(itemText) : tree.entries.keys());
  return tree.removed
    .filter(({ key, value }) => !there.has(key ?? plainText(value)))
    .map(({ key, value, origin, by }) => ({
      path: key === undefined ? path : [...path, key],
      value,
      origin,
      superseded: [],
      removedBy: by,
    }));
}

const isOfKind = (schema: SettingSchema, tree: Mapping | undefined): boolean => {
  const kind = kindOf(schema);
  const said = tree?.entries.get('kind');
  return kind === undefined || (said?.kind === 'leaf' && said.value === kind);
};

type Nest = { [key: string]: Plain | Nest };

/** Any text may be a key of it. */
const nest = (): Nest => Object.create(null);

/** Rows as the mapping that an admin would write to say all of it: nothing of what was taken out. */
export function withDefaults(rows: readonly SettingRow[]): { readonly [key: string]: Plain } {
  const root = nest();
  for (const { path, index, value, removedBy } of rows) {
    if (removedBy) continue;
    const last = path.at(-1) as string;
    const parent = path.slice(0, -1).reduce<Nest>((at, key) => {
      const below = (entryOf(at, key) as Nest | undefined) ?? nest();
      at[key] = below;
      return below;
    }, root);
    parent[last] =
      index === undefined ? value : [...((entryOf(parent, last) as readonly Plain[] | undefined) ?? []), value];
  }
  return root as { [key: string]: Plain };
}
