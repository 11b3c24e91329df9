import { expect, it } from 'vitest';
import { bounded, changesFrom } from '../../../../../src/agent/state/variables/pending.ts';

const changeOf = (seq: number, key: string) => ({ seq, atMs: seq, key, literal: String(seq) });

it('tells what changed from one file to the next, counted on', () => {
  const before = new Map([
    ['a', '1'],
    ['b', '2'],
    ['c', '3'],
  ]);
  const now = new Map([
    ['a', '1'],
    ['b', '9'],
    ['d', '4'],
  ]);
  expect(changesFrom(before, now, 7, 5)).toEqual([
    { seq: 8, atMs: 5, key: 'b', literal: '9' },
    { seq: 9, atMs: 5, key: 'd', literal: '4' },
    { seq: 10, atMs: 5, key: 'c', literal: null },
  ]);
  expect(changesFrom(now, now, 7, 5)).toEqual([]);
});

it('while no server is there, what waits stays bounded, and what each variable was last stays', () => {
  let pending: readonly ReturnType<typeof changeOf>[] = [changeOf(1, 'rare')];
  for (let seq = 2; seq < 5_000; seq += 1) {
    pending = bounded([...pending, changeOf(seq, 'often')]) as typeof pending;
    expect(pending.length).toBeLessThanOrEqual(1_000);
  }
  expect(pending[0]).toMatchObject({ key: 'rare' });
  expect(pending.at(-1)).toMatchObject({ seq: 4_999 });
  const big = Array.from({ length: 50 }, (_, at) => ({ ...changeOf(at + 1, 'big'), literal: 'x'.repeat(20_000) }));
  const kept = bounded(big);
  expect(kept.length).toBeLessThan(14);
  expect(kept.at(-1)).toBe(big.at(-1));
  // More variables than it may have, each changed once: the newest stay, and the file itself has all.
  expect(bounded(Array.from({ length: 3_000 }, (_, at) => changeOf(at + 1, `k${at}`)))).toHaveLength(1_000);
});
