import * as z from 'zod/mini';
import { readSaid } from '../protocol/read-answer.ts';
import { marked, pardon, withDenied } from './count.ts';
import { type CycleState, SLOTS, type SlotRecord, withSlot } from './cycle-state.ts';

/** What a person wants; the next boot does it, since the initramfs alone writes flags and journal. */
export const SlotOrder = z.object({
  id: z.string().check(z.minLength(1), z.maxLength(64)),
  verb: z.enum(['mark-good', 'mark-bad', 'switch', 'repair']),
  slot: z.enum(SLOTS),
  atMs: z.int(),
});
export type SlotOrder = z.infer<typeof SlotOrder>;

const SlotOrders = z.object({ orders: z.array(SlotOrder).check(z.maxLength(16)) });

/** What waits; what is none counts as nothing. Pure. */
export const readOrders = (text: string | undefined): readonly SlotOrder[] =>
  text === undefined ? [] : (readSaid(text, SlotOrders).value?.orders ?? []);

export const writeOrders = (orders: readonly SlotOrder[]): string => `${JSON.stringify({ orders }, null, 1)}\n`;

export interface Obeyed {
  readonly state: CycleState;
  readonly notes: readonly string[];
}

/** Obeys each once: one that was obeyed, and whose file a power cut kept, is known by its id. Pure. */
export function obeyOrders(state: CycleState, orders: readonly SlotOrder[]): Obeyed {
  const known = orders.findIndex(({ id }) => id === state.order);
  const notes: string[] = [];
  let obeyed = state;
  for (const order of orders.slice(known + 1)) {
    const { state: next, note } = obey(obeyed, order);
    obeyed = { ...next, order: order.id };
    notes.push(note);
  }
  return { state: obeyed, notes };
}

function obey(state: CycleState, { verb, slot }: SlotOrder): { readonly state: CycleState; readonly note: string } {
  const record = state[slot];
  if (!record) return { state, note: `a person said ${verb} of slot ${slot}, which is empty` };
  const put = (next: SlotRecord, note: string, more: Partial<CycleState> = {}) => ({
    state: { ...withSlot(state, slot, next), ...more },
    note: `by a person: ${note}`,
  });
  /** Its kernel, which did not come up when this machine was sent into it, may be tried once more. */
  const again = state.sent?.digest === record.digest ? { sent: { digest: record.digest, ways: [] } } : {};
  const allowed = state.denied.filter((digest) => digest !== record.digest);
  switch (verb) {
    case 'mark-good':
      return put(pardon(record), `slot ${slot} is good`, { denied: allowed, ...again });
    case 'mark-bad':
      return put(marked(record, 'BAD', 'a person said so'), `slot ${slot} is bad`, {
        denied: withDenied(state.denied, record.digest),
      });
    case 'switch': {
      const chosen = record.state === 'BAD' ? pardon(record) : record;
      return put(chosen, `slot ${slot} is booted`, { prefer: slot, denied: allowed, ...again });
    }
    case 'repair':
      return put(
        { ...record, state: record.state === 'INVALID' ? pardon(record).state : record.state, repairs: 0 },
        `slot ${slot} is mended`,
      );
  }
}
