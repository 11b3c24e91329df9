import { matchesGlob } from 'node:path/posix';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { patternOf } from '../../src/name-pattern.ts';
import { sized } from '../fixtures/effort.ts';

it.each([
  ['klipper/*', ['klipper/a.cfg'], ['klipper/a/b', 'klipper', 'x/klipper/a']],
  ['klipper/**', ['klipper/a', 'klipper/a/b'], ['klipper']],
  ['**/motd', ['motd', 'a/motd', 'a/b/motd'], ['a/xmotd']],
  ['a/**/b', ['a/b', 'a/x/b', 'a/x/y/b'], ['a/xb', 'ab']],
  ['p?.[a-c][!x]', ['p1.ay', 'pé.cü'], ['p/.ay', 'p1.dy', 'p1.ax', 'p1.a/']],
  ['a.(b)+', ['a.(b)+'], ['axbb']],
  ['[a', ['[a'], ['a']],
])('the pattern %s takes %j and not %j', (pattern, taken, left) => {
  const matches = patternOf(pattern);
  expect(taken.filter((name) => !matches(name))).toEqual([]);
  expect(left.filter((name) => matches(name))).toEqual([]);
});

it.each([
  ['of:N*T*Cmaker,model', ['of:Na/bT(null)Cmaker,model'], ['of:NaT(null)Cmaker,model2']],
  ['**/b', ['/b', 'a/x/b'], ['b']],
  ['a?[!b]', ['a//'], ['a/b']],
  ['pci:[0-9A][^7]*', ['pci:A1', 'pci:9/x'], ['pci:B1', 'pci:17']],
])('where a slash is a letter, the pattern %s takes %j and not %j', (pattern, taken, left) => {
  const matches = patternOf(pattern, 'letter');
  expect(taken.filter((name) => !matches(name))).toEqual([]);
  expect(left.filter((name) => matches(name))).toEqual([]);
});

it.each(['[z-a]', 'usb:v[9-0]p*', '*[b-a]*'])('%s, in which nothing is, matches nothing', (pattern) => {
  for (const slash of ['separates', 'letter'] as const)
    expect(['', 'z', 'a', 'usb:v9p1', pattern].filter(patternOf(pattern, slash))).toEqual([]);
});

const text = (...pieces: readonly string[]) => fc.string({ unit: fc.constantFrom(...pieces), maxLength: 8 });

it('stars and question marks mean what they mean to others', () => {
  fc.assert(
    fc.property(text('a', 'b', '/b'), text('a', 'b', '*', '?', '/b'), (name, pattern) => {
      fc.pre(!pattern.includes('**') && name !== '' && !name.startsWith('/') && !pattern.startsWith('/'));
      expect(patternOf(pattern)(name)).toBe(matchesGlob(name, pattern));
    }),
    { numRuns: sized(500, 20_000) },
  );
});

/** What costs too much for long patterns says for short ones what is right. */
const regularExpression = (pieces: readonly string[]): RegExp =>
  new RegExp(`^${pieces.map((piece) => EXPRESSIONS.get(piece) ?? piece).join('')}$`, 's');
const EXPRESSIONS = new Map([
  ['*', '.*'],
  ['?', '.'],
  ['[!ab]', '[^ab]'],
]);

it('where a slash is a letter, patterns match what regular expressions do', () => {
  const pieces = fc.array(fc.constantFrom('a', 'b', '/', '*', '?', '[ab]', '[!ab]', '[a-b]'), { maxLength: 8 });
  fc.assert(
    fc.property(text('a', 'b', 'c', '/'), pieces, (name, pattern) => {
      expect(patternOf(pattern.join(''), 'letter')(name)).toBe(regularExpression(pattern).test(name));
    }),
    { numRuns: sized(500, 20_000) },
  );
});

it.each(
  (
    [
      ['*a', 500],
      ['**/a', 250],
      ['{a,b}', 200],
      ['[a-z]*', 160],
      ['?*', 400],
    ] as const
  ).flatMap(([part, times]) => (['separates', 'letter'] as const).map((slash) => [part, times, slash] as const)),
)(
  'a pattern of %s, %d times, costs no more than its length and that of the name, where a slash is: %s',
  (part, times, slash) => {
    const pattern = part.repeat(times);
    const started = performance.now();
    expect(patternOf(`${pattern}!`, slash)('a'.repeat(250))).toBe(false);
    expect(performance.now() - started).toBeLessThan(10_000);
  },
);
