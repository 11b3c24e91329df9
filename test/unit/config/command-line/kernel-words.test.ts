import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { kernelWords } from '../../../../src/config/command-line/kernel-words.ts';
import { anyLetters } from '../../../fixtures/any-letters.ts';
import { sized } from '../../../fixtures/effort.ts';

const pairs = (text: string) => kernelWords(text).map(({ name, value }) => [name, value]);

/**
 * The kernel's loop again, the way C sees it: bytes in one array, ends written into it as zeros. It shares nothing with
 * the parser, and is slow and plain on purpose. ASCII and U+00A0 only, one code unit standing for one byte.
 */
function asTheKernelDoes(text: string): readonly (readonly [string, string | undefined])[] {
  const bytes = [...text.split('\0')[0]!, '\0', '\0', '\0'];
  const space = (at: number) => ' \t\n\v\f\r\u00a0'.includes(bytes[at]!);
  const cString = (at: number) => bytes.slice(at, bytes.indexOf('\0', at)).join('');
  const found: [string, string | undefined][] = [];
  let args = 0;
  while (space(args)) args++;
  while (bytes[args] !== '\0') {
    let inQuote = false;
    let quoted = false;
    let equals = 0;
    let i = 0;
    if (bytes[args] === '"') {
      args++;
      inQuote = true;
      quoted = true;
    }
    for (; bytes[args + i] !== '\0'; i++) {
      if (space(args + i) && !inQuote) break;
      if (equals === 0 && bytes[args + i] === '=') equals = i;
      if (bytes[args + i] === '"') inQuote = !inQuote;
    }
    let next = bytes[args + i] === '\0' ? args + i : args + i + 1;
    let value: number | undefined;
    if (equals !== 0) {
      bytes[args + equals] = '\0';
      value = args + equals + 1;
      if (bytes[value] === '"') {
        value++;
        if (bytes[args + i - 1] === '"') bytes[args + i - 1] = '\0';
      }
    }
    if (quoted && i > 0 && bytes[args + i - 1] === '"') bytes[args + i - 1] = '\0';
    bytes[args + i] = '\0';
    found.push([cString(args), value === undefined ? undefined : cString(value)]);
    while (space(next)) next++;
    args = next;
  }
  return found;
}

describe('kernelWords', () => {
  it("reads dracut's TEST-80-GETARG line as dracut and the kernel do", () => {
    const line =
      'key1=0 key2=val key2=val2 key3="  val  3  " "  key 4  ="val4 "key  5=val  5" "key 6=""val  6" ' +
      'key7="foo"bar" baz="end "  key8  =  val 8  "\n"key 9"="val 9"';
    expect(pairs(line)).toEqual([
      ['key1', '0'],
      ['key2', 'val'],
      ['key2', 'val2'],
      ['key3', '  val  3  '],
      ['  key 4  ', 'val4'],
      ['key  5', 'val  5'],
      ['key 6', '"val  6'],
      ['key7', 'foo"bar" baz="end'],
      ['  key8  ', '  val 8  '],
      ['key 9"', 'val 9'],
    ]);
  });

  it.each([
    ['"root=LABEL=  rdinit=/bin/sh"', [['root', 'LABEL=  rdinit=/bin/sh']]],
    [
      '"root=LABEL=a b" ro',
      [
        ['root', 'LABEL=a b'],
        ['ro', undefined],
      ],
    ],
    [
      'root="LABEL=a b" ro',
      [
        ['root', 'LABEL=a b'],
        ['ro', undefined],
      ],
    ],
    ['a="never closed ro', [['a', 'never closed ro']]],
    ['"never closed=x ro', [['never closed', 'x ro']]],
    [
      "a='b c'",
      [
        ['a', "'b"],
        ["c'", undefined],
      ],
    ],
    [
      'a=b\\ c',
      [
        ['a', 'b\\'],
        ['c', undefined],
      ],
    ],
    [
      'a= b',
      [
        ['a', ''],
        ['b', undefined],
      ],
    ],
    ['a=""', [['a', '']]],
    ['a="', [['a', '']]],
    ['=a', [['=a', undefined]]],
    ['=a=b', [['=a', 'b']]],
    ['a=b=c', [['a', 'b=c']]],
    ['"x="a""', [['x', 'a"']]],
    ['""', [['', undefined]]],
    ['"', [['', undefined]]],
    [
      '\t a\u00a0b\n',
      [
        ['a', undefined],
        ['b', undefined],
      ],
    ],
    ['name=voilà', [['name', 'voilà']]],
    [
      'a -- b',
      [
        ['a', undefined],
        ['--', undefined],
        ['b', undefined],
      ],
    ],
    ['a\0b', [['a', undefined]]],
    ['', []],
    [' \n ', []],
  ])('%j is %j', (line, expected) => {
    expect(pairs(line)).toEqual(expected);
  });

  it('keeps each word as it was typed', () => {
    expect(kernelWords('ro "a=b c"  d="e f"').map(({ raw }) => raw)).toEqual(['ro', '"a=b c"', 'd="e f"']);
  });

  const anyText = fc.oneof(
    fc.string({ unit: fc.constantFrom('a', '=', '"', ' ', '-', '.', '\n', '\u00a0', '\0'), maxLength: 40 }),
    anyLetters(),
  );

  it('finds the words that the kernel finds, in any text', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        expect(pairs(text)).toEqual(asTheKernelDoes(text));
      }),
      { numRuns: sized(500, 20_000) },
    );
  });

  it('loses no letter but white space between words', () => {
    const spaces = /[\t\n\v\f\r \u00a0]/g;
    fc.assert(
      fc.property(anyText, (text) => {
        const raw = kernelWords(text).map((word) => word.raw);
        expect(raw.join('').replace(spaces, '')).toBe(text.split('\0')[0]!.replace(spaces, ''));
      }),
    );
  });

  it('reads back what can be written with the one kind of quote', () => {
    const letters = fc.constantFrom('a', 'b', '-', '_', '.', '/', '=', '$', "'", '\\', 'é');
    const name = fc.string({ unit: fc.constantFrom('a', 'b', '-', '_', '.', ' '), minLength: 1, maxLength: 6 });
    const value = fc.option(fc.string({ unit: fc.oneof(letters, fc.constantFrom(' ', '\t', '\n')), maxLength: 8 }), {
      nil: undefined,
    });
    const words = fc.array(fc.record({ name, value, whole: fc.boolean() }));
    fc.assert(
      fc.property(words, (given) => {
        const line = given.map(({ name, value, whole }) => {
          const text = value === undefined ? name : `${name}=${value}`;
          if (whole || value === undefined || name.includes(' ')) return `"${text}"`;
          return `${name}="${value}"`;
        });
        expect(pairs(line.join(' '))).toEqual(given.map(({ name, value }) => [name, value]));
      }),
    );
  });
});
