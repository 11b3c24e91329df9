import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { editValue } from '../../../../src/config/history/edit-value.ts';
import type { Plain } from '../../../../src/config/tree.ts';

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
