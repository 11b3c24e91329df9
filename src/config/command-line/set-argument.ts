import { reasonOf } from '../../error.ts';
import { formatFault } from '../check/fault.ts';
import type { Config } from '../config.ts';
import { checkSettings } from '../effective.ts';
import { treeOfPlain } from '../tree/plain-tree.ts';
import {
  type Mapping,
  type Origin,
  overlay,
  type Plain,
  parsePath,
  type SettingPath,
  type Tree,
  treeAt,
  treeOf,
} from '../tree/tree.ts';
import { parseYaml, repeatedKey } from '../tree/yaml-document.ts';
import type { PlacedArgument } from './command-line.ts';

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
  const layers: Layer[] = [];
  for (const word of words) {
    const layer = readSet(word);
    if (typeof layer === 'string') faults.push(layer);
    else layers.push(layer);
  }
  let wrongWords = 0;

  /** A check costs far more than a layer: all at once, and only where something is wrong its halves. */
  function lay(settings: Mapping, { said, word, halves }: Layers): Mapping {
    if (wrongWords > MOST_WRONG) return settings;
    const next = overlay(settings, said) as Mapping;
    const wrong = checkSettings(next)
      .faults.map(formatFault)
      .filter((fault) => !known.has(fault));
    if (wrong.length === 0) return next;
    if (halves && wrongWords < MOST_WRONG) return halves.reduce(lay, settings);
    wrongWords += 1;
    if (wrongWords > MOST_WRONG)
      faults.push(`${word.raw} and what follows: more than ${MOST_WRONG} are wrong; they are ignored`);
    else faults.push(...wrong.map((fault) => `${word.raw}: ${fault}; it is ignored`));
    return settings;
  }

  return { settings: runsOf(layers).map(together).reduce(lay, below), faults };
}

/** So many wrong arguments are told one by one; no boot menu has as many. */
const MOST_WRONG = 100;

interface Layer {
  readonly path: SettingPath;
  readonly said: Tree;
  readonly word: PlacedArgument;
}

/** What one argument says, or several in order: then `word` is the first. */
interface Layers extends Pick<Layer, 'said' | 'word'> {
  readonly halves?: readonly [Layers, Layers];
}

/**
 * In order, those together of which none says what another stands in: a wrong one would else take a right one with it. Of a
 * plain value the last counts.
 */
function runsOf(layers: readonly Layer[]): readonly (readonly Layer[])[] {
  const runs: Layer[][] = [];
  let isPlainAt = new Map<string, boolean>();
  let around = new Set<string>();
  for (const layer of layers) {
    const [key = '', ...above] = layer.path.map((_, depth) =>
      JSON.stringify(layer.path.slice(0, layer.path.length - depth)),
    );
    const isPlain = treeAt(layer.said, layer.path)?.kind === 'leaf';
    const wasPlain = isPlainAt.get(key);
    const isApart =
      !around.has(key) &&
      !above.some((place) => isPlainAt.has(place)) &&
      (wasPlain === undefined || (wasPlain && isPlain));
    const run = runs.at(-1);
    if (run && isApart) run.push(layer);
    else {
      [isPlainAt, around] = [new Map(), new Set()];
      runs.push([layer]);
    }
    isPlainAt.set(key, isPlain);
    for (const place of above) around.add(place);
  }
  return runs;
}

/** Halves of halves, so that each argument is laid over few others. */
function together(run: readonly Layer[]): Layers {
  const [first] = run as readonly [Layer];
  if (run.length === 1) return first;
  const middle = Math.ceil(run.length / 2);
  const halves = [together(run.slice(0, middle)), together(run.slice(middle))] as const;
  return { said: overlay(halves[0].said, halves[1].said), word: first.word, halves };
}

/** Where an argument stands on the kernel command line. */
export const originOfWord = ({ origin: file, line, column }: PlacedArgument): Origin => ({
  layer: 'kernel command line',
  file,
  line,
  column,
});

/** `boot.image=klipper@3`, `tmpfs./tmp.size=10%`, `server.servers=[http://a:8080]`. */
function readSet(word: PlacedArgument): Layer | string {
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
    return { path, said: treeOf(path, treeOfPlain(document.toJS() as Plain, originOfWord(word))), word };
  } catch (error) {
    return `${raw}: ${reasonOf(error).split('\n')[0]}; it is ignored`;
  }
}
