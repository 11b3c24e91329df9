import { expect, it } from 'vitest';
import { backOffMs } from '../../../src/host/back-off.ts';

it('waits longer after each failure, up to a bound, drawn from the whole span', () => {
  const all = { random: () => 1 };
  const waits = { baseMs: 1_000, maxMs: 10_000 };
  expect([1, 2, 3, 4, 5, 9_999].map((failures) => backOffMs(all, failures, waits))).toEqual([
    ...[1_000, 2_000, 4_000, 8_000, 10_000, 10_000],
  ]);
  expect(backOffMs({ random: () => 0.25 }, 2, waits)).toBe(500);
  expect(backOffMs({ random: () => 0 }, 3, waits)).toBe(0);
  expect(backOffMs(all, 0, waits)).toBe(1_000);
});
