import type { ConfigFault } from '../check/fault.ts';
import { differences, type Snapshot } from './snapshot.ts';

/** Files whose faults concern some machines alone: what is wrong with one node or template stops no other node. */
const CAN_WAIT = /^(?:nodes|templates)\//;

/** A config.d without its faulty files of nodes, groups and templates. */
export interface GoodPart {
  readonly snapshot: Snapshot;
  /** Held back: as they were in the last good revision, or left out where there was none. */
  readonly held: readonly string[];
}

/** A fault, and the files of the nodes that alone have it. */
export type FaultOfNodes = ConfigFault & { readonly nodeFiles?: readonly string[] };

/**
 * What of an edit machines can have: faulty files stay as they were, or else those of the nodes that have the fault, until
 * nothing is at fault. Absent where that cannot be.
 */
export async function goodPart(
  edited: Snapshot,
  good: Snapshot,
  found: readonly FaultOfNodes[],
  check: (snapshot: Snapshot) => Promise<readonly FaultOfNodes[]>,
): Promise<GoodPart | undefined> {
  const snapshot = new Map(edited);
  const isEdited = (name: string) => snapshot.get(name) !== good.get(name);
  let faults = found;
  while (faults.length > 0) {
    const back = faults.flatMap(({ file, nodeFiles = [] }) =>
      CAN_WAIT.test(file) && isEdited(file) ? [file] : nodeFiles.filter(isEdited),
    );
    // So each round takes back one file more at least.
    if (back.length === 0) return undefined;
    for (const name of back) {
      const before = good.get(name);
      if (before === undefined) snapshot.delete(name);
      else snapshot.set(name, before);
    }
    faults = await check(snapshot);
  }
  return { snapshot, held: differences(edited, snapshot) };
}
