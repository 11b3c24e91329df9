import { describe, expect, it } from 'vitest';
import { type ConfigFault, formatFault } from '../../../../src/config/check/fault.ts';
import { plainOf } from '../../../../src/config/tree/tree.ts';
import { readYaml } from '../../../../src/config/tree/yaml-file.ts';
import { cpuMs, sized } from '../../../fixtures/effort.ts';

const read = (text: string) => {
  const faults: ConfigFault[] = [];
  const tree = readYaml(text, 'x.conf', 'file', faults);
  return { plain: plainOf(tree), faults: faults.map(formatFault).join('\n') };
};
const bomb = `a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n${Array.from({ length: 9 }, (_, at) => `a${at + 1}: &a${at + 1} [${Array(10).fill(`*a${at}`).join(', ')}]`).join('\n')}`;

describe('hostile YAML', () => {
  it.each([
    ['a bomb of aliases', bomb, /more than 20000 values/],
    ['an alias of itself', 'a: &a [*a]', /x\.conf:1:\d+ /],
    ['a key twice', 'b: 1\na: 1\na: 2', /^x\.conf:3:1 the key "a" stands at x\.conf:2:1 already: /],
    [
      'a key twice further down',
      'a:\n  - { 80: 1, c: 3,\n      80: 2 }',
      /^x\.conf:3:7 the key "80" stands at x\.conf:2:7 already/,
    ],
    ['a key twice as number and text', '80: 1\n"80": 2', /^x\.conf:2:1 the key "80" stands at x\.conf:1:1 already/],
    ['a key three times', 'a: 1\na: 2\na: 3', /^x\.conf:2:1 .*1:1 already.*\nx\.conf:3:1 .*1:1 already/],
    ['a tab for a blank', 'a:\n\tb: 1', /^x\.conf:2:1 Tabs are not allowed/],
    ['an unknown tag', 'a: !ruby/object:Foo {}', /^x\.conf:1:1 unknown tag !ruby\/object:Foo: only !replace is/],
    ['a tag of binary', 'a: !!binary aGk=', /x\.conf:1:1 /],
    ['!replace for a scalar', 'a: !replace 1', /^x\.conf:1:1 !replace is for lists and mappings/],
    ['a mapping as a key', '{a: 1}: 2', /^x\.conf:1:1 expected a plain key/],
    ['a value for what is taken out', '"~a": 1', /^x\.conf:1:1 "~a" takes a out of the layers below and has no value/],
    ['an item in a list that takes it out', 'a: [b, ~b]', /^x\.conf:1:8 the list both has b and takes it out/],
    ['a list for a mapping', '- a', /^x\.conf:1:1 expected a mapping of keys to values/],
    ['nesting without end', '['.repeat(sized(10_000, 50_000)), /^x\.conf:1:\d+ nested too deep/],
    ['ten megabytes', `a: ${'x'.repeat(10 << 20)}`, /^x\.conf:1:1 larger than 1 MiB/],
  ])('such as %s is a fault with its place, and gives nothing', (_title, text, fault) => {
    const { plain, faults } = read(text);
    expect(faults).toMatch(fault);
    expect(plain).toEqual({});
  });

  it.each([
    ['line ends of Windows', 'a: 1\r\nb:\r\n  c: 2\r\n'],
    ['a byte order mark', '\uFEFFa: 1\nb: {c: 2}'],
    ['anchors', 'a: &one 1\nb: {c: 2}'],
  ])('%s do no harm', (_title, text) => {
    expect(read(text)).toEqual({ plain: { a: 1, b: { c: 2 } }, faults: '' });
  });

  it('a key of JavaScript is a key like any other', () => {
    const { plain, faults } = read('__proto__: {polluted: 1}\nconstructor: 2');
    expect(faults).toBe('');
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
    expect(Object.keys(plain as object)).toEqual(['__proto__', 'constructor']);
  });
});

describe('a file costs no more than its length', () => {
  const lines = (count: number, line: (at: number) => string) =>
    Array.from({ length: count }, (_, at) => line(at)).join('\n');
  const MANY = sized(3_000, 19_000);
  it.each([
    ['of too many keys', lines(60_000, (at) => `k${at}: 1`), 'more than 20000 values'],
    ['of many keys', lines(MANY, (at) => `k${at}: 1`), ''],
    ['of many keys in braces', `{${lines(MANY, (at) => `k${at}: 1,`)}}`, ''],
    ['of too many items', `a: [${'x,'.repeat(sized(21_000, 40_000))}]`, 'more than 20000 values'],
    ['of commas', `a: [${','.repeat(1_000_000)}]`, 'more than 20000 values'],
    ['of many anchors and aliases', `a:\n${lines(MANY / 3, (at) => ` - &x${at} 1\n - *x${at}`)}`, ''],
    ['of documents', '---\n'.repeat(200_000), 'more than 20000 values'],
    ['of comments', '# x\n'.repeat(250_000), 'more than 20000 values'],
    ['of faults', 'a: @\n'.repeat(MANY), ':1:4'],
    ['of one line', `a: ${'x'.repeat(1_000_000)}`, ''],
    ['of one quote', `a: "${'\\n'.repeat(500_000)}`, 'quote'],
    ['of one number', `a: ${'1'.repeat(1_000_000)}`, ''],
    ['nested by lines', lines(1_000, (at) => `${' '.repeat(at)}a:`), 'nested too deep'],
    ['nested by dashes', `a:\n ${'- '.repeat(5_000)}x`, 'nested too deep'],
    ['nested by braces', '{a: '.repeat(10_000), 'nested too deep'],
    ['nested by question marks', '? '.repeat(100_000), 'x.conf'],
    ['of one line of brackets that nothing opened', 'a: ]'.repeat(MANY), 'flow-seq-end'],
    ['of one line of aliases', 'a: *x'.repeat(2 * MANY), 'Unexpected alias'],
    ['of the same key', 'a: 1\n'.repeat(MANY), 'stands at x.conf:1:1 already'],
  ])('%s', async (_title, text, fault) => {
    let faults = '';
    const took = await cpuMs(() => {
      faults = read(text).faults;
    });
    if (fault === '') expect(faults).toBe('');
    else expect(faults).toContain(fault);
    expect(took).toBeLessThan(sized(1_000, 15_000));
  });

  it('an alias means the last anchor before it, also after an alias that holds one', () => {
    expect(read('a: &x [&y 1]\nb: &y 2\nc: *x\nd: *y')).toEqual({ plain: { a: [1], b: 2, c: [1], d: 2 }, faults: '' });
    expect(read('a: *x\nb: &x 1').faults).toContain('x.conf:1:1 *x is the alias of nothing');
  });

  it('what is taken out twice is a key that stands twice', () => {
    expect(read('~a:\n~a:').faults).toMatch(/^x\.conf:2:1 the key "~a" stands at x\.conf:1:1 already/);
  });
});
