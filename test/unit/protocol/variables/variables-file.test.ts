import { expect, it } from 'vitest';
import { LARGEST_VARIABLES_BYTES, readVariables } from '../../../../src/protocol/variables/variables-file.ts';

const read = (text: string | Uint8Array) => readVariables(Buffer.from(text as string), 'variables.cfg');
const literalOf = (literal: string) => read(`[Variables]\nx = ${literal}\n`).literals.get('x');

it('gives each variable by its name in small letters, as it stands in the file', () => {
  const { literals, unreadable } = read(
    "# by hand\n[Variables]\nFilament = 'it\\'s'\nb:[1,\n    # two\n  2]\n\n[other]\nc = print()\n",
  );
  expect([...literals]).toEqual([
    ['filament', "'it\\'s'"],
    ['b', '[1,\n2]'],
  ]);
  expect(unreadable).toEqual([]);
});

it.each([
  ['text', `"it's \\u00e9 \\N{BULLET} \\x41"`],
  ['text over lines of a macro', "'''a b'''"],
  ['bytes', "b'\\xff'"],
  ['numbers', '[1, -2, 0x1F, 1_000, .5, 1e-5, -0.0]'],
  ['complex numbers', '(-1.5-2j)'],
  ['tuples', '((), (1,), (1, 2))'],
  ['a tuple without brackets', "1, 'two'"],
  ['dicts and sets', "{'a': {1, 2}, (1, 'b'): set(), None: {}}"],
  ['names', '[True, False, None]'],
  [
    'what the largest MMU has',
    `{${Array.from({ length: 400 }, (_, gate) => `${gate}: {'color': 'ff00${gate}', 'temp': ${gate}}`).join(', ')}}`,
  ],
  ['brackets, many in each other', `${'['.repeat(90)}${']'.repeat(90)}`],
  ['a percent sign as Klipper can read it', "'50%%'"],
])('keeps %s as it stands', (_title, literal) => {
  expect(literalOf(literal)).toBe(literal);
});

it('keeps what repr() prints and Klipper cannot read again, and names it', () => {
  const { literals, unreadable } = read('[Variables]\na = inf\nb = [-inf, nan]\nc = (nan+infj)\nd = 1\n');
  expect([...literals.values()]).toEqual(['inf', '[-inf, nan]', '(nan+infj)', '1']);
  expect(unreadable).toEqual(['a', 'b', 'c']);
});

it.each([
  ['a call', '[Variables]\na = 1\nx = __import__("os")\n', '3:5: expected a literal', '__import__("os")'],
  ['a call in a list', '[Variables]\nx = [1, eval("2")]\n', '2:9: expected a literal', 'eval("2")'],
  ['a call over lines', '[Variables]\nx = [1,\n   open("f")]\n', '3:4: expected a literal', 'open("f")'],
  ['an expression', '[Variables]\nx = 2 ** 8\n', '2:7: expected its end, found ** 8'],
  ['a sum', '[Variables]\nx = 1 + 2\n', '2:5: expected a literal, found 1 + 2'],
  ['a comprehension', '[Variables]\nx = [a for a in b]\n', '2:6: expected a literal'],
  ['a lambda', '[Variables]\nx = lambda: 1\n', '2:5: expected a literal'],
  ['an attribute', "[Variables]\nx = ''.join\n", '2:7: expected its end, found .join'],
  ['a text that is formatted', "[Variables]\nx = f'{y}'\n", '2:5: expected a string as it is'],
  ['a text without its end', "[Variables]\nx = 'abc\n", "2:5: expected ' at the end"],
  ['brackets without their end', '[Variables]\nx = [1, (2]\n', '2:11: expected "," or ")", found ]'],
  [
    'too many brackets',
    `[Variables]\nx = ${'('.repeat(91)}1${')'.repeat(91)}\n`,
    '2:95: expected at most 90 brackets in each other',
  ],
  ['a list as a key', '[Variables]\nx = {[1]: 2}\n', '2:6: expected no list'],
  ['a word', '[Variables]\nx = hello\n', '2:5: expected a literal', 'found hello'],
  ['no value', '[Variables]\nx = \n', '2:4: expected a literal', 'found its end'],
  ['no "="', '[Variables]\nx\n', '2:1: expected NAME = VALUE, found x'],
  ['no section', 'x = 1\n', '1:1: expected a section such as [Variables], found x = 1'],
  ['a name twice', '[Variables]\nx = 1\nX = 2\n', '3:1: there is a x already'],
  ['its section twice', '[Variables]\n[Variables]\n', '2:1: there is a section [Variables] already'],
  ['a percent sign', "[Variables]\nx = '50%'\n", '2:5: expected "%%" for a "%"'],
  ['a value that leads to itself', '[Variables]\nx = %(x)s\n', '2:5: expected a value that does not lead back'],
  ['bytes of a power cut', '\0'.repeat(100), '1:1: expected a section'],
  ['a NUL in a value', "[Variables]\nx = 'a\0'\n", '2:7: expected no NUL'],
  ['the mark of an editor', '\ufeff[Variables]\nx = 1\n', '1:1: expected a section'],
  ['a number with a zero before it', '[Variables]\nx = 012\n', '2:5: expected a number without zeros'],
  [
    'a number of too many digits',
    `[Variables]\nx = ${'9'.repeat(4_301)}\n`,
    '2:5: expected a number of at most 4300 digits',
  ],
])('refuses %s, and says where and what was expected', (_title, text, ...parts) => {
  for (const part of parts) expect(() => read(text)).toThrow(part);
  expect(() => read(text)).toThrow(/^variables\.cfg:\d+:\d+: /);
});

it('refuses what is no UTF-8 at its place, and what is too large', () => {
  expect(() => read(Buffer.from("[Variables]\nx = '\xe9'\n", 'latin1'))).toThrow('variables.cfg:2:6: expected UTF-8');
  expect(() => read('#'.repeat(LARGEST_VARIABLES_BYTES + 1))).toThrow('expected at most 1048576 bytes');
  const many = Array.from({ length: 10_001 }, (_, at) => `x${at} = 1\n`).join('');
  expect(() => read(`[Variables]\n${many}`)).toThrow('10002:10: expected at most 10000 variables');
});

it.each([
  [
    'references that grow',
    `[Variables]\na = '${'x'.repeat(1_000)}'\n${'bcdefgh'
      .split('')
      .map((name, at) => `${name} = ${`%(${'abcdefg'[at]})s`.repeat(20)}\n`)
      .join('')}`,
  ],
  [
    'references that lead to nothing',
    `[Variables]\n${'abcdefgh'
      .split('')
      .map((name, at) => `${name} = 1${`%(${'bcdefghi'[at]})s`.repeat(10)}\n`)
      .join('')}i =\n`,
  ],
  [
    'references of many to the same',
    `[Variables]\n${Array.from({ length: 5_000 }, (_, at) => `x${at} = %(y)s\n`).join('')}y = '${'x'.repeat(500_000)}'\n`,
  ],
  ['space in a value', `[Variables]\nx = [${' '.repeat(200_000)}\n`],
  ['space around lines', `[Variables]\nx = 1${`\n${' '.repeat(1_000)}1`.repeat(900)}\n`],
  ['quotes', `[Variables]\nx = ${"'".repeat(200_000)}x\n`],
  ['signs', `[Variables]\nx = ${'-'.repeat(200_000)}1\n`],
  ['digits', `[Variables]\nx = ${'1_'.repeat(200_000)}\n`],
])('refuses many %s at once', (_title, text) => {
  const before = performance.now();
  expect(() => read(text)).toThrow(/^variables\.cfg:/);
  expect(performance.now() - before).toBeLessThan(2_000);
});
