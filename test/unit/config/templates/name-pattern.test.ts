import { matchesGlob } from 'node:path/posix';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { matchesPattern } from '../../../../src/config/templates/name-pattern.ts';

it.each([
  ['klipper/*', ['klipper/a.cfg'], ['klipper/a/b', 'klipper', 'x/klipper/a']],
  ['klipper/**', ['klipper/a', 'klipper/a/b'], ['klipper']],
  ['**/motd', ['motd', 'a/motd', 'a/b/motd'], ['a/xmotd']],
  ['a/**/b', ['a/b', 'a/x/b', 'a/x/y/b'], ['a/xb', 'ab']],
  ['p?.[a-c][!x]', ['p1.ay', 'pé.cü'], ['p/.ay', 'p1.dy', 'p1.ax', 'p1.a/']],
  ['a.(b)+', ['a.(b)+'], ['axbb']],
  ['[a', ['[a'], ['a']],
])('the pattern %s takes %j and not %j', (pattern, taken, left) => {
  expect(taken.filter((name) => !matchesPattern(name, pattern))).toEqual([]);
  expect(left.filter((name) => matchesPattern(name, pattern))).toEqual([]);
});

const text = (...pieces: readonly string[]) => fc.string({ unit: fc.constantFrom(...pieces), maxLength: 8 });

it('stars and question marks mean what they mean to others', () => {
  fc.assert(
    fc.property(text('a', 'b', '/b'), text('a', 'b', '*', '?', '/b'), (name, pattern) => {
      fc.pre(!pattern.includes('**') && name !== '' && !name.startsWith('/') && !pattern.startsWith('/'));
      expect(matchesPattern(name, pattern)).toBe(matchesGlob(name, pattern));
    }),
    { numRuns: 2_000 },
  );
});

it.each(['*a'.repeat(500), '**/a'.repeat(250), '{a,b}'.repeat(200), '[a-z]*'.repeat(160)])(
  'a pattern of %.10s… costs no more than its length and that of the name',
  (pattern) => {
    const started = performance.now();
    expect(matchesPattern('a'.repeat(250), `${pattern}!`)).toBe(false);
    expect(performance.now() - started).toBeLessThan(10_000);
  },
);
