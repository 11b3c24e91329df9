import { StatectlError } from '../../error.ts';
import { DrbdHead } from '../../protocol/drbd.ts';
import { readSaid } from '../../protocol/read-answer.ts';
import type { ItemSession } from './printer-session.ts';
import type { Restore, StateItem } from './restore.ts';

/** Throws `state-damaged`. */
export async function restoreDrbd({ head, item }: Restore<StateItem<'drbd'>>): Promise<ItemSession> {
  if (!head) return { base: null, why: 'the server has no such volume yet' };
  const { value, fault } = readSaid(JSON.stringify(head), DrbdHead);
  if (fault !== undefined) throw new StatectlError('state-damaged', `what the server says of ${item.name}: ${fault}`);
  return { base: value.id, why: 'this version leaves it alone' };
}
