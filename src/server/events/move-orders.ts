import type { NodesChange } from '../store/nodes-store.ts';
import { isTooOld, type MoveOrder } from './move-order.ts';

/** One order for each of these nodes, which the server that runs finds; an earlier one that still waits is replaced. */
export async function orderMoves(
  nodes: NodesChange,
  names: readonly string[],
  order: Pick<MoveOrder, 'to' | 'reason'>,
  nowMs: number,
): Promise<void> {
  for (const node of names) await nodes.putMoveOrder({ ...order, node, orderedMs: nowMs });
}

/** Takes out what may be said now, so that it is said once, and what nobody heard in time; gives the former. */
export async function takeOrders(
  nodes: NodesChange,
  isHere: (node: string) => boolean,
  nowMs: number,
): Promise<readonly MoveOrder[]> {
  const orders = await nodes.moveOrders();
  const old = orders.filter((order) => isTooOld(order, nowMs));
  const due = orders.filter((order) => !old.includes(order) && isHere(order.node));
  await nodes.dropMoveOrders([...old, ...due].map(({ id }) => id));
  return due;
}
