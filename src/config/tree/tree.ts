/**
 * Settings with their origins. A tree is one layer (`system/boot.conf`, a group, a node, the kernel command line), or
 * several that `overlay` put together; the latter is associative, so layers may be put together in any grouping.
 */
export type Tree = Leaf | List | Mapping;

export type Plain = string | number | boolean | null | readonly Plain[] | { readonly [key: string]: Plain };

/** Where a value was said. On the kernel command line the column is that of the argument. */
export interface Origin {
  /** `file`, `override`, `group NAME`, `node NAME` or `kernel command line`. */
  readonly layer: string;
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** A value that a higher layer took the place of. */
export interface Superseded {
  readonly value: Plain;
  readonly origin: Origin;
}

/** What a layer took out, by `~item`, `~key:`, `!replace` or an entry of another kind. */
export interface Removed {
  /** Of a mapping; absent for an item of a list. */
  readonly key?: string;
  readonly value: Plain;
  /** Where the value was said, and where it was taken out. */
  readonly origin: Origin;
  readonly by: Origin;
}

interface Said {
  readonly origin: Origin;
  /** The lowest layer first. */
  readonly superseded: readonly Superseded[];
}

export interface Leaf extends Said {
  readonly kind: 'leaf';
  readonly value: string | number | boolean | null;
  /** A value as it was written, where that is not how it prints: 07, 1.10, 52540012e456, True, ~. */
  readonly text?: string;
}

export interface List extends Said {
  readonly kind: 'list';
  readonly items: readonly Tree[];
  /** What `~item` takes out of the layers below, by its itemText. */
  readonly removes: ReadonlyMap<string, Origin>;
  /** What it took out of them, the lowest layer first. */
  readonly removed: readonly Removed[];
  /** `!replace`: nothing of the layers below stays. */
  readonly whole: boolean;
}

export interface Mapping extends Said {
  readonly kind: 'mapping';
  readonly entries: ReadonlyMap<string, Tree>;
  /** What `~key:` takes out of the layers below. */
  readonly removes: ReadonlyMap<string, Origin>;
  /** What it took out of them, the lowest layer first. */
  readonly removed: readonly Removed[];
  readonly whole: boolean;
}

/** A setting's place: `['overlays', '/etc', 'size']`. */
export type SettingPath = readonly string[];

export const plainOf = (tree: Tree): Plain => {
  if (tree.kind === 'leaf') return tree.value;
  if (tree.kind === 'list') return tree.items.map(plainOf);
  return Object.fromEntries([...tree.entries].map(([key, value]) => [key, plainOf(value)]));
};

/** The same with every number and truth value as the text that was written: what names something is no quantity. */
export const writtenOf = (tree: Tree): Plain => {
  if (tree.kind === 'leaf') return tree.value === null ? null : (tree.text ?? String(tree.value));
  if (tree.kind === 'list') return tree.items.map(writtenOf);
  return Object.fromEntries([...tree.entries].map(([key, value]) => [key, writtenOf(value)]));
};

/** Two items of a list are the same when this is; `~8080` takes out a number, too. */
export const itemText = (tree: Tree): string => plainText(plainOf(tree));
export const plainText = (value: Plain): string =>
  value !== null && typeof value === 'object' ? JSON.stringify(value) : String(value);

/**
 * Lays one layer over another. Scalars: the upper wins. Lists: the upper's items come after, each once; what it takes out
 * goes first. Mappings: key by key.
 */
export function overlay(below: Tree, above: Tree): Tree {
  if (below.kind === 'mapping' && above.kind === 'mapping') return overlayMappings(below, above);
  if (below.kind === 'list' && above.kind === 'list') return overlayLists(below, above);
  const superseded = [...below.superseded, { value: plainOf(below), origin: below.origin }, ...above.superseded];
  // Nothing further below may shine through where the kind of value changed.
  return above.kind === 'leaf' ? { ...above, superseded } : { ...above, superseded, whole: true };
}

function overlayLists(below: List, above: List): List {
  const said = new Set(above.items.map(itemText));
  const gone = (item: Tree): Origin | undefined =>
    above.removes.get(itemText(item)) ?? (above.whole && !said.has(itemText(item)) ? above.origin : undefined);
  const removed = [...below.removed, ...below.items.flatMap((item) => takenOut(item, gone(item))), ...above.removed];
  if (above.whole) {
    const replaced = { value: plainOf(below), origin: below.origin };
    return { ...above, removed, superseded: [...below.superseded, replaced, ...above.superseded] };
  }
  const kept = below.items.filter((item) => !above.removes.has(itemText(item)));
  const present = new Set(kept.map(itemText));
  return {
    ...below,
    items: [...kept, ...above.items.filter((item) => !present.has(itemText(item)))],
    removes: new Map([...below.removes, ...above.removes]),
    removed,
    superseded: [...below.superseded, ...above.superseded],
  };
}

const takenOut = (value: Tree, by: Origin | undefined, key?: string): readonly Removed[] =>
  by === undefined ? [] : [{ ...(key !== undefined && { key }), value: plainOf(value), origin: value.origin, by }];

function overlayMappings(below: Mapping, above: Mapping): Mapping {
  const gone = (key: string): Origin | undefined =>
    above.entries.has(key) ? undefined : (above.removes.get(key) ?? (above.whole ? above.origin : undefined));
  const entries = new Map([...below.entries].filter(([key]) => !above.whole && !above.removes.has(key)));
  for (const [key, upper] of above.entries) {
    const lower = below.entries.get(key);
    const isAnew = above.whole || above.removes.has(key);
    entries.set(key, lower === undefined ? upper : overlay(lower, isAnew ? asWhole(upper) : upper));
  }
  return {
    ...(above.whole ? above : below),
    entries,
    removes: above.whole ? above.removes : new Map([...below.removes, ...above.removes]),
    removed: [
      ...below.removed,
      ...[...below.entries].flatMap(([key, value]) => takenOut(value, gone(key), key)),
      ...above.removed,
    ],
    whole: above.whole || below.whole,
    superseded: [...below.superseded, ...above.superseded],
  };
}

/** What a whole mapping holds is whole too: its values only remember whose place they took. */
const asWhole = (tree: Tree): Tree => (tree.kind === 'leaf' ? tree : { ...tree, whole: true });

/** The value at a path, or undefined. Items of lists are counted from 0. */
export function treeAt(tree: Tree, path: readonly PropertyKey[]): Tree | undefined {
  let at: Tree | undefined = tree;
  for (const key of path) {
    if (at?.kind === 'mapping') at = at.entries.get(String(key));
    else if (at?.kind === 'list') at = at.items[Number(key)];
    else return undefined;
  }
  return at;
}

/** Where a complaint about a path belongs: at the value, or at the deepest one above it that was said. */
export function originOf(tree: Tree, path: readonly PropertyKey[]): Origin {
  for (let length = path.length; length > 0; length -= 1) {
    const at = treeAt(tree, path.slice(0, length));
    if (at) return at.origin;
  }
  return tree.origin;
}

/** `system/state.conf:2:3`, as faults begin. */
export const placeOf = ({ file, line, column }: Origin): string => `${file}:${line}:${column}`;

/** One value in an otherwise empty layer: what `statectl.set=PATH=VALUE` says. */
export const treeOf = (path: SettingPath, value: Tree): Tree =>
  path.reduceRight<Tree>(
    (inner, key) => ({
      kind: 'mapping',
      entries: new Map([[key, inner]]),
      removes: new Map(),
      removed: [],
      whole: false,
      origin: inner.origin,
      superseded: [],
    }),
    value,
  );

export const emptyMapping = (origin: Origin): Mapping => ({
  kind: 'mapping',
  entries: new Map(),
  removes: new Map(),
  removed: [],
  whole: false,
  origin,
  superseded: [],
});

/** `overlays./etc.size`; a key with a dot or a quote stands in quotes: `etc.files."/etc/a.conf"`. */
export const writePath = (path: readonly PropertyKey[]): string =>
  path.map((key) => (/[."\s[\]]|^$/.test(String(key)) ? JSON.stringify(String(key)) : String(key))).join('.');

const unquoted = (text: string): string | undefined => {
  try {
    const value: unknown = JSON.parse(`"${text}"`);
    return typeof value === 'string' ? value : undefined;
  } catch {
    return undefined;
  }
};

/** Reads what writePath writes; undefined when it is none. */
export function parsePath(text: string): SettingPath | undefined {
  const keys: string[] = [];
  const pattern = /(?:"((?:[^"\\]|\\.)*)"|([^."]+))(\.|$)/y;
  for (let end = 0; end < text.length; end = pattern.lastIndex) {
    pattern.lastIndex = end;
    const match = pattern.exec(text);
    if (!match) return undefined;
    const [whole, quoted, bare, dot] = match;
    const key = quoted === undefined ? bare : unquoted(quoted);
    if (key === undefined) return undefined;
    keys.push(key);
    if (end + whole.length === text.length && dot === '.') return undefined;
  }
  return keys.length > 0 ? keys : undefined;
}
