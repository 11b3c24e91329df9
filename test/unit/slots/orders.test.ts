import { expect, it } from 'vitest';
import { readOrders, type SlotOrder, writeOrders } from '../../../src/slots/orders.ts';

const ORDER: SlotOrder = { id: 'one', verb: 'switch', slot: 'b', atMs: 5 };

it('orders wait as they were given, and what is none counts as nothing', () => {
  expect(readOrders(writeOrders([ORDER, { ...ORDER, id: 'two' }])).map(({ id }) => id)).toEqual(['one', 'two']);
  const nothing = [
    undefined,
    '',
    '[]',
    '{"orders":[{"verb":"format"}]}',
    JSON.stringify({ orders: Array(17).fill(ORDER) }),
  ];
  for (const text of nothing) expect(readOrders(text)).toEqual([]);
});
