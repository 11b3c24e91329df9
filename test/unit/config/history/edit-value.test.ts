import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isCollection, isMap, isPair, type Node, type Pair, parse, parseDocument } from 'yaml';
import { editValue } from '../../../../src/config/history/edit-value.ts';
import type { Plain } from '../../../../src/config/tree/tree.ts';
import { SHIPPED_FILES } from '../../../fixtures/config.ts';
import { sized } from '../../../fixtures/effort.ts';

const FILE = `# What a boot may take.
connect: 2s      # to a server

servers:         # in order
  - http://a:8080
  # the spare one
  - http://b:8080
weights: { "http://a:8080": 3 }
`;

describe('setting a value in a file', () => {
  it('changes that value and not a letter beside it', () => {
    expect(editValue(FILE, ['connect'], '5s')).toBe(FILE.replace('2s', '5s'));
    expect(editValue(FILE, ['weights', 'http://a:8080'], 9)).toBe(FILE.replace('3', '9'));
    expect(editValue(FILE, ['servers', '1'], 'http://c:8080')).toBe(FILE.replace('http://b', 'http://c'));
  });

  it('keeps comments where a new key comes to', () => {
    const edited = editValue(FILE, ['weights', 'http://b:8080'], 1);
    expect(parse(edited).weights).toEqual({ 'http://a:8080': 3, 'http://b:8080': 1 });
    for (const comment of FILE.match(/# .*/g) ?? []) expect(edited).toContain(comment);
  });

  it.each([
    ['an empty file', '', ['boot', 'image'], 'x', { boot: { image: 'x' } }],
    ['a file of comments', '# nothing\n', ['a'], 1, { a: 1 }],
    ['a key without a value', 'set:\n', ['set', 'boot', 'image'], 'x', { set: { boot: { image: 'x' } } }],
    ['an absent mapping', 'a: 1\n', ['b', 'c', 'd'], true, { a: 1, b: { c: { d: true } } }],
    ['a list', 'a: 1\n', ['a'], ['x', 'y'], { a: ['x', 'y'] }],
    ['a removed key', 'a: 1\nb: 2\n', ['a'], undefined, { b: 2 }],
    ['a key that is not there to remove', 'a: 1\n', ['b', 'c'], undefined, { a: 1 }],
  ] as const)('works in %s', (_title, text, path, value, expected) => {
    expect(parse(editValue(text, path, value as Plain | undefined))).toEqual(expected);
  });

  it('keeps the line ends of Windows', () => {
    expect(editValue('a: 1\r\nb: 2\r\n', ['b'], 3)).toBe('a: 1\r\nb: 3\r\n');
    expect(editValue('a: 1\r\n', ['c'], 3)).toBe('a: 1\r\nc: 3\r\n');
  });

  it.each(['a: [', 'a: 1\na: 2', '- a'])('is refused in a file with faults: %j', (text) => {
    expect(() => editValue(text, ['b'], 1)).toThrow(expect.objectContaining({ code: 'edit-impossible' }));
  });

  it('is refused below a value', () => {
    expect(() => editValue('a: 1', ['a', 'b'], 1)).toThrow('a is a value, and has no settings below it');
  });

  it('gives that value back, every other one and every comment, whatever it is', () => {
    const scalar = fc.oneof(fc.string({ unit: 'grapheme' }), fc.integer(), fc.boolean());
    const key = fc.constantFrom('connect', 'tries', 'new key', '/etc/a.conf', 'weights');
    fc.assert(
      fc.property(key, scalar, (name, value) => {
        const edited = editValue(FILE, [name], value);
        expect(parse(edited)).toEqual({ ...parse(FILE), [name]: value });
        for (const comment of FILE.match(/# .*/g) ?? []) expect(edited).toContain(comment);
      }),
    );
  });
});

describe('a change of one setting', () => {
  it.each([
    [
      'a key after the last of its mapping',
      'a:\n   b: 1   # one\n\n# of c\nc: "2"\n',
      ['a', 'x'],
      3,
      'a:\n   b: 1   # one\n   x: 3\n\n# of c\nc: "2"\n',
    ],
    ['a key in brackets', 'a: { b: 1 }   # c\n\nd:  e\n', ['a', 'x'], 'y', 'a: { b: 1, x: y }   # c\n\nd:  e\n'],
    ['a key in empty brackets', 'a: {} # c\n', ['a', 'x', 'y'], 1, 'a: { x: { y: 1 } } # c\n'],
    [
      'a key in brackets over several lines',
      'a: {\n  b: 1,   # one\n  c:  2,\n}\n',
      ['a', 'x'],
      3,
      'a: {\n  b: 1,   # one\n  c:  2, x: 3,\n}\n',
    ],
    ['an item of a list', 'a:\n- 1   # one\n-   2\n\nb: 1\n', ['a', '2'], 3, 'a:\n- 1   # one\n-   2\n- 3\n\nb: 1\n'],
    ['an item in brackets', 'a: [ 1,2 ]\n', ['a', '2'], 3, 'a: [ 1,2, 3 ]\n'],
    [
      'a whole list by its new item',
      "a:\n  - 'x' # one\n  - z\n",
      ['a'],
      ['x', 'y', 'z'],
      "a:\n  - 'x' # one\n  - y\n  - z\n",
    ],
    [
      'a whole mapping by what is new in it',
      "a:\n  b: 'x' # one\n  c:   1\n",
      ['a'],
      { b: 'x', d: 2 },
      "a:\n  b: 'x' # one\n  d: 2\n",
    ],
    ['a list that others add to', 'a: !replace [x]  # c\n', ['a'], ['y'], 'a: !replace [y]  # c\n'],
    ['a text of several lines', 'a: |\n  x\n  y\n\nb:   1\n', ['a'], 'z', 'a: z\n\nb:   1\n'],
    ['a folded text', 'a: >\n  x\n  y\n\n\nb:   1\n', ['a'], 'z', 'a: z\n\n\nb:   1\n'],
    ['a text over lines without a sign', 'a: x\n  y\n\nb:   1\n', ['a'], 'z', 'a: z\n\nb:   1\n'],
    ['a text with a plus in it', 'a: |\n  +x\n\nb:   1\n', ['a'], 'z', 'a: z\n\nb:   1\n'],
    ['a text whose blank lines are its own', 'a: |+\n  x\n\nb:   1\n', ['a'], 'z', 'a: z\nb:   1\n'],
    ['such a text, folded', 'a: >2+\n   x\n\n# d\nb:   1\n', ['a'], 'z', 'a: z\n# d\nb:   1\n'],
    ['such a text of Windows', 'a: |+\r\n  x\r\n\r\nb:   1\r\n', ['a'], 'z', 'a: z\r\nb:   1\r\n'],
    ['such a text that is taken out', 'a: |+\n  x\n\nb:   1\n', ['a'], undefined, 'b:   1\n'],
    [
      'a key behind such a text',
      'm:\n  a: |+\n    x\n\nb:   1\n',
      ['m', 'n'],
      2,
      'm:\n  a: |+\n    x\n\n  n: 2\nb:   1\n',
    ],
    ['a text to several lines', 'a: z # c\nb:   1\n', ['a'], 'x\ny\n', 'a: | # c\n  x\n  y\nb:   1\n'],
    ['a mapping to a value', 'a: # c\n  # d\n  b: 1\n\ne:  1\n', ['a'], 5, 'a: 5 # c\n  # d\n\ne:  1\n'],
    [
      'a key that says nothing',
      'set: # c\n\nb:  1\n',
      ['set', 'boot', 'image'],
      'x',
      'set: # c\n  boot: { image: x }\n\nb:  1\n',
    ],
    ['a key that is taken out', 'a: 1 # c\n# d\nb:   2\n', ['a'], undefined, '# d\nb:   2\n'],
    ['the only key of a mapping', 'a:   # c\n  b: 1\nd:   2\n', ['a', 'b'], undefined, 'a: {}   # c\nd:   2\n'],
    ['the only item of a list', 'a: [ x ] # c\n', ['a', '0'], undefined, 'a: [ ] # c\n'],
    ['a key out of brackets', 'a: { b: 1, c:  2 }\n', ['a', 'b'], undefined, 'a: { c:  2 }\n'],
    ['the last key out of brackets', 'a: { b: 1, c:  2 }\n', ['a', 'c'], undefined, 'a: { b: 1 }\n'],
    ['a line out of brackets', 'a: [\n  1,  # one\n  2\n]\n', ['a', '1'], undefined, 'a: [\n  1,  # one\n]\n'],
    ['the first key behind a dash', 'a:\n  - b: 1\n    c: 2\n', ['a', '0', 'b'], undefined, 'a:\n  - c: 2\n'],
    ['a key of brackets without a value', 'a: { b, c:  1 }\n', ['a', 'b'], 2, 'a: { b: 2, c:  1 }\n'],
    ['a key of brackets with nothing', 'a: { b: , c:  1 }\n', ['a', 'b'], 2, 'a: { b: 2 , c:  1 }\n'],
    ['a list in brackets by its new item', 'a: [ 1, 3 ] # c\n', ['a'], [1, 2, 3], 'a: [ 1, 2, 3 ] # c\n'],
    ['a list in empty brackets', 'a: [ ] # c\n', ['a', '0'], 'x', 'a: [x] # c\n'],
    ['brackets with but a comment', 'a: {\n  # c\n}\nb:  1\n', ['a', 'x'], 1, 'a: { x: 1\n  # c\n}\nb:  1\n'],
    ['an item that has commas', 'a: [1, 2] # c\n', ['a', '0'], 'x, y', 'a: ["x, y", 2] # c\n'],
    [
      'an item to a mapping',
      'a: [1, 2] # c\n',
      ['a', '0'],
      { b: 'x: y', c: [true] },
      'a: [{ b: "x: y", c: [true] }, 2] # c\n',
    ],
    [
      'a value to a list of mappings',
      'a: 1 # c\nb:  2\n',
      ['a'],
      [{ b: { c: 1 }, d: 2 }, 'x'],
      'a: # c\n  - b: { c: 1 }\n    d: 2\n  - x\nb:  2\n',
    ],
    [
      'a value to a mapping of mappings',
      'z:\n  a: 1 # c\nb:  2\n',
      ['z', 'a'],
      { b: { c: 1 }, d: ['x', { y: { z: 1 } }] },
      'z:\n  a: # c\n    b: { c: 1 }\n    d:\n      - x\n      - y: { z: 1 }\nb:  2\n',
    ],
    [
      'an item to a text of several lines',
      'a:\n  - 1 # c\n  - 2\n',
      ['a', '0'],
      'k: x\n\nk: y\n',
      'a:\n  - | # c\n    k: x\n\n    k: y\n  - 2\n',
    ],
    ['a mapping to a list', 'a:\n  b: 1 # c\nd:  2\n', ['a'], ['x'], 'a: [x]\nd:  2\n'],
    ['a list to none', 'a:\n  - x # 1\n  - y\nb:  1\n', ['a'], [], 'a: []\nb:  1\n'],
    ['the value of an anchor', 'a: &x   1 # c\n', ['a'], 2, 'a: &x   2 # c\n'],
    ['a tag without a value', 'a: !replace\nb:  1\n', ['a'], ['x'], 'a: !replace [x]\nb:  1\n'],
    ['a dash that stands alone', 'a:\n  -\n  - 2\n', ['a', '0'], 1, 'a:\n  - 1\n  - 2\n'],
    ['what stands below a dash', 'a:\n  - # c\n    b: 1\n  - 2\n', ['a', '0'], 1, 'a:\n  - 1 # c\n  - 2\n'],
    ['a list in a list', 'a:\n  - - 1\n    - 2 # c\n  - 3\n', ['a', '0', '1'], 5, 'a:\n  - - 1\n    - 5 # c\n  - 3\n'],
    ['a value to nothing', 'a:    1   # c\nb:  1\n', ['a'], null, 'a:    null   # c\nb:  1\n'],
    [
      'a key of the first of two',
      'a:\n  - b: 1\n    c: 2\n  - b: 3\n',
      ['a', '0', 'c'],
      undefined,
      'a:\n  - b: 1\n  - b: 3\n',
    ],
    [
      'the middle of a list',
      'a:\n  - x # 1\n  - y # 2\n  - z # 3\n',
      ['a'],
      ['x', 'w', 'z'],
      'a:\n  - x # 1\n  - w # 2\n  - z # 3\n',
    ],
    [
      'a list by its first that goes',
      'a:\n  - x # 1\n  - y # 2\n  - z # 3\n',
      ['a'],
      ['y', 'z'],
      'a:\n  - y # 2\n  - z # 3\n',
    ],
    [
      'a list by two that go',
      'a:\n  - x # 1\n  - y # 2\n  - z # 3\n  - v # 4\n',
      ['a'],
      ['x', 'v'],
      'a:\n  - x # 1\n  - v # 4\n',
    ],
    [
      'a list by two that come',
      'a:\n  - x # 1\n  - z # 3\n',
      ['a'],
      ['x', 'y', 'w', 'z'],
      'a:\n  - x # 1\n  - y\n  - w\n  - z # 3\n',
    ],
    [
      'a list by one that comes first',
      'a:\n  - x # 1\n  - z # 3\n',
      ['a'],
      ['w', 'x', 'z'],
      'a:\n  - w\n  - x # 1\n  - z # 3\n',
    ],
    ['a list to another', 'a:\n  - x # 1\n  - z # 3\n', ['a'], ['w'], 'a:\n  - w # 1\n'],
    ['one of two that are the same', 'a:\n  - x # 1\n  - x # 2\n', ['a'], ['x'], 'a:\n  - x # 1\n'],
    ['the last line of brackets', 'a: [\n  1, # one\n  2 # two\n]\n', ['a', '1'], undefined, 'a: [\n  1, # one\n]\n'],
    ['a line of brackets of Windows', 'a: [\r\n  1,\r\n  2\r\n]\r\n', ['a', '1'], undefined, 'a: [\r\n  1,\r\n]\r\n'],
    ['one of a line of brackets', 'a: [\n  1, 2,  3,\n  4 ]\n', ['a', '1'], undefined, 'a: [\n  1, 3,\n  4 ]\n'],
    ['the first of a line of brackets', 'a: [\n  1,  2,\n  4 ]\n', ['a', '0'], undefined, 'a: [\n  2,\n  4 ]\n'],
    ['the last of brackets with a comma', 'a: [1 ,  2 , ] # c\n', ['a', '1'], undefined, 'a: [1 ] # c\n'],
    ['the last of brackets behind a comment', 'a: [ 1, # one\n  2 ]\n', ['a', '1'], undefined, 'a: [ 1, # one\n   ]\n'],
    ['the last of a file', 'a: [1, 2]', ['a', '1'], undefined, 'a: [1]'],
    ['a mapping without an end of line', 'a:\n  b: 1', ['a', 'c'], 2, 'a:\n  b: 1\n  c: 2\n'],
    ['the last line without an end', 'a: 1\nb: 2', ['b'], undefined, 'a: 1\n'],
    ['the only key', 'a: 1 # c\n', ['a'], undefined, ''],
    ['a mark of order that is but a letter', 'a: 1 # \uFEFF\n', ['a'], 2, 'a: 2 # \uFEFF\n'],
    ['a file without an end of line', 'a: 1', ['b'], 2, 'a: 1\nb: 2\n'],
    ['a byte order mark', '\uFEFFa:  1\n', ['a'], 2, '\uFEFFa:  2\n'],
    ['a value to a blank of its own kind', 'a: 1\nb:  2\n', ['a'], '\u2003', 'a: \u2003\nb:  2\n'],
    ['a key that is a number', '80:  x\n', ['80'], 'y', '80:  y\n'],
  ] as const)('changes %s, and nothing else', (_title, text, path, value, expected) => {
    expect(editValue(text, path, value as Plain | undefined)).toBe(expected);
  });

  it('changes one of many items, by its number', () => {
    const list = (...texts: readonly string[]) => `a:\n${texts.map((text) => `  - ${text} # c\n`).join('')}`;
    const many = Array.from({ length: 12 }, (_, at) => String(at));
    expect(editValue(list(...many), ['a', '10'], 'x')).toBe(list(...many.with(10, 'x')));
    expect(editValue(list(...many), ['a', '10'], undefined)).toBe(list(...many.toSpliced(10, 1)));
  });

  it('writes a list or mapping in one line up to a hundred letters', () => {
    const texts = (last: number) => [...Array<string>(4).fill('y'.repeat(21)), 'y'.repeat(last)];
    const line = `a: [${texts(3).join(', ')}]\n`;
    expect(line).toHaveLength(101);
    expect(editValue('a: 1\n', ['a'], texts(3))).toBe(line);
    expect(editValue('a: 1\n', ['a'], texts(4))).toBe(
      `a:\n${texts(4)
        .map((text) => `  - ${text}\n`)
        .join('')}`,
    );
    const long = 'y '.repeat(100).trim();
    expect(editValue('a: 1\n', ['a'], long)).toBe(`a: ${long}\n`);
  });

  it.each([
    ['an anchor that others repeat', 'a: &x 1\nb: *x\n', ['a'], 'only an editor'],
    ['the alias of a mapping', 'a: &x { c: 1 }\nb: *x\n', ['b', 'c'], 'b is the alias *x'],
    ['a key in its long form', '? a\n: b: 1\n', ['c'], 'only an editor'],
    ['an item far behind the last', 'a: [1]\n', ['a', '5'], 'a is a list of 1'],
    ['a name in a list', 'a: [1]\n', ['a', 'b'], 'a is a list of 1'],
    ['an alias of nothing', 'a: *x\nb: 1\n', ['b'], 'Unresolved alias'],
    ['a text alone', 'x\n', ['b'], 'x.conf:1:1 expected a mapping'],
    ['a file that says null', 'null\n', ['b'], 'only an editor'],
    ['an item of a value', 'a: { b: 1 }\n', ['a', 'b', 'c'], 'a.b is a value'],
    ['a key that stands twice', 'b: 1\na: 1\na: 2\n', ['b'], 'x.conf:3:1 '],
  ] as const)('is refused for %s', (_title, text, path, why) => {
    expect(() => editValue(text, path, 7, 'x.conf')).toThrow(
      expect.objectContaining({ code: 'edit-impossible', message: expect.stringContaining(why) }),
    );
  });
});

/** Makes what belongs to a text when it is asked for first. */
function onceEach<T>(make: (text: string) => T): (text: string) => T {
  const made = new Map<string, T>();
  return (text) => {
    const found = made.get(text) ?? make(text);
    made.set(text, found);
    return found;
  };
}

describe('in every file that is shipped', () => {
  const scalar = fc.oneof(fc.string({ unit: 'grapheme', maxLength: 30 }), fc.integer(), fc.boolean());
  const value = fc.oneof(
    { weight: 3, arbitrary: scalar },
    fc.array(scalar, { maxLength: 4 }),
    fc.dictionary(fc.constantFrom('size', '/etc/a.conf', '80', 'a: b'), scalar, { maxKeys: 3, noNullPrototype: true }),
  );
  type Spot = {
    readonly path: readonly string[];
    readonly node: Node | null;
    readonly lines: readonly [number, number];
  };

  /** Every value of a text, with the lines (from, up to) on which it stands, read by other means than the edit's. */
  const spotsOf = onceEach((text): readonly Spot[] => {
    const lineOf = (offset: number) => text.slice(0, offset).split('\n').length - 1;
    const spots: Spot[] = [];
    const endOf = (node: Node | null, otherwise: number): number =>
      node?.range ? node.range[0] + text.slice(node.range[0], node.range[1]).trimEnd().length : otherwise;
    const walk = (node: Node, path: readonly string[]): void => {
      if (!isCollection(node)) return;
      for (const [index, item] of (node.items as (Node | Pair<Node, Node | null>)[]).entries()) {
        const [key, inner] = isPair(item) ? [String(item.key), item.value] : [String(index), item];
        const start = (isPair(item) ? item.key.range : item.range)?.[0] ?? 0;
        const lines = [lineOf(start), lineOf(endOf(inner, start)) + 1] as const;
        spots.push({ path: [...path, key], node: inner, lines });
        if (inner) walk(inner, [...path, key]);
      }
    };
    walk(parseDocument(text).contents as Node, []);
    return spots;
  });

  /** Every line outside of these is there before and after what changed. */
  function expectOnly(before: string, after: string, [from, to]: readonly [number, number]): void {
    const lines = before.split('\n');
    expect(
      after.startsWith(
        lines
          .slice(0, from)
          .map((line) => `${line}\n`)
          .join(''),
      ),
    ).toBe(true);
    expect(after.endsWith(lines.slice(to).join('\n'))).toBe(true);
  }
  const files = Object.entries(SHIPPED_FILES).filter(([, text]) => spotsOf(text).length > 0);
  const spotIn = (fits: (spot: Spot, text: string) => boolean) =>
    fc
      .constantFrom(...files.filter(([, text]) => spotsOf(text).some((spot) => fits(spot, text))))
      .chain(([name, text]) =>
        fc.constantFrom(...spotsOf(text).filter((spot) => fits(spot, text))).map((spot) => ({ name, text, spot })),
      );
  const at = (plain: Plain, path: readonly string[]): Plain =>
    path.reduce<Plain>((inner, key) => (inner as { [key: string]: Plain })[key] as Plain, plain);

  it('a value changes on its own lines alone', () => {
    fc.assert(
      fc.property(
        spotIn(() => true),
        value,
        ({ text, spot }, to) => {
          const edited = editValue(text, spot.path, to);
          expect(at(parse(edited), spot.path)).toEqual(to);
          expectOnly(text, edited, spot.lines);
        },
      ),
      { numRuns: sized(100, 3_000) },
    );
  });

  it('a new key or item comes to as a line, or on the last line of its brackets', () => {
    fc.assert(
      fc.property(
        spotIn(({ node }) => isCollection(node)),
        value,
        ({ text, spot: { path, node } }, to) => {
          const { items, flow } = node as unknown as { items: unknown[]; flow?: boolean };
          const edited = editValue(text, [...path, isMap(node) ? 'new key' : String(items.length)], to);
          const [old, now] = [text.split('\n'), edited.split('\n')];
          const head = old.findIndex((line, index) => line !== now[index]);
          const tail = old.toReversed().findIndex((line, index) => line !== now.at(-1 - index));
          const changed = head < 0 ? 0 : old.length - head - tail;
          expect(changed).toBeLessThanOrEqual(flow ? 1 : 0);
          expect(at(parse(edited), [...path, isMap(node) ? 'new key' : String(items.length)])).toEqual(to);
        },
      ),
      { numRuns: sized(100, 3_000) },
    );
  });

  it('what is removed takes its own lines with it and no other', () => {
    for (const [, text] of files)
      for (const { path, lines } of spotsOf(text)) {
        const holder = spotsOf(text).find((spot) => spot.path.join('\0') === path.slice(0, -1).join('\0'));
        const isOnly = isCollection(holder?.node) && holder.node.items.length === 1;
        expectOnly(text, editValue(text, path, undefined), isOnly ? (holder as Spot).lines : lines);
      }
  });
});
