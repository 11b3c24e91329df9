import type { ConfigDir } from './config-dir.ts';
import { effectiveOf } from './effective.ts';
import { type ConfigFault, formatFault } from './fault.ts';
import { nodeContent } from './node-content.ts';
import { nodeTies } from './node-ties.ts';
import type { NodeRecord } from './nodes.ts';
import { checkTemplates } from './templates/render.ts';
import type { TemplateSet } from './templates/template-set.ts';

export interface CheckReport {
  readonly faults: readonly CheckedFault[];
  /** How many files were read, and machines rendered. */
  readonly files: number;
  readonly checked: number;
}

/** A fault with the machines that have it; none for a fault of a file that no machine's settings come from. */
export interface CheckedFault extends ConfigFault {
  readonly nodes: readonly string[];
  /** Where those are. */
  readonly nodeFiles: readonly string[];
}

/**
 * Checks a whole config.d: its files, the settings of a machine that no node file names, and what each node would get;
 * or only these nodes. The same fault of many nodes is told once. Pure.
 */
export function checkConfigDir(
  dir: ConfigDir,
  templates: TemplateSet,
  nodes: readonly NodeRecord[] = [...dir.nodes.nodes.values()],
): CheckReport {
  const found = new Map<string, { fault: ConfigFault; nodes: NodeRecord[] }>();
  const add = (fault: ConfigFault, node?: NodeRecord): void => {
    const entry = found.get(formatFault(fault)) ?? { fault, nodes: [] };
    if (node !== undefined) entry.nodes.push(node);
    found.set(formatFault(fault), entry);
  };
  for (const fault of [
    ...dir.faults,
    ...nodeTies(dir.nodes),
    ...checkTemplates(templates),
    ...effectiveOf(dir, undefined).faults,
  ])
    add(fault);
  for (const node of nodes) {
    const result = nodeContent(dir, templates, node);
    if ('faults' in result) for (const fault of result.faults) add(fault, node);
  }
  return {
    faults: [...found.values()].map(({ fault: { file, line, column, message }, nodes: of }) => ({
      file,
      line,
      column,
      message,
      nodes: of.map(({ name }) => name),
      nodeFiles: [...new Set(of.map((node) => node.file))],
    })),
    files: dir.fileCount,
    checked: nodes.length,
  };
}
