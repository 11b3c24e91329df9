import { StatectlError } from '../../../error.ts';
import type { MoveOrder } from '../../events/move-order.ts';
import { orderMoves } from '../../events/move-orders.ts';
import type { ServerState } from '../server-state.ts';
import { type NodeChoice, nodesNamed, nodesOfGroup } from './node-choice.ts';

export interface MoveWish extends NodeChoice, Pick<MoveOrder, 'to' | 'reason'> {
  /** So many of them, by chance; 1 is all. */
  readonly share: number;
}

export interface MovedNodes {
  readonly nodes: readonly string[];
  /** Of the group, but no machine counts for them yet. */
  readonly leftOut: readonly string[];
  /** How many machines there are that count. */
  readonly approvedCount: number;
}

/** Orders running machines to another server, which each of them verifies first. Throws `node-unknown`, `group-unknown`, `config-missing`. */
export const moveNodes = (state: ServerState, { to, reason, share, ...choice }: MoveWish): Promise<MovedNodes> =>
  state.withNodes(async (store) => {
    const { clock } = state.host;
    const approved = (await store.enrolments({ state: 'approved' })).flatMap(({ node }) => node ?? []);
    const { chosen, leftOut } = await chosenOf(state, choice, approved);
    const nodes = shareOf(chosen, share, clock.random);
    await store.transaction((change) => orderMoves(change, nodes, { reason, ...(to && { to }) }, clock.now()));
    return { nodes, leftOut, approvedCount: approved.length };
  });

/** By the group, or by the words: machines that are approved. Throws `node-unknown`, `group-unknown`. */
async function chosenOf(
  { host }: ServerState,
  { config, group, selector = '' }: NodeChoice,
  approved: readonly string[],
) {
  const hint = '`statectl node pending --all` shows those that ever asked';
  if (group === undefined)
    return { chosen: nodesNamed(selector, approved, 'no machine is approved as', hint), leftOut: [] };
  const members = await nodesOfGroup(host, config, group);
  const isApproved = new Set(approved);
  const chosen = members.filter((name) => isApproved.has(name));
  if (chosen.length === 0) throw new StatectlError('node-unknown', `no machine of ${group} is approved`, { hint });
  return { chosen, leftOut: members.filter((name) => !isApproved.has(name)) };
}

/** So many of them, by chance. */
function shareOf(nodes: readonly string[], share: number, random: () => number): readonly string[] {
  const left = [...nodes];
  const count = Math.ceil(nodes.length * share);
  const drawn: string[] = [];
  while (drawn.length < count) drawn.push(...left.splice(Math.floor(random() * left.length), 1));
  return drawn.toSorted();
}
