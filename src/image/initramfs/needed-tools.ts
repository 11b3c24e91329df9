import type { ConfigDir, Part } from '../../config/config-dir.ts';
import type { Mapping } from '../../config/tree/tree.ts';
import { entryOf } from '../../entry-of.ts';
import type { ToolList } from './tools-tree.ts';

/** Tool sets that some machines need, by the parts of config.d that ask for them. All other sets are in every initramfs. */
const ASKED_FOR: Readonly<Record<string, readonly Part[]>> = { disks: ['drives', 'btrfs'] };

/** The tools without sets that no machine of this config.d asks for. Pure. */
export function neededTools({ runtime, sets }: ToolList, { base, nodes }: ConfigDir): ToolList {
  const layers = [base, ...[...nodes.groups.values(), ...nodes.nodes.values()].map(({ set }) => set)];
  const isAsked = (set: string) =>
    (entryOf(ASKED_FOR, set) ?? []).some((part) => layers.some((layer) => says(layer, part))) ||
    !Object.hasOwn(ASKED_FOR, set);
  return { runtime, sets: new Map([...sets].filter(([set]) => isAsked(set))) };
}

const says = (layer: Mapping, part: Part): boolean => {
  const tree = layer.entries.get(part);
  return tree?.kind === 'mapping' && tree.entries.size > 0;
};
