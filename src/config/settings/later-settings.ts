import { isDeepStrictEqual } from 'node:util';
import { type ConfigFault, faultAt } from '../check/fault.ts';
import type { ConfigDir, Part } from '../config-dir.ts';
import { originOf, type Plain, plainOf, type SettingPath, type Tree, treeAt, treeOf, writePath } from '../tree/tree.ts';
import { CONFIG_FILES } from './files.ts';

/** Checked, merged and shown, and nothing obeys them yet. */
export const LATER_PARTS: readonly Part[] = ['persist', 'sources'];

/** Settings of the other parts, with what is below them. */
const LATER_SETTINGS: readonly (readonly [part: Part, name: string])[] = [
  ['update', 'check'],
  ['update', 'interval'],
  ['update', 'approval'],
  ['update', 'ask'],
  ['update', 'window'],
];

const LATER: readonly (readonly [Part, ...SettingPath])[] = [
  ...LATER_PARTS.map((part) => [part] as const),
  ...LATER_SETTINGS,
];

/** Of slots, those that no machine obeys. */
const LATER_SLOTS = ['update', 'slots'] as const;
const isLaterSlots = (said: Plain): boolean => typeof said === 'object' && said !== null && 'subvolumes' in said;

/** Nothing obeys this setting yet: `update.interval`, `update.ask.timeout`. */
export const isLater = (part: Part, name: string): boolean =>
  LATER_PARTS.includes(part) || LATER_SETTINGS.some(([of, key]) => of === part && `${name}.`.startsWith(`${key}.`));

export const NOT_YET = 'checked and shown; no machine obeys it in this version';

/** What an admin says there, where it differs from the built-in values: nobody should believe that it is in force. Pure. */
export function laterSettings({ base, nodes }: ConfigDir): readonly ConfigFault[] {
  const slotsIn = (tree: Tree): readonly ConfigFault[] => {
    const slots = treeAt(tree, LATER_SLOTS);
    return slots && isLaterSlots(plainOf(slots)) ? [told(slots.origin, LATER_SLOTS)] : [];
  };
  const said = LATER.flatMap(([part, ...path]) => {
    const tree = treeAt(base, [part, ...path]);
    if (tree === undefined || isUsual(part, plainOf(treeOf(path, tree)))) return [];
    const [first] = path.length === 0 && tree.kind === 'mapping' ? tree.entries.keys() : [];
    return [told(originOf(base, [part, ...path, ...(first === undefined ? [] : [first])]), [part, ...path])];
  });
  const ofNodes = [...nodes.groups.values(), ...nodes.nodes.values()].flatMap(({ set }) =>
    LATER.flatMap((path) => {
      const tree = treeAt(set, path);
      return tree ? [told(tree.origin, path)] : [];
    }),
  );
  const kinds = [base, ...[...nodes.groups.values(), ...nodes.nodes.values()].map(({ set }) => set)].flatMap(slotsIn);
  // A hostlist's machines share their file.
  return [...said, ...new Map([...ofNodes, ...kinds].map((fault) => [JSON.stringify(fault), fault])).values()];
}

const told = (origin: Parameters<typeof faultAt>[0], path: SettingPath): ConfigFault =>
  faultAt(origin, `${writePath(path)}: ${NOT_YET}`);

/** Means what a file without it means. What is no setting at all is told as a fault. */
function isUsual(part: Part, said: Plain): boolean {
  const { schema } = CONFIG_FILES[part];
  const meant = schema.safeParse(said);
  return !meant.success || isDeepStrictEqual(meant.data, schema.parse({}));
}
