import { groupsOf } from '../nodes/find-node.ts';
import type { GroupRecord, NodeRecord, Nodes } from '../nodes/nodes.ts';
import { itemText, type Mapping, type Origin, overlay, type SettingPath, type Tree, treeAt } from '../tree/tree.ts';
import { type ConfigFault, faultAt } from './fault.ts';
import { MOST_SUGGESTIONS, nearest } from './suggest.ts';

/** A `~item` or `~key:` of a layer. */
interface Removal {
  /** Of the list or mapping that it takes something out of. */
  readonly path: SettingPath;
  readonly text: string;
  readonly origin: Origin;
  /** It, or what it stands in, begins anew by itself. */
  readonly needless: boolean;
}

/** Those of one file that take nothing out of the layers below it: misspelt, or left behind. Pure. */
export const idleRemovals = (below: Mapping, layer: Mapping): readonly ConfigFault[] =>
  faultsOf(
    removalsOf(layer).flatMap((removal) => {
      const known = keysBelow(below, removal);
      return known.has(removal.text) ? [] : [[removal, known] as const];
    }),
  );

const faultsOf = (
  idles: readonly (readonly [removal: Removal, known: ReadonlySet<string>])[],
): readonly ConfigFault[] =>
  idles.map(([removal, known], index) => idle(removal, index < MOST_SUGGESTIONS ? known : NOTHING));
const NOTHING: ReadonlySet<string> = new Set();

/**
 * Those of groups and nodes: machines of a group differ in what lies below it, so one counts as idle where it takes out
 * nothing on any machine that has the layer. A group that no node is in may be for machines that no file names. Pure.
 */
export function idleNodeRemovals({
  base,
  nodes,
}: {
  readonly base: Mapping;
  readonly nodes: Nodes;
}): readonly ConfigFault[] {
  const busy = new Set<Removal>();
  const suspects = new Map<Removal, ReadonlySet<string>>();
  const removes = ({ set, metadata }: NodeRecord | GroupRecord) =>
    removalsOf(set).length + removalsOf(metadata).length > 0;
  if (![...nodes.nodes.values(), ...nodes.groups.values()].some(removes)) return [];
  for (const node of nodes.nodes.values()) {
    const layers = [...groupsOf(nodes, node, undefined), node];
    if (!layers.some(removes)) continue;
    for (const part of ['set', 'metadata'] as const) {
      let below: Mapping = part === 'set' ? base : { ...base, entries: new Map() };
      for (const { [part]: layer } of layers) {
        for (const removal of removalsOf(layer)) {
          const known = keysBelow(below, removal);
          if (known.has(removal.text)) busy.add(removal);
          // What one machine has there tells what was meant.
          else if (!suspects.get(removal)?.size) suspects.set(removal, known);
        }
        below = overlay(below, layer) as Mapping;
      }
    }
  }
  return faultsOf([...suspects].filter(([removal]) => !busy.has(removal)));
}

function idle({ text, origin }: Removal, known: ReadonlySet<string>): ConfigFault {
  const meant = nearest(text, known);
  const rest =
    meant === undefined
      ? '; built-in lists need no ~: what you write takes their place'
      : `: did you mean "~${meant}"?`;
  return faultAt(origin, `"~${text}" takes nothing out: no layer below says ${text}${rest}`);
}

const found = new WeakMap<Tree, readonly Removal[]>();

/** A hostlist's nodes share their layer: it is looked through once, and each of its removals is one. */
function removalsOf(layer: Mapping): readonly Removal[] {
  const known = found.get(layer) ?? collect(layer, [], false);
  found.set(layer, known);
  return known;
}

function collect(tree: Tree, path: SettingPath, inWhole: boolean): readonly Removal[] {
  if (tree.kind === 'leaf') return [];
  const needless = inWhole || tree.whole;
  const own = [...tree.removes].map(([text, origin]) => ({ path, text, origin, needless }));
  const inner =
    tree.kind === 'list' ? [] : [...tree.entries].flatMap(([key, value]) => collect(value, [...path, key], needless));
  return [...own, ...inner];
}

function keysBelow(below: Tree, { path, needless }: Removal): ReadonlySet<string> {
  const at = needless ? undefined : treeAt(below, path);
  if (at === undefined || at.kind === 'leaf') return NOTHING;
  const known = keys.get(at) ?? new Set(at.kind === 'list' ? at.items.map(itemText) : at.entries.keys());
  keys.set(at, known);
  return known;
}

/** One list is asked for each thing that is taken out of it. */
const keys = new WeakMap<Tree, ReadonlySet<string>>();
