import type { ConfigDir } from '../config-dir.ts';
import { effectiveOf } from '../effective.ts';
import { certificateNameFaults } from '../nodes/certificate-names.ts';
import { groupsOf } from '../nodes/find-node.ts';
import { type StrayMembers, strayMembers } from '../nodes/group-members.ts';
import { nodeContent } from '../nodes/node-content.ts';
import { nodeTies } from '../nodes/node-ties.ts';
import type { NodeRecord } from '../nodes/nodes.ts';
import { printerClaimFaults } from '../nodes/printer-claims.ts';
import { laterSettings } from '../settings/later-settings.ts';
import { checkTemplates } from '../templates/render.ts';
import type { TemplateSet } from '../templates/template-set.ts';
import { type ConfigFault, faultAt, formatFault } from './fault.ts';
import { idleNodeRemovals } from './idle-removals.ts';
import { misplacedFiles } from './misplaced-files.ts';
import { sharedAddressFaults, volumeFaults } from './volume-faults.ts';

export interface CheckReport {
  readonly faults: readonly CheckedFault[];
  /** What may be meant, and is told all the same. */
  readonly warnings: readonly ConfigFault[];
  /** How many files were read, and machines rendered. */
  readonly files: number;
  readonly checked: number;
}

/** A thousand times what a machine takes: a server makes it while others ask. */
const LONGEST_NODE_MS = 2_000;

/** A fault with the machines that have it; none for a fault of a file that no machine's settings come from. */
export interface CheckedFault extends ConfigFault {
  readonly nodes: readonly string[];
  /** Where those are. */
  readonly nodeFiles: readonly string[];
}

/**
 * Checks a whole config.d: its files, the settings of a machine that no node file names, and what each node would get;
 * or only one node, and the files that concern it. The same fault of many nodes is told once. Pure.
 */
export function checkConfigDir(dir: ConfigDir, templates: TemplateSet, one?: NodeRecord): CheckReport {
  const found = new Map<string, { fault: ConfigFault; nodes: NodeRecord[] }>();
  const add = (fault: ConfigFault, node?: NodeRecord): void => {
    const entry = found.get(formatFault(fault)) ?? { fault, nodes: [] };
    if (node !== undefined) entry.nodes.push(node);
    found.set(formatFault(fault), entry);
  };
  const isAsked = ({ file }: ConfigFault) => one === undefined || concerns(file, dir, one);
  const strays = strayMembers(dir.nodes).filter(
    ({ fault, meant }) => isAsked(fault) || (one !== undefined && meant.includes(one.name)),
  );
  const ofKind = (wanted: StrayMembers['kind']) =>
    strays.filter(({ kind }) => kind === wanted).map(({ fault }) => fault);
  const unnamed = effectiveOf(dir, undefined);
  for (const fault of [
    ...[...dir.faults, ...dir.idle].filter(isAsked),
    ...nodeTies(dir.nodes).filter(isAsked),
    ...ofKind('typo'),
    ...idleNodeRemovals(dir).filter(isAsked),
    ...checkTemplates(templates),
    ...unnamed.faults,
    ...(unnamed.config ? misplacedFiles(dir, templates, undefined, { config: unnamed.config }) : []),
  ])
    add(fault);
  const nodes = one ? [one] : [...dir.nodes.nodes.values()];
  for (const node of nodes) {
    const startedMs = performance.now();
    const result = nodeContent(dir, templates, node);
    const tookMs = performance.now() - startedMs;
    if (tookMs > LONGEST_NODE_MS)
      add(
        faultAt(
          node.origin,
          `what this machine gets takes ${(tookMs / 1000).toFixed(1)} s to make, and others wait: ${LONGEST_NODE_MS / 1000} s at most`,
        ),
        node,
      );
    const faults =
      'faults' in result
        ? result.faults
        : [...misplacedFiles(dir, templates, node, result.content), ...volumeFaults(dir, node, result.content.config)];
    for (const fault of faults) add(fault, node);
  }
  for (const { fault, node } of [
    ...certificateNameFaults(dir),
    ...printerClaimFaults(dir),
    ...sharedAddressFaults(dir),
  ])
    if (!one || node === one) add(fault, node);
  return {
    faults: [...found.values()].map(({ fault: { file, line, column, message }, nodes: of }) => ({
      file,
      line,
      column,
      message,
      nodes: of.map(({ name }) => name),
      nodeFiles: [...new Set(of.map((node) => node.file))],
    })),
    warnings: [...ofKind('absent'), ...rescueOfNodes(dir.nodes).filter(isAsked), ...laterSettings(dir).filter(isAsked)],
    files: dir.fileCount,
    checked: nodes.length,
  };
}

/** The prompt must come where no bundle did, so it knows its initramfs alone: what a node file says would be missed in silence. */
const rescueOfNodes = ({ nodes, groups }: ConfigDir['nodes']): readonly ConfigFault[] => {
  const said = [...nodes.values(), ...groups.values()].flatMap(({ set }) => {
    const rescue = set.entries.get('rescue');
    return rescue ? [faultAt(rescue.origin, NOT_OF_A_BUNDLE)] : [];
  });
  return [...new Map(said.map((fault) => [formatFault(fault), fault])).values()];
};
const NOT_OF_A_BUNDLE =
  'rescue counts only in an initramfs that was built for this machine: `statectl initramfs build --node`';

/** The faults of other nodes' and groups' files are theirs. */
const concerns = (file: string, { nodes }: ConfigDir, node: NodeRecord): boolean =>
  !file.startsWith('nodes/') ||
  file === node.file ||
  groupsOf(nodes, node, undefined).some((group) => group.file === file);
