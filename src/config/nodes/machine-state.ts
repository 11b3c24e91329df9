import type { MachineIdentity } from '../../protocol/machine-identity.ts';
import type { ConfigFault } from '../check/fault.ts';
import type { ConfigDir } from '../config-dir.ts';
import { effectiveOf } from '../effective.ts';
import type { LoadedConfig } from '../load-revision.ts';
import { type Masks, maskOwn } from '../tree/own-values.ts';
import { type Plain, plainOf } from '../tree/tree.ts';
import { groupsOf } from './find-node.ts';
import type { Match } from './identity.ts';
import { type DeliveredFile, nodeContent } from './node-content.ts';
import type { NodeRecord } from './nodes.ts';

/** All that a config.d says of one machine: how it is known, what it gets. */
export interface MachineState {
  /** By part, and `match`, `groups`, `metadata`. */
  readonly said: { readonly [key: string]: Plain };
  /** Rendered ones, by path; what `etc.files` says is a setting. */
  readonly files: ReadonlyMap<string, DeliveredFile>;
  readonly masks: Masks;
  readonly faults: readonly ConfigFault[];
  /** The files of its node and groups. */
  readonly sources: readonly string[];
}

/** A machine that the diff looks at: one that a node file names, one that a group takes by its match, any other. */
export interface Looked {
  readonly label: string;
  readonly node?: string;
  readonly group?: string;
}

const EVERY_OTHER: Looked = { label: '(machines that no node file names)' };

/** Every machine that one of these knows. */
export function machinesOf(dirs: readonly ConfigDir[]): readonly Looked[] {
  const names = (pick: (dir: ConfigDir) => Iterable<string>) => [...new Set(dirs.flatMap((dir) => [...pick(dir)]))];
  const byMatch = ({ nodes }: ConfigDir) => [...nodes.groups.values()].filter(({ match }) => match);
  return [
    ...names(({ nodes }) => nodes.nodes.keys()).map((node) => ({ label: node, node })),
    ...names((dir) => byMatch(dir).map(({ name }) => name)).map((group) => ({
      label: `(machines that group ${group} takes by its match)`,
      group,
    })),
    EVERY_OTHER,
  ];
}

/** Undefined: nobody there knows this machine. Pure. */
export function stateOf({ dir, templates }: LoadedConfig, { node: name, group }: Looked): MachineState | undefined {
  const record = name === undefined ? undefined : dir.nodes.nodes.get(name);
  const match = group === undefined ? undefined : dir.nodes.groups.get(group)?.match;
  if ((name !== undefined && !record) || (group !== undefined && !match)) return undefined;
  return stateOfRecord({ dir, templates }, record, match && justAs(match), record?.match ?? match);
}

/** A machine that is what a match asks for, and nothing else. */
const justAs = ({ mac: macs = [], labels = {}, ...rest }: Match): MachineIdentity => ({ ...rest, macs, labels });

function stateOfRecord(
  { dir, templates }: LoadedConfig,
  node: NodeRecord | undefined,
  machine: MachineIdentity | undefined,
  match: Match | undefined,
): MachineState {
  const effective = effectiveOf(dir, node, machine);
  const result = nodeContent(dir, templates, node, machine);
  const rendered =
    'faults' in result ? [] : result.content.files.filter(({ template }) => template !== 'system/etc.conf');
  const groups = groupsOf(dir.nodes, node, machine);
  return {
    said: {
      ...(match && { match: match as Plain }),
      ...(effective.groups.length > 0 && { groups: effective.groups }),
      ...(effective.metadata.entries.size > 0 && { metadata: plainOf(effective.metadata) }),
      ...(plainOf(effective.settings) as { readonly [key: string]: Plain }),
    },
    files: new Map(rendered.map((file) => [file.path, file])),
    masks: maskOwn(effective),
    faults: 'faults' in result ? result.faults : [],
    sources: [...(node ? [node.file] : []), ...groups.map(({ file }) => file)],
  };
}
