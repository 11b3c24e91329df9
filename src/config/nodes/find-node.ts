import { StatectlError } from '../../error.ts';
import type { MachineIdentity } from '../../protocol/machine-identity.ts';
import { matchCount, writeMatch } from './identity.ts';
import type { GroupRecord, NodeRecord, Nodes } from './nodes.ts';

/** Every node that a machine matches, with how many selectors hold, most first; then the one of the card that it boots from. */
export const matchesOf = (
  { nodes }: Nodes,
  machine: MachineIdentity,
): readonly { readonly node: NodeRecord; readonly count: number }[] =>
  [...nodes.values()]
    .flatMap((node) => {
      const count = matchCount(node.match, machine);
      return count === undefined ? [] : [{ node, count }];
    })
    .toSorted(
      (a, b) => b.count - a.count || Number(isOfBootCard(b.node, machine)) - Number(isOfBootCard(a.node, machine)),
    );

/** A card that moves from one machine to another takes its node along only where nothing else is known. */
const isOfBootCard = ({ match }: NodeRecord, { macs: [first] }: MachineIdentity): boolean =>
  first !== undefined && (match.mac?.includes(first) ?? false);

/** The two nodes that a machine matches equally well. */
export function rivalsOf(nodes: Nodes, machine: MachineIdentity): readonly [NodeRecord, NodeRecord] | undefined {
  const [first, second] = matchesOf(nodes, machine);
  const isTie =
    first?.count === second?.count &&
    first &&
    second &&
    isOfBootCard(first.node, machine) === isOfBootCard(second.node, machine);
  return first && second && isTie ? [first.node, second.node] : undefined;
}

/** The node that a machine is: most selectors win. Throws `node-ambiguous` where two match it equally well. */
export function findNode(nodes: Nodes, machine: MachineIdentity): NodeRecord | undefined {
  const rivals = rivalsOf(nodes, machine);
  if (rivals)
    throw new StatectlError(
      'node-ambiguous',
      `${rivals.map(({ name, file, match }) => `${name} (${file}: ${writeMatch(match)})`).join(' and ')} both match this machine`,
      { hint: 'add a selector to one of them' },
    );
  return matchesOf(nodes, machine)[0]?.node;
}

/**
 * The groups of a node or machine, in the order in which they apply: those that claim it, by file name, then those that
 * the node lists, in its own order.
 */
export function groupsOf(
  { groups }: Nodes,
  node: NodeRecord | undefined,
  machine: MachineIdentity | undefined,
): readonly GroupRecord[] {
  const known = machine ?? (node && identityOf(node));
  const claims = [...groups.values()].filter(
    ({ name, members, everyone, match }) =>
      !node?.groups.includes(name) &&
      (everyone ||
        (node !== undefined && members.has(node.name)) ||
        (match !== undefined && known !== undefined && matchCount(match, known) !== undefined)),
  );
  return [...claims, ...(node?.groups ?? []).flatMap((name) => groups.get(name) ?? [])];
}

/** What is known of a machine that never asked: what its own file says. */
export const identityOf = ({ name, match }: NodeRecord): MachineIdentity => ({
  macs: match.mac ?? [],
  ...(match.uuid && { uuid: match.uuid }),
  ...(match.serial && { serial: match.serial }),
  ...(match.arch && { arch: match.arch }),
  hostname: match.hostname ?? name,
  labels: match.labels ?? {},
});
