import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  visit,
  type YAMLParseError,
} from 'yaml';
import { reasonOf } from '../error.ts';
import { type ConfigFault, faultAt } from './fault.ts';
import { emptyMapping, itemText, type Mapping, type Origin, type Tree } from './tree.ts';

/** No file that a person writes is larger; a machine's RAM is spared the rest. */
export const LARGEST_FILE_BYTES = 1 << 20;
/** Values in one file, those that aliases repeat among them. */
const MOST_VALUES = 200_000;
const MOST_YAML_FAULTS = 5;
const REPLACE_TAG = '!replace';
/** An entry that says what it is made of is meant whole: none of another kind's settings stay below it. */
export const WHOLE_KEYS = ['kind', 'source'];

/**
 * Reads one YAML file of config.d as a layer. Faults are added to the list; a file with faults gives an empty layer.
 * YAML 1.2, one document, unique keys, no tag but `!replace`.
 */
export function readYaml(text: string, file: string, layer: string, faults: ConfigFault[]): Mapping {
  const start: Origin = { layer, file, line: 1, column: 1 };
  const fail = (message: string, at: Origin = start): Mapping => {
    faults.push(faultAt(at, message));
    return emptyMapping(start);
  };
  if (text.length > LARGEST_FILE_BYTES) return fail(`larger than ${LARGEST_FILE_BYTES >> 20} MiB`);
  const lines = new LineCounter();
  const originAt = (offset: number | undefined): Origin => {
    const { line, col } = lines.linePos(offset ?? 0);
    return { layer, file, line: Math.max(1, line), column: Math.max(1, col) };
  };
  try {
    const document = parseDocument(text, { lineCounter: lines, version: '1.2', uniqueKeys: true });
    // One mistake makes the parser stumble on; the first few tell.
    for (const error of document.errors.slice(0, MOST_YAML_FAULTS))
      fail(duplicateMessage(error, document, originAt) ?? yamlMessage(error), originAt(error.pos[0]));
    if (document.errors.length > 0) return emptyMapping(start);
    const { contents } = document;
    const isEmpty = contents === null || (isScalar(contents) && contents.value === null);
    if (isEmpty) return emptyMapping(start);
    if (!isMap(contents)) return fail('expected a mapping of keys to values');
    const before = faults.length;
    const tree = new Reader(document, originAt, faults).mapping(contents, start);
    return faults.length === before ? tree : emptyMapping(start);
  } catch (error) {
    if (error instanceof TooMuch) return fail(error.message);
    // A document nested thousands deep ends the parser's stack.
    return fail(error instanceof RangeError ? 'nested too deep' : reasonOf(error));
  }
}

const yamlMessage = ({ code, message }: YAMLParseError): string =>
  code === 'MULTIPLE_DOCS'
    ? 'a second document begins here: one file holds one'
    : (/call stack/.test(message) ? 'nested too deep' : (message.split('\n')[0] ?? '')).replace(
        / at line \d+, column \d+:?$/,
        '',
      );

/** The text of a number that prints otherwise. */
const writtenAs = (node: Node | null): string | undefined =>
  isScalar(node) && typeof node.value === 'number' && node.source !== undefined && node.source !== String(node.value)
    ? node.source
    : undefined;

/** The parser says that a key stands twice, and where it does so again; not which, nor where it was first. */
function duplicateMessage(
  { code, pos: [again] }: YAMLParseError,
  document: Document,
  originAt: (offset: number | undefined) => Origin,
): string | undefined {
  let found: string | undefined;
  const offsetOf = (pair: Pair): number | undefined => (pair.key as Node | null)?.range?.[0];
  if (code === 'DUPLICATE_KEY')
    visit(document, {
      Map(_key, { items }) {
        const second = items.find((pair) => offsetOf(pair) === again);
        if (!isScalar(second?.key)) return undefined;
        const { value } = second.key;
        const first = items.find(({ key }) => isScalar(key) && key.value === value);
        found = standsAlready(String(value), originAt(first && offsetOf(first)));
        return visit.BREAK;
      },
    });
  return found;
}

const standsAlready = (key: string, { file, line, column }: Origin): string =>
  `the key "${key}" stands at ${file}:${line}:${column} already: put both together, or take one out`;

class TooMuch extends Error {}

class Reader {
  readonly #document: Document;
  readonly #originAt: (offset: number | undefined) => Origin;
  readonly #faults: ConfigFault[];
  #values = 0;

  constructor(document: Document, originAt: (offset: number | undefined) => Origin, faults: ConfigFault[]) {
    this.#document = document;
    this.#originAt = originAt;
    this.#faults = faults;
  }

  tree(node: Node | null, origin: Origin): Tree {
    this.#values += 1;
    if (this.#values > MOST_VALUES) throw new TooMuch(`more than ${MOST_VALUES} values`);
    if (isAlias(node)) {
      const target = node.resolve(this.#document);
      if (target) return this.tree(target, origin);
      this.#fault(origin, `*${node.source} is the alias of nothing`);
      return { kind: 'leaf', value: null, origin, superseded: [] };
    }
    const tag = (node as { tag?: string } | null)?.tag;
    const isReplace = tag === REPLACE_TAG && (isMap(node) || isSeq(node));
    if (tag !== undefined && !isReplace && !tag.startsWith('tag:yaml.org,2002:'))
      this.#fault(
        origin,
        tag === REPLACE_TAG ? '!replace is for lists and mappings' : `unknown tag ${tag}: only !replace is`,
      );
    if (isMap(node)) return this.mapping(node, origin);
    if (isSeq(node)) return this.#list(node.items as readonly Node[], isReplace, origin);
    const value = isScalar(node) ? node.value : null;
    const text = writtenAs(node);
    const isPlain = value === null || ['string', 'number', 'boolean'].includes(typeof value);
    if (!isPlain) this.#fault(origin, `expected a text, a number or true or false, found ${String(value)}`);
    return {
      kind: 'leaf',
      value: isPlain ? (value as string | number | boolean | null) : null,
      ...(text !== undefined && { text }),
      origin,
      superseded: [],
    };
  }

  mapping(node: { readonly items: readonly unknown[]; readonly tag?: string }, origin: Origin): Mapping {
    const entries = new Map<string, Tree>();
    const removes = new Map<string, Origin>();
    for (const pair of node.items as readonly { key: Node; value: Node | null }[]) {
      const at = this.#originAt(pair.key?.range?.[0]);
      if (!isScalar(pair.key) || typeof pair.key.value === 'object') {
        this.#fault(at, 'expected a plain key');
        continue;
      }
      const key = writtenAs(pair.key) ?? String(pair.key.value);
      if (/^~./.test(key)) {
        if (pair.value !== null && !(isScalar(pair.value) && pair.value.value === null))
          this.#fault(at, `"${key}" takes ${key.slice(1)} out of the layers below and has no value`);
        removes.set(key.slice(1), at);
      } else {
        const first = entries.get(key);
        // 80 and "80", which the parser takes for two.
        if (first) this.#fault(at, standsAlready(key, first.origin));
        entries.set(key, this.tree(pair.value, at));
      }
    }
    const whole = node.tag === REPLACE_TAG || WHOLE_KEYS.some((key) => entries.has(key));
    return { kind: 'mapping', entries, removes, removed: [], whole, origin, superseded: [] };
  }

  #list(nodes: readonly Node[], whole: boolean, origin: Origin): Tree {
    const items = new Map<string, Tree>();
    const removes = new Map<string, Origin>();
    for (const node of nodes) {
      const at = this.#originAt(node.range?.[0]);
      const item = this.tree(node, at);
      if (item.kind === 'leaf' && typeof item.value === 'string' && /^~./.test(item.value))
        removes.set(item.value.slice(1), at);
      else if (!items.has(itemText(item))) items.set(itemText(item), item);
    }
    for (const [text, at] of removes)
      if (items.has(text)) this.#fault(at, `the list both has ${text} and takes it out`);
    return { kind: 'list', items: [...items.values()], removes, removed: [], whole, origin, superseded: [] };
  }

  #fault(origin: Origin, message: string): void {
    this.#faults.push(faultAt(origin, message));
  }
}
