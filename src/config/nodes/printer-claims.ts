import { type ConfigFault, faultAt } from '../check/fault.ts';
import type { ConfigDir } from '../config-dir.ts';
import { layersOf } from '../effective.ts';
import { type Origin, placeOf, treeAt } from '../tree/tree.ts';
import type { NodeRecord } from './nodes.ts';

/** A node that says it is the host of a printer, and where that was said. */
interface Claim {
  readonly printer: string;
  readonly node: NodeRecord;
  readonly at: Origin;
}

/** Printers that are said for more than one node: the state of one has one line, and one node goes on with it. Pure. */
export function printerClaimFaults(
  dir: ConfigDir,
): readonly { readonly fault: ConfigFault; readonly node: NodeRecord }[] {
  const { base, nodes } = dir;
  const said = [base, ...[...nodes.groups.values(), ...nodes.nodes.values()].map(({ set }) => set)];
  if (!said.some((tree) => treeAt(tree, PRINTERS))) return [];
  const claims = [...nodes.nodes.values()].flatMap((node) => claimsOf(dir, node));
  return [...Map.groupBy(claims, ({ printer }) => printer).values()]
    .filter((rivals) => rivals.length > 1)
    .flatMap((rivals) => {
      const places = Map.groupBy(rivals, ({ at }) => placeOf(at));
      return rivals.map(({ printer, node, at }) => {
        const other = rivals.find((one) => placeOf(one.at) !== placeOf(at));
        const why =
          (places.get(placeOf(at))?.length ?? 0) > 1 || other === undefined
            ? `is said for several nodes here: its state belongs to one, so say it in a file for it alone (its own, or a group with \`nodes: NAME\`)`
            : `is a printer of ${other.node.name}, too (${placeOf(other.at)}): its state belongs to one node`;
        return { node, fault: faultAt(at, `${printer} ${why}`) };
      });
    });
}

const PRINTERS = ['state', 'printers'];

function claimsOf(dir: ConfigDir, node: NodeRecord): readonly Claim[] {
  const printers = treeAt(layersOf(dir, node).settings, PRINTERS);
  return printers?.kind === 'mapping'
    ? [...printers.entries].map(([printer, { origin }]) => ({ printer, node, at: origin }))
    : [];
}
