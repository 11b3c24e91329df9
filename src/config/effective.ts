import type { z } from 'zod';
import type { MachineIdentity } from '../protocol/machine-identity.ts';
import { inconsistencies } from './check/consistency.ts';
import { type ConfigFault, faultAt } from './check/fault.ts';
import { lostKeys, schemaFaults, unknownKey } from './check/schema-faults.ts';
import type { Config } from './config.ts';
import { type ConfigDir, PARTS, type Part } from './config-dir.ts';
import { expandPrinters } from './expand-printers.ts';
import { findNode, groupsOf } from './nodes/find-node.ts';
import type { NodeRecord } from './nodes/nodes.ts';
import { CONFIG_FILES } from './settings/files.ts';
import { IN_WORDS } from './settings/schema-words.ts';
import { emptyMapping, type Mapping, originOf, overlay, type Plain, placeOf, plainOf, type Tree } from './tree/tree.ts';
import { withSubvolumes } from './with-subvolumes.ts';

/** What one machine gets: the layers put together, checked. */
export interface Effective {
  readonly node: NodeRecord | undefined;
  /** Names, in the order in which they apply. */
  readonly groups: readonly string[];
  /** With origins, as an admin writes them, by part; `expandPrinters` says what its printers stand for. */
  readonly settings: Mapping;
  readonly metadata: Mapping;
  /** Absent where there are faults. */
  readonly config: Config | undefined;
  readonly faults: readonly ConfigFault[];
}

/** What is said for a machine, layer over layer, and nothing of it checked. Pure. */
export function layersOf(
  dir: ConfigDir,
  node: NodeRecord | undefined,
  machine?: MachineIdentity,
): Omit<Effective, 'config' | 'faults'> {
  const groups = groupsOf(dir.nodes, node, machine);
  const layers = [...groups, ...(node ? [node] : [])];
  let settings = dir.base;
  let metadata = emptyMapping(dir.base.origin);
  for (const { set, metadata: own } of layers) {
    settings = overlay(settings, set) as Mapping;
    metadata = overlay(metadata, own) as Mapping;
  }
  return { node, groups: groups.map(({ name }) => name), settings, metadata };
}

/** The settings of a node by its record; without one, those of a machine that no node file names. Pure. */
export function effectiveOf(dir: ConfigDir, node: NodeRecord | undefined, machine?: MachineIdentity): Effective {
  const said = layersOf(dir, node, machine);
  const missing = node?.groups.flatMap((name) => faultsOfGroup(dir, name)) ?? [];
  const checked = missing.length > 0 ? { config: undefined, faults: missing } : checkSettings(said.settings);
  return { ...said, ...checked };
}

/** Without a group that it lists, nobody knows what a machine gets. */
const faultsOfGroup = ({ nodes: { groups, faultyGroups } }: ConfigDir, name: string): readonly ConfigFault[] =>
  groups.has(name) ? [] : (faultyGroups.get(name) ?? []);

/**
 * The settings of a machine that asks. One that a node file names gets what `node render` says, whatever else it claims.
 * Throws `node-ambiguous`.
 */
export function effectiveFor(dir: ConfigDir, machine: MachineIdentity): Effective {
  const node = findNode(dir.nodes, machine);
  return node ? effectiveOf(dir, node) : effectiveOf(dir, undefined, machine);
}

type Checked = Pick<Effective, 'config' | 'faults'>;

/**
 * Checks settings by the schemas of their parts, with all that their printers stand for. Every fault is where its value was
 * said. Pure.
 */
export function checkSettings(written: Mapping): Checked {
  const settings = expandPrinters(written);
  const faults: ConfigFault[] = [...settings.entries]
    .filter(([part]) => !(PARTS as readonly string[]).includes(part))
    .map(([part, tree]) => faultAt(tree.origin, unknownKey(part, PARTS)));
  const config: Partial<Record<Part, unknown>> = {};
  for (const part of PARTS) {
    const checked = checkPart(part, settings.entries.get(part) ?? EMPTY);
    if ('data' in checked) config[part] = checked.data;
    else faults.push(...checked.faults);
  }
  if (faults.length === 0)
    for (const { path, message, beside } of inconsistencies(config as Config)) {
      const other = beside ? ` (${placeOf(originOf(settings, beside))})` : '';
      faults.push(faultAt(originOf(settings, path), `${message}${other}`));
    }
  return { config: faults.length === 0 ? withSubvolumes(config as Config) : undefined, faults };
}

const EMPTY: Tree = emptyMapping({ layer: 'built-in', file: 'config.d', line: 1, column: 1 });

type PartResult = { readonly data: unknown } | { readonly faults: readonly ConfigFault[] };

/** Most machines share most parts, tree and all. */
const checked = new WeakMap<Tree, Map<Part, PartResult>>();

function checkPart(part: Part, tree: Tree): PartResult {
  const known = checked.get(tree)?.get(part);
  if (known) return known;
  const schema: z.ZodType = CONFIG_FILES[part].schema;
  const parsed = schema.safeParse(plainOf(tree), IN_WORDS);
  const faults = [...lostKeys(tree), ...(parsed.success ? [] : schemaFaults(parsed.error, tree, schema))];
  const result: PartResult = parsed.success && faults.length === 0 ? { data: parsed.data } : { faults };
  const results = checked.get(tree) ?? new Map<Part, PartResult>();
  checked.set(tree, results.set(part, result));
  return result;
}

/** The settings as plain values, as a bundle and `config show --json` carry them. */
export const plainSettings = ({ settings }: Pick<Effective, 'settings'>): Plain => plainOf(settings);
