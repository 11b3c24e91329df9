import { parse } from 'yaml';
import { reasonOf } from '../error.ts';
import type { Config } from './config.ts';
import { checkSettings } from './effective.ts';
import { formatFault } from './fault.ts';
import type { PlacedArgument } from './kernel-cmdline.ts';
import { emptyMapping, type Mapping, type Origin, overlay, type Plain, parsePath, type Tree, treeOf } from './tree.ts';

/**
 * Lays `statectl.set=PATH=VALUE` arguments over plain settings; VALUE is YAML, as in a file. One that is wrong is left out
 * and said: a typing error in a boot menu must not stop a machine. The settings themselves must be without fault.
 */
export function withSetArguments(
  settings: Plain,
  words: readonly PlacedArgument[],
): { readonly config: Config | undefined; readonly faults: readonly string[] } {
  const faults: string[] = [];
  let tree = treeOfPlain(settings, { layer: 'built-in', file: 'config.d', line: 1, column: 1 }) as Mapping;
  let { config } = checkSettings(tree);
  for (const word of words) {
    const layer = readSet(word);
    if (typeof layer === 'string') {
      faults.push(layer);
      continue;
    }
    const next = overlay(tree, layer) as Mapping;
    const result = checkSettings(next);
    if (result.config) [tree, config] = [next, result.config];
    else faults.push(...result.faults.map((fault) => `${word.raw}: ${formatFault(fault)}; it is ignored`));
  }
  return { config, faults };
}

/** `boot.image=klipper@3`, `tmpfs./tmp.size=10%`, `server.servers=[http://a:8080]`. */
function readSet({ value = '', raw, origin: file }: PlacedArgument): Tree | string {
  const at = value.indexOf('=');
  const path = at < 0 ? undefined : parsePath(value.slice(0, at));
  if (path === undefined) return `${raw}: expected statectl.set=PATH=VALUE; it is ignored`;
  try {
    const origin: Origin = { layer: 'kernel command line', file, line: 1, column: 1 };
    return treeOf(path, treeOfPlain(parse(value.slice(at + 1)) as Plain, origin));
  } catch (error) {
    return `${raw}: ${reasonOf(error).split('\n')[0]}; it is ignored`;
  }
}

/** Plain values as a layer; everything has the one origin. Lists are whole: there is nothing else that a value could mean. */
function treeOfPlain(value: Plain, origin: Origin): Tree {
  const said = { origin, superseded: [] };
  if (value === null || typeof value !== 'object') return { kind: 'leaf', value, ...said };
  if (Array.isArray(value)) {
    const items = (value as readonly Plain[]).map((item) => treeOfPlain(item, origin));
    return { kind: 'list', items, removes: new Map(), removed: [], whole: true, ...said };
  }
  const entries = Object.entries(value).map(([key, inner]) => [key, treeOfPlain(inner, origin)] as const);
  return { ...emptyMapping(origin), entries: new Map(entries) };
}
