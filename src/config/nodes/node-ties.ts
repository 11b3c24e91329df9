import { isStatectlError } from '../../error.ts';
import { type ConfigFault, faultAt } from '../check/fault.ts';
import { findNode, identityOf } from './find-node.ts';
import type { NodeRecord, Nodes } from './nodes.ts';

/** Node files that claim the same machine equally well: it would get nothing. A fault of either. Pure. */
export function nodeTies(nodes: Nodes): readonly ConfigFault[] {
  const faults: ConfigFault[] = [];
  const told = new Set<string>();
  for (const rivals of sharing([...nodes.nodes.values()])) {
    const apart = twoOfEachMatch(rivals);
    for (const node of apart.values())
      try {
        findNode({ ...nodes, nodes: apart }, identityOf(node));
      } catch (error) {
        if (!isStatectlError(error) || error.code !== 'node-ambiguous') throw error;
        const text = error.message.replace('this machine', 'one machine');
        if (!told.has(text)) faults.push(...rivals.map(({ origin }) => faultAt(origin, text)));
        told.add(text);
      }
  }
  return faults;
}

/** Those that have a MAC address, UUID, serial or host name in common: ten thousand others need no look. */
function sharing(nodes: readonly NodeRecord[]): readonly (readonly NodeRecord[])[] {
  const byKey = new Map<string, NodeRecord[]>();
  for (const node of nodes) {
    const { macs, uuid, serial, hostname } = identityOf(node);
    const keys = [...macs, uuid && `uuid ${uuid}`, serial && `serial ${serial}`, `name ${hostname?.toLowerCase()}`];
    for (const key of keys) {
      const others = key ? byKey.get(key) : undefined;
      if (others) others.push(node);
      else if (key) byKey.set(key, [node]);
    }
  }
  return [...byKey.values()].filter((found) => found.length > 1);
}

/** Of those that ask the same of a machine two are as many as a hostlist's ten thousand: each with each would take hours. */
const twoOfEachMatch = (rivals: readonly NodeRecord[]): ReadonlyMap<string, NodeRecord> =>
  new Map(
    [...Map.groupBy(rivals, ({ match }) => JSON.stringify(match)).values()].flatMap((alike) =>
      alike.slice(0, 2).map((one) => [one.name, one] as const),
    ),
  );
