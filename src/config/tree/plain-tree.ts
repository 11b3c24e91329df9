import { emptyMapping, type Origin, type Plain, type Tree } from './tree.ts';
import { WHOLE_KEYS } from './yaml-file.ts';

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
