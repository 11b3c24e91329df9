import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { editDistance, nearest } from '../../../../src/config/check/suggest.ts';

describe('nearest', () => {
  it.each([
    ['sise', ['size', 'mode', 'skeleton'], 'size'],
    ['serv', ['server', 'slot'], 'server'],
    ['statectl.resuce', ['statectl.rescue', 'statectl.server'], 'statectl.rescue'],
    ['No_Update', ['noexec', 'no-update'], 'no-update'],
  ])('%s among %j means %s', (word, candidates, expected) => {
    expect(nearest(word, candidates)).toBe(expected);
  });

  it('stays silent when nothing is near', () => {
    expect(nearest('colour', ['size', 'mode'])).toBeUndefined();
    expect(nearest('a', ['b'])).toBeUndefined();
    expect(nearest('', ['x'])).toBeUndefined();
    expect(nearest('size', [])).toBeUndefined();
  });

  it('takes the first of two that are equally near', () => {
    expect(nearest('boot', ['root', 'foot'])).toBe('root');
  });

  it('always finds a word that is among the candidates', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ minLength: 1 }), { minLength: 1, maxLength: 5 }), fc.nat(), (words, index) => {
        const word = words[index % words.length]!;
        expect(
          editDistance(
            nearest(word, words)!.toLowerCase().replaceAll('_', '-'),
            word.toLowerCase().replaceAll('_', '-'),
          ),
        ).toBe(0);
      }),
    );
  });
});

describe('editDistance', () => {
  it('counts two letters that changed places as one mistake', () => {
    expect(editDistance('resuce', 'rescue')).toBe(1);
    expect(editDistance('kitten', 'sitting')).toBe(3);
  });

  it('is symmetric, zero only for the same word, and no longer than the longer word', () => {
    const word = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 8 });
    fc.assert(
      fc.property(word, word, (from, to) => {
        const distance = editDistance(from, to);
        expect(distance).toBe(editDistance(to, from));
        expect(distance === 0).toBe(from === to);
        expect(distance).toBeLessThanOrEqual(Math.max(from.length, to.length));
        expect(distance).toBeGreaterThanOrEqual(Math.abs(from.length - to.length));
      }),
    );
  });
});
