import { expect, it } from 'vitest';
import { generationId } from '../../../../../src/server/state/snapshot/generation.ts';
import { type Kept, makeRoom, overdue } from '../../../../../src/server/state/snapshot/retention.ts';

const HOUR = 3_600_000;
const START = Date.UTC(2026, 10, 1);
/** One each so many milliseconds, counted from 1. */
const history = (count: number, everyMs: number) =>
  Array.from({ length: count }, (_, at) => {
    const receivedAtMs = START + at * everyMs;
    return { id: generationId(at + 1, receivedAtMs), receivedAtMs };
  });
const keptOf = (all: ReturnType<typeof history>) => {
  const gone = new Set(overdue(all));
  return all.filter((one) => !gone.has(one));
};

it('of sixty days with one every half hour, 24 hours and 14 days are kept, the newest of each', () => {
  const all = history(60 * 48, HOUR / 2);
  const kept = keptOf(all);
  expect(kept.at(-1)).toBe(all.at(-1));
  // The newest day is of both.
  expect(kept).toHaveLength(24 + 13);
  expect(kept.slice(-24).map(({ receivedAtMs }) => (receivedAtMs / HOUR) % 1)).toEqual(Array(24).fill(0.5));
});

it('nothing that is the only one of its hour goes, however long ago that was', () => {
  const all = history(10, 400 * 24 * HOUR);
  expect(overdue(all)).toEqual([]);
});

it('the newest stays where a clock of 1970 made it the oldest by time', () => {
  const all = history(100, HOUR);
  const newest = { id: generationId(101, 0), receivedAtMs: 0 };
  expect(keptOf([...all, newest])).toContain(newest);
  expect(overdue([newest])).toEqual([]);
});

const one = (number: number, more: Partial<Kept> = {}): Kept => ({
  id: generationId(number, START),
  sizeBytes: 10,
  proof: 'person',
  part: 'line',
  isNewest: false,
  ...more,
});
const all = [
  one(1),
  one(2, { part: 'branch', isNewest: true }),
  one(3, { part: 'apart' }),
  one(4),
  one(5, { part: 'branch', proof: 'network', isNewest: true }),
  one(6, { isNewest: true }),
];
const going = (wantedBytes: number, quotaBytes: number, proof: Kept['proof'] = 'person') =>
  makeRoom(all, { wantedBytes, quotaBytes, proof })?.map(({ id }) => Number(id.slice(0, 8)));

it('what is no good goes first, then the oldest history, then the last of a branch, and never the newest of the line', () => {
  expect(going(10, 70)).toEqual([]);
  expect(going(10, 60)).toEqual([3]);
  expect(going(10, 50)).toEqual([3, 1]);
  expect(going(10, 20)).toEqual([3, 1, 4, 2, 5]);
  expect(going(10, 19)).toBeUndefined();
});

it('for a machine that is known by its network alone nothing goes but what such machines shipped', () => {
  expect(going(10, 60, 'network')).toEqual([5]);
  expect(going(10, 50, 'network')).toBeUndefined();
});
