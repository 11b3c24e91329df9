import type { Plain } from './tree.ts';

/** One difference between two states of a machine's settings or files. */
export interface Change {
  /** A setting, or a file below `files.` */
  readonly path: string;
  readonly from?: Plain;
  readonly to?: Plain;
}

/** The same change on these machines. */
export interface GroupedChange {
  readonly nodes: readonly string[];
  readonly changes: readonly Change[];
}

/** What differs, by path, leaves only. Pure. */
export function changesBetween(
  from: Plain | undefined,
  to: Plain | undefined,
  path: readonly string[],
  write: (path: readonly string[]) => string,
): readonly Change[] {
  if (JSON.stringify(from) === JSON.stringify(to)) return [];
  if (isMapping(from) && isMapping(to)) {
    const keys = new Set([...Object.keys(from), ...Object.keys(to)]);
    return [...keys].flatMap((key) => changesBetween(from[key], to[key], [...path, key], write));
  }
  return [{ path: write(path), ...(from !== undefined && { from }), ...(to !== undefined && { to }) }];
}

const isMapping = (value: Plain | undefined): value is { readonly [key: string]: Plain } =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Machines with the very same changes are told once, the largest group first. */
export function groupChanges(byNode: ReadonlyMap<string, readonly Change[]>): readonly GroupedChange[] {
  const groups = new Map<string, { nodes: string[]; changes: readonly Change[] }>();
  for (const [node, changes] of byNode) {
    if (changes.length === 0) continue;
    const key = JSON.stringify(changes);
    const group = groups.get(key) ?? { nodes: [], changes };
    group.nodes.push(node);
    groups.set(key, group);
  }
  return [...groups.values()].toSorted((a, b) => b.nodes.length - a.nodes.length);
}
