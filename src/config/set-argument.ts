import { reasonOf } from '../error.ts';
import type { Config } from './config.ts';
import { checkSettings } from './effective.ts';
import { formatFault } from './fault.ts';
import type { PlacedArgument } from './kernel-cmdline.ts';
import { emptyMapping, type Mapping, type Origin, overlay, type Plain, parsePath, type Tree, treeOf } from './tree.ts';
import { parseYaml, repeatedKey } from './yaml-document.ts';
import { WHOLE_KEYS } from './yaml-file.ts';

/**
 * Lays `statectl.set=PATH=VALUE` arguments over plain settings; VALUE is YAML, as in a file. One that is wrong is left out
 * and said: a typing error in a boot menu must not stop a machine. The settings themselves must be without fault.
 */
export function withSetArguments(
  settings: Plain,
  words: readonly PlacedArgument[],
): { readonly config: Config | undefined; readonly faults: readonly string[] } {
  const tree = treeOfPlain(settings, { layer: 'built-in', file: 'config.d', line: 1, column: 1 }) as Mapping;
  const { settings: laid, faults } = laySetArguments(tree, words);
  return { config: checkSettings(laid).config, faults };
}

/** The same over settings with their origins; they may have faults of their own, which stay as they are. */
export function laySetArguments(
  below: Mapping,
  words: readonly PlacedArgument[],
): { readonly settings: Mapping; readonly faults: readonly string[] } {
  const faults: string[] = [];
  const known = new Set(checkSettings(below).faults.map(formatFault));
  const newFaults = (settings: Mapping): readonly string[] =>
    checkSettings(settings)
      .faults.map(formatFault)
      .filter((fault) => !known.has(fault));
  const layers: Layer[] = [];
  for (const word of words) {
    const said = readSet(word);
    if (typeof said === 'string') faults.push(said);
    else layers.push({ word, said });
  }
  /** Lays what is right of these: half by half where something is not, since a check costs far more than a layer. */
  const lay = (settings: Mapping, some: readonly Layer[]): Mapping => {
    const next = some.reduce((tree, { said }) => overlay(tree, said) as Mapping, settings);
    const wrong = some.length === 0 ? [] : newFaults(next);
    if (wrong.length === 0) return next;
    const [only] = some;
    if (some.length === 1 && only) {
      faults.push(...wrong.map((fault) => `${only.word.raw}: ${fault}; it is ignored`));
      return settings;
    }
    const middle = Math.ceil(some.length / 2);
    return lay(lay(settings, some.slice(0, middle)), some.slice(middle));
  };
  return { settings: lay(below, layers), faults };
}

interface Layer {
  readonly word: PlacedArgument;
  readonly said: Tree;
}

/** Where an argument stands on the kernel command line. */
export const originOfWord = ({ origin: file, line, column }: PlacedArgument): Origin => ({
  layer: 'kernel command line',
  file,
  line,
  column,
});

/** `boot.image=klipper@3`, `tmpfs./tmp.size=10%`, `server.servers=[http://a:8080]`. */
function readSet(word: PlacedArgument): Tree | string {
  const { value = '', raw } = word;
  const at = value.indexOf('=');
  const path = at < 0 ? undefined : parsePath(value.slice(0, at));
  if (path === undefined) return `${raw}: expected statectl.set=PATH=VALUE; it is ignored`;
  try {
    const document = parseYaml(value.slice(at + 1));
    const [error] = document.errors;
    if (error) throw error;
    const twice = repeatedKey(document);
    if (twice) throw new Error(`the key "${twice.key}" stands twice`);
    return treeOf(path, treeOfPlain(document.toJS() as Plain, originOfWord(word)));
  } catch (error) {
    return `${raw}: ${reasonOf(error).split('\n')[0]}; it is ignored`;
  }
}

/** Plain values as a layer; everything has the one origin. Lists are whole: there is nothing else that a value could mean. */
export function treeOfPlain(value: Plain, origin: Origin): Tree {
  const said = { origin, superseded: [] };
  if (value === null || typeof value !== 'object') return { kind: 'leaf', value, ...said };
  if (Array.isArray(value)) {
    const items = (value as readonly Plain[]).map((item) => treeOfPlain(item, origin));
    return { kind: 'list', items, removes: new Map(), removed: [], whole: true, ...said };
  }
  const entries = Object.entries(value).map(([key, inner]) => [key, treeOfPlain(inner, origin)] as const);
  const whole = WHOLE_KEYS.some((key) => Object.hasOwn(value, key));
  return { ...emptyMapping(origin), entries: new Map(entries), whole };
}
