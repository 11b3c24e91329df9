import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ConfigFault } from '../../../../src/config/check/fault.ts';
import { overlay, parsePath, plainOf, type Tree, treeAt, writePath } from '../../../../src/config/tree/tree.ts';
import { readYaml } from '../../../../src/config/tree/yaml-file.ts';
import { anyLetters } from '../../../fixtures/any-letters.ts';
import { sized } from '../../../fixtures/effort.ts';

const layer = (text: string, name = 'layer'): Tree => {
  const faults: ConfigFault[] = [];
  const tree = readYaml(text, `${name}.conf`, name, faults);
  expect(faults).toEqual([]);
  return tree;
};
const together = (...texts: readonly string[]) =>
  plainOf(texts.map((text, index) => layer(text, `layer${index}`)).reduce(overlay));

describe('layers', () => {
  it.each([
    ['the upper scalar wins', ['a: 1', 'a: 2'], { a: 2 }],
    ['what only one says stays', ['a: 1', 'b: 2'], { a: 1, b: 2 }],
    ['mappings are put together key by key', ['a: {x: 1, y: 2}', 'a: {y: 3}'], { a: { x: 1, y: 3 } }],
    ['lists are put one after the other', ['a: [1, 2]', 'a: [3]'], { a: [1, 2, 3] }],
    ['an item is in a list once', ['a: [1, 2]', 'a: [2, 3]'], { a: [1, 2, 3] }],
    ['~item takes an item out', ['a: [nosuid, noexec]', 'a: [~noexec]'], { a: ['nosuid'] }],
    ['~item takes a number out, too', ['a: [80, 443]', 'a: [~80]'], { a: [443] }],
    ['~item of a layer in between reaches further down', ['a: [x]', 'a: [~x]', 'a: [y]'], { a: ['y'] }],
    ['~key: takes a key out', ['a: {x: 1, y: 2}', 'a: {~x: }'], { a: { y: 2 } }],
    ['~key: and key begin it anew', ['a: {x: {p: 1}}', 'a: {~x: , x: {q: 2}}'], { a: { x: { q: 2 } } }],
    ['!replace makes a list whole', ['a: [1, 2]', 'a: !replace [3]'], { a: [3] }],
    ['!replace makes a mapping whole', ['a: {x: 1}', 'a: !replace {y: 2}'], { a: { y: 2 } }],
    ['!replace reaches below a mapping', ['a: {x: {p: 1}}', 'a: !replace {x: {q: 2}}'], { a: { x: { q: 2 } } }],
    ['a list that is emptied is there', ['a: [1]', 'a: !replace []'], { a: [] }],
    [
      'an entry with a kind is whole',
      ['/var: {kind: tmpfs, skeleton: true}', '/var: {kind: overlay}'],
      { '/var': { kind: 'overlay' } },
    ],
    [
      'an entry with a source is whole',
      ['/b: {source: LABEL=b, type: xfs}', '/b: {source: LABEL=c}'],
      { '/b': { source: 'LABEL=c' } },
    ],
    [
      'an entry without either changes single settings',
      ['/var: {kind: tmpfs, size: 1M}', '/var: {size: 2M}'],
      { '/var': { kind: 'tmpfs', size: '2M' } },
    ],
    ['a scalar takes the place of a mapping', ['a: {x: 1}', 'a: 2'], { a: 2 }],
    ['a mapping over a scalar shows nothing below it', ['a: {x: 1}', 'a: 2', 'a: {y: 3}'], { a: { y: 3 } }],
  ])('%s', (_title, texts, expected) => {
    expect(together(...texts)).toEqual(expected);
  });

  it('tell where a value was said and what it took the place of', () => {
    const merged = [
      layer('/tmp:\n  size: 1M\n', 'foo'),
      layer('\n/tmp: {size: 2M}', 'cfoo'),
      layer('/tmp: !replace\n  size: 3M', 'node'),
    ].reduce(overlay);
    expect(treeAt(merged, ['/tmp', 'size'])).toMatchObject({
      value: '3M',
      origin: { layer: 'node', file: 'node.conf', line: 2, column: 3 },
      superseded: [
        { value: '1M', origin: { layer: 'foo', line: 2, column: 3 } },
        { value: '2M', origin: { layer: 'cfoo', line: 2, column: 8 } },
      ],
    });
  });
});

const scalar = fc.constantFrom('1', 'x', 'y', 'true', '~');
const list = fc
  .tuple(
    fc.boolean(),
    // A list that has an item and takes it out is a fault.
    fc.uniqueArray(fc.constantFrom('a', 'b', 'c', '"~a"', '"~b"', '8', '"~8"'), {
      maxLength: 4,
      selector: (item) => item.replace(/["~]/g, ''),
    }),
  )
  .map(([whole, items]) => `${whole ? '!replace ' : ''}[${items.join(', ')}]`);
const value: fc.Arbitrary<string> = fc.letrec((tie) => ({
  value: fc.oneof({ maxDepth: 3 }, scalar, list, tie('mapping')),
  mapping: fc
    .tuple(
      fc.boolean(),
      fc.uniqueArray(
        fc.tuple(fc.constantFrom('p', 'q', 'kind', 'source', '"~p"', '"~q"'), tie('value') as fc.Arbitrary<string>),
        { maxLength: 4, selector: ([key]) => key },
      ),
    )
    .map(
      ([whole, entries]) =>
        `${whole ? '!replace ' : ''}{${entries.map(([key, text]) => (key.includes('~') ? `${key}: ` : `${key}: ${text}`)).join(', ')}}`,
    ),
})).value as fc.Arbitrary<string>;
const layers = (count: number) =>
  fc.tuple(...Array.from({ length: count }, () => value)).map((texts) => texts.map((text) => `top: ${text}`));

const said = (tree: Tree | undefined): unknown => {
  if (tree === undefined || tree.kind === 'leaf') return tree && { value: tree.value, origin: tree.origin };
  if (tree.kind === 'list') return tree.items.map(said);
  return Object.fromEntries([...tree.entries].map(([key, inner]) => [key, said(inner)]));
};

describe('putting layers together', () => {
  it('gives the same values and origins in whichever grouping', () => {
    fc.assert(
      fc.property(layers(3), (texts) => {
        const [a, b, c] = texts.map((text, index) => layer(text, `l${index}`)) as [Tree, Tree, Tree];
        expect(plainOf(overlay(overlay(a, b), c))).toEqual(plainOf(overlay(a, overlay(b, c))));
        expect(said(overlay(overlay(a, b), c))).toEqual(said(overlay(a, overlay(b, c))));
      }),
      { numRuns: sized(300, 20_000) },
    );
  });

  it('changes nothing when the same layer comes twice', () => {
    fc.assert(
      fc.property(layers(2), (texts) => {
        const [a, b] = texts.map((text, index) => layer(text, `l${index}`)) as [Tree, Tree];
        expect(plainOf(overlay(overlay(a, b), b))).toEqual(plainOf(overlay(a, b)));
      }),
      { numRuns: sized(300, 20_000) },
    );
  });

  it('keeps the origin of every value in a layer that said it', () => {
    fc.assert(
      fc.property(layers(3), (texts) => {
        const trees = texts.map((text, index) => layer(text, `l${index}`));
        const walk = (tree: Tree, path: readonly string[]): void => {
          if (tree.kind === 'mapping') for (const [key, inner] of tree.entries) walk(inner, [...path, key]);
          if (tree.kind !== 'leaf') return;
          const origin = trees.find((_, index) => tree.origin.layer === `l${index}`) as Tree;
          expect(treeAt(origin, path)).toMatchObject({ value: tree.value });
        };
        walk(trees.reduce(overlay), []);
      }),
      { numRuns: sized(150, 5_000) },
    );
  });
});

describe('a path to a setting', () => {
  it.each([
    ['boot.image', ['boot', 'image']],
    ['overlays./etc.size', ['overlays', '/etc', 'size']],
    ['etc.files."/etc/a.conf".mode', ['etc', 'files', '/etc/a.conf', 'mode']],
  ])('%s is read and written', (text, path) => {
    expect(parsePath(text)).toEqual(path);
    expect(writePath(path)).toBe(text);
  });

  it.each(['', '.', 'a.', '.a', 'a..b', '"a', '"a"b'])('%j is none', (text) => {
    expect(parsePath(text)).toBeUndefined();
  });

  it('reads back whatever is written', () => {
    fc.assert(
      fc.property(fc.array(anyLetters(), { minLength: 1 }), (path) => {
        expect(parsePath(writePath(path))).toEqual(path);
      }),
    );
  });
});
