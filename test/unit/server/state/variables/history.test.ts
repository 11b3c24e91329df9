import { expect, it } from 'vitest';
import {
  changesBetween,
  type JournalEntry,
  journalLines,
  lackingOf,
  readJournal,
  rotated,
} from '../../../../../src/server/state/variables/history.ts';

const entryOf = (seq: number, key: string, literal: string | null = String(seq)): JournalEntry => ({
  ...{ seq, atMs: seq, key, literal, number: seq, node: 'print01', boot: 'b', receivedAtMs: seq },
});
const mapOf = (all: Readonly<Record<string, string>>) => new Map(Object.entries(all));

it('a journal that a power cut tore at any byte has all that was whole before it, and what comes after', () => {
  const [first, second, third] = [entryOf(1, 'a', "'\\n'"), entryOf(2, 'b'), entryOf(3, 'a', null)];
  const text = journalLines([first, second]);
  const whole = journalLines([first]).trimEnd().length;
  for (let cut = 0; cut <= text.length; cut += 1) {
    const read = readJournal(text.slice(0, cut) + journalLines([third]));
    expect(read.at(-1)).toEqual(third);
    expect(read.length).toBeGreaterThanOrEqual(cut >= whole ? 2 : 1);
  }
  expect(readJournal(text + text)).toEqual([first, second]);
});

it('of each variable a hundred values stay, as there is room, the newest first', () => {
  const entries = Array.from({ length: 1_000 }, (_, at) => entryOf(at + 1, at % 100 === 0 ? 'rare' : 'often'));
  const kept = rotated(entries, 1 << 20);
  expect(kept.filter(({ key }) => key === 'rare')).toHaveLength(10);
  expect(kept.filter(({ key }) => key === 'often')).toHaveLength(100);
  expect(kept.at(-1)).toBe(entries.at(-1));
  expect(rotated(entries, 1_000).length).toBeLessThan(10);
});

it('what a machine tells and what its files say come to one history', () => {
  const rest = { seq: 9, atMs: 9 };
  const told = [
    { seq: 1, atMs: 1, key: 'a', literal: '1' },
    { seq: 2, atMs: 2, key: 'a', literal: '2' },
    { seq: 3, atMs: 3, key: 'gone', literal: null },
  ];
  expect(changesBetween(mapOf({ a: '1', gone: '0' }), mapOf({ a: '2', b: '3' }), told, rest)).toEqual([
    told[1],
    told[2],
    { ...rest, key: 'b', literal: '3' },
  ]);
  // What it tells and is not so is followed by what is.
  expect(
    changesBetween(mapOf({ a: '1' }), mapOf({ a: '1' }), told, rest).map(({ key, literal }) => [key, literal]),
  ).toEqual([
    ['a', '2'],
    ['a', '1'],
  ]);
});

it('a branch names what is not on the line at all, and what its own boot changed', () => {
  const line = mapOf({ a: '1', b: '2' });
  expect(lackingOf(line, mapOf({ a: '0', b: '7', c: '3' }), ['b'])).toEqual(['b', 'c']);
  expect(lackingOf(line, line, ['a'])).toEqual([]);
});
