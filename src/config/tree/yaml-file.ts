import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, type YAMLParseError } from 'yaml';
import { reasonOf } from '../../error.ts';
import { type ConfigFault, faultAt } from '../check/fault.ts';
import { emptyMapping, itemText, type Mapping, type Origin, type Tree } from './tree.ts';
import { DEEPEST, MOST_VALUES, parseYaml, TooMuch } from './yaml-document.ts';

/** No file that a person writes is larger; a machine's RAM is spared the rest. */
export const LARGEST_FILE_BYTES = 1 << 20;
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
    const document = parseYaml(text, { lineCounter: lines });
    // One mistake makes the parser stumble on; the first few tell.
    for (const error of document.errors.slice(0, MOST_YAML_FAULTS)) fail(yamlMessage(error), originAt(error.pos[0]));
    if (document.errors.length > 0) return emptyMapping(start);
    const { contents } = document;
    const isEmpty = contents === null || (isScalar(contents) && contents.value === null);
    if (isEmpty) return emptyMapping(start);
    if (!isMap(contents)) return fail('expected a mapping of keys to values');
    const before = faults.length;
    const tree = new Reader(originAt, faults).mapping(contents, start);
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

/** The text of a value that prints otherwise: 1.10, 0x1F, True, ~. */
const writtenAs = (node: Node | null): string | undefined =>
  isScalar(node) && typeof node.value !== 'string' && node.source !== undefined && node.source !== String(node.value)
    ? node.source
    : undefined;

const standsAlready = (key: string, { file, line, column }: Origin): string =>
  `the key "${key}" stands at ${file}:${line}:${column} already: put both together, or take one out`;

class Reader {
  readonly #originAt: (offset: number | undefined) => Origin;
  readonly #faults: ConfigFault[];
  /** By name, as far as the document was read: an alias means the last one before it. */
  readonly #anchors = new Map<string, Node>();
  #values = 0;
  #depth = 0;
  /** Within what an alias repeats: its anchors are known already. */
  #aliases = 0;

  constructor(originAt: (offset: number | undefined) => Origin, faults: ConfigFault[]) {
    this.#originAt = originAt;
    this.#faults = faults;
  }

  tree(node: Node | null, origin: Origin): Tree {
    this.#values += 1;
    if (this.#values > MOST_VALUES) throw new TooMuch(`more than ${MOST_VALUES} values`);
    if (this.#depth >= DEEPEST) throw new TooMuch('nested too deep');
    this.#depth += 1;
    try {
      return isAlias(node) ? this.#repeated(node.source, origin) : this.#said(node, origin);
    } finally {
      this.#depth -= 1;
    }
  }

  #repeated(name: string, origin: Origin): Tree {
    const target = this.#anchors.get(name);
    if (target === undefined) {
      this.#fault(origin, `*${name} is the alias of nothing`);
      return { kind: 'leaf', value: null, origin, superseded: [] };
    }
    this.#aliases += 1;
    const tree = this.tree(target, origin);
    this.#aliases -= 1;
    return tree;
  }

  #said(node: Node | null, origin: Origin): Tree {
    const { anchor } = (node ?? {}) as { anchor?: string };
    if (node && anchor !== undefined && this.#aliases === 0) this.#anchors.set(anchor, node);
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
        const first = removes.get(key.slice(1));
        if (first) this.#fault(at, standsAlready(key, first));
        removes.set(key.slice(1), at);
      } else {
        const first = entries.get(key);
        if (first) this.#fault(at, standsAlready(key, first.origin));
        const value = this.tree(pair.value, at);
        // So a key that stands three times names the first place each time.
        if (!first) entries.set(key, value);
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
