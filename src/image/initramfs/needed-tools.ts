import type { ConfigDir, Part } from '../../config/config-dir.ts';
import { type Mapping, plainOf, type Tree, treeAt } from '../../config/tree/tree.ts';
import { entryOf } from '../../entry-of.ts';
import { StatectlError } from '../../error.ts';
import type { ModuleClass } from '../kernel/module-classes.ts';
import type { ToolList } from './tools-tree.ts';

/** Tool sets that some machines need, by what of config.d asks for them. All other sets are in every initramfs. */
const ASKED_FOR: Readonly<Record<string, (layer: Mapping) => boolean>> = {
  disks: (layer) => says(layer, 'drives') || says(layer, 'btrfs') || hasTrees(layer),
  tree: (layer) => hasTrees(layer),
};

/**
 * The tools without sets that no machine of this config.d asks for, but with those that the builder was told to take. Throws
 * `tool-set-unknown`. Pure.
 */
export function neededTools({ runtime, sets }: ToolList, config: ConfigDir, taken: readonly string[] = []): ToolList {
  const unknown = taken.filter((set) => !sets.has(set));
  if (unknown.length > 0)
    throw new StatectlError('tool-set-unknown', `there is no tool set ${unknown.join(', ')}`, {
      hint: `there are ${[...sets.keys()].toSorted().join(', ')}`,
    });
  const layers = layersOf(config);
  const isAsked = (set: string) => taken.includes(set) || layers.some(entryOf(ASKED_FOR, set) ?? (() => true));
  return { runtime, sets: new Map([...sets].filter(([set]) => isAsked(set))) };
}

/** Classes of kernel modules that some machine of this config.d needs, besides those that are selected. Pure. */
export const neededModules = (config: ConfigDir): readonly ModuleClass[] =>
  layersOf(config).some(encrypts) ? ['encryption'] : [];

/** What any machine may get. */
const layersOf = ({ base, nodes }: ConfigDir): readonly Mapping[] => [
  base,
  ...[...nodes.groups.values(), ...nodes.nodes.values()].map(({ set }) => set),
];

const says = (layer: Mapping, part: Part): boolean => {
  const tree = layer.entries.get(part);
  return tree?.kind === 'mapping' && tree.entries.size > 0;
};

/** Slots that are trees: their file systems are made, and what is in them. */
const hasTrees = (layer: Mapping): boolean => {
  const slotKind = treeAt(layer, ['update', 'slots', 'kind']);
  return slotKind !== undefined && plainOf(slotKind) === 'tree';
};

const encrypts = (layer: Mapping): boolean =>
  members(layer.entries.get('drives')).some((drive) =>
    members(drive.get('partitions')).some((partition) => partition.has('encrypt')),
  );

/** Of a mapping, those that are mappings themselves. */
const members = (tree: Tree | undefined): readonly Mapping['entries'][] =>
  tree?.kind === 'mapping'
    ? [...tree.entries.values()].flatMap((each) => (each.kind === 'mapping' ? [each.entries] : []))
    : [];
