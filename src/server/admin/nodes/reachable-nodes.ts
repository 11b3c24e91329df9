import { reasonOf } from '../../../error.ts';
import type { ServerState } from '../server-state.ts';
import { knownHosts } from './known-hosts.ts';
import { countedReports } from './last-reports.ts';
import { nodeAddresses } from './node-addresses.ts';

/** What a server knows of where machines are, and by which authority SSH knows them. */
export interface ReachableNodes {
  /** By name. */
  readonly addresses: ReadonlyMap<string, string>;
  /** A line for known_hosts. */
  readonly knownHosts?: string;
  /** Why the server's state tells nothing; absent too where there is no server. */
  readonly fault?: string;
}

/**
 * A person may have no server at hand, or may not read its state: then ssh finds and knows machines as it always does, and none
 * of it is an error.
 */
export async function reachableNodes(state: ServerState): Promise<ReachableNodes> {
  const hasServer = await state.files().then(
    () => true,
    () => false,
  );
  if (!hasServer) return { addresses: new Map() };
  try {
    const { line } = await knownHosts(state, '*');
    const approved = await state.withNodes((nodes) => nodes.enrolments({ state: 'approved' }));
    return { addresses: nodeAddresses(approved, await countedReports(state)), knownHosts: line };
  } catch (error) {
    return { addresses: new Map(), fault: reasonOf(error) };
  }
}
