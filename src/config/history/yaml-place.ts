import { type Document, isAlias, isCollection, isMap, isPair, isScalar, isSeq, type Node, type Pair } from 'yaml';
import { StatectlError } from '../../error.ts';
import type { SettingPath } from '../tree/tree.ts';

type Item = Node | Pair<Node, Node | null>;
export type Collection = Node & { readonly flow?: boolean; readonly items: readonly Item[] };

/** A value's place in a text: the offsets that a splice needs. */
export interface Place {
  readonly parent: Collection;
  readonly index: number;
  /** Where its key or its dash begins. */
  readonly start: number;
  /** After `key:` or `-`, and a tag that stands there: what comes next is the value. */
  readonly headEnd: number;
  readonly node: Node | null;
}

/** How far a path leads in a document: to a value, or to a collection or an empty value that it would go on in. */
export interface Reached {
  /** The last one is where `node` stands; none: it is the whole document. */
  readonly places: readonly Place[];
  readonly node: Node | null;
  readonly rest: SettingPath;
}

/** Follows a path as far as there is something. Throws `edit-impossible` where nothing can be below. */
export function reach(document: Document, path: SettingPath): Reached {
  const places: Place[] = [];
  let node = document.contents as Node | null;
  for (const [depth, key] of path.entries()) {
    if (isNothing(node)) break;
    if (!isCollection(node)) {
      const what = isAlias(node) ? `the alias *${node.source}` : 'a value';
      throw impossible(`${path.slice(0, depth).join('.')} is ${what}, and has no settings below it`);
    }
    const index = indexOf(node as Collection, key);
    if (isSeq(node) && !(index <= node.items.length))
      throw impossible(`${path.slice(0, depth).join('.')} is a list of ${node.items.length}: "${key}" is none of them`);
    if (index < 0 || index >= node.items.length) break;
    const place = placeAt(node as Collection, index);
    places.push(place);
    node = place.node;
  }
  return { places, node, rest: path.slice(places.length) };
}

const indexOf = (node: Collection, key: string): number =>
  isMap(node)
    ? node.items.findIndex((pair) => isScalar(pair.key) && String(pair.key.value) === key)
    : /^\d+$/.test(key)
      ? Number(key)
      : Number.NaN;

export const isNothing = (node: Node | null): boolean => node === null || (isScalar(node) && node.value === null);

interface Token {
  readonly type: string;
  readonly offset: number;
  readonly source: string;
}

/** What belongs to the head of a value: `key:` or `-`, and what is said of the value before it. */
const HEAD = ['map-value-ind', 'seq-item-ind', 'tag', 'anchor'];

/** The place of an item. The document must have kept its tokens. */
export function placeAt(parent: Collection, index: number): Place {
  const item = parent.items[index] as Item;
  if (isPair(item)) {
    const [start, end] = item.key.range ?? [0, 0];
    const { sep = [] } = (item.srcToken ?? {}) as { sep?: readonly Token[] };
    return { parent, index, start, headEnd: headEnd(sep, end), node: item.value };
  }
  const { items = [] } = (parent.srcToken ?? {}) as { items?: readonly { readonly start: readonly Token[] }[] };
  const dashed = items.filter(({ start }) => start.some(isDash))[index]?.start ?? [];
  const start = dashed.find(isDash)?.offset ?? item.range?.[0] ?? 0;
  return { parent, index, start, headEnd: headEnd(dashed, start), node: item };
}

const isDash = ({ type }: Token): boolean => type === 'seq-item-ind';

const headEnd = (tokens: readonly Token[], otherwise: number): number => {
  const last = tokens.findLast(({ type }) => HEAD.includes(type));
  return last ? last.offset + last.source.length : otherwise;
};

/** Where what stands in a place ends: before a comment behind it, and before blank lines. */
export function endOf(text: string, { node, headEnd }: Place): number {
  if (!node?.range || isEmpty(node)) return headEnd;
  if (isBlock(node)) return endOf(text, placeAt(node as Collection, (node as Collection).items.length - 1));
  const [start, end] = node.range;
  const said = text.slice(start, end);
  const isLiteral = isScalar(node) && (node.type === 'BLOCK_LITERAL' || node.type === 'BLOCK_FOLDED');
  if (!isLiteral) return end;
  // Blank lines after a text of several lines are nobody's, unless `+` says that they are its own.
  const after = /^[|>][1-9]?\+/.test(said) ? /\r?\n$/ : /(?<![ \t\r\n])[ \t\r\n]+$/;
  return start + said.replace(after, '').length;
}

/** Nothing stands behind the key. */
export const isEmpty = (node: Node | null): boolean =>
  isNothing(node) && (!node?.range || node.range[0] === node.range[1]);

/** A list or mapping without brackets. */
export const isBlock = (node: Node | null): boolean => isCollection(node) && node.flow !== true;

export const impossible = (why: string, hint = 'edit the file with `statectl config edit`'): StatectlError =>
  new StatectlError('edit-impossible', why, { hint });
