import fc from 'fast-check';
import { expect, it } from 'vitest';
import { changedLines } from '../../../src/config/line-diff.ts';

it('what differs between two texts are the lines that went and those that came, in order', () => {
  expect(changedLines('a\nb\nc\nd\n', 'a\nx\nc\nd\ne\n')).toEqual(['-b', '+x', '+e']);
  expect(changedLines(undefined, 'a\n\n')).toEqual(['+a', '+']);
  expect(changedLines('a\n', undefined)).toEqual(['-a']);
  expect(changedLines('a\n', 'a')).toEqual(['-a', '+a (no end of line)']);
  expect(changedLines('a\n', 'a\n')).toEqual([]);
});

it('without them both texts are the same', () => {
  const text = fc.array(fc.constantFrom('a', 'b', 'c', ''), { maxLength: 12 });
  const without = (lines: readonly string[], gone: readonly string[]): readonly string[] => {
    const left = [...gone];
    const kept = lines.filter((line) => {
      if (line !== left[0]) return true;
      left.shift();
      return false;
    });
    expect(left).toEqual([]);
    return kept;
  };
  fc.assert(
    fc.property(text, text, (old, now) => {
      const changes = changedLines(old.map((line) => `${line}\n`).join(''), now.map((line) => `${line}\n`).join(''));
      const [went, came] = ['-', '+'].map((sign) =>
        changes.filter((line) => line.startsWith(sign)).map((line) => line.slice(1)),
      ) as [string[], string[]];
      expect(old.length - went.length).toBe(now.length - came.length);
      expect(without(old, went).toSorted()).toEqual(without(now, came).toSorted());
    }),
  );
});

it('texts that are too long to compare are told as gone and come', () => {
  const lines = (word: string) => Array.from({ length: 2001 }, (_, at) => `${word}${at}\n`).join('');
  expect(changedLines(lines('a'), lines('b'))).toHaveLength(4002);
});
