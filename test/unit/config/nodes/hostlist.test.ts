import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { expandHostlist, foldHostlist } from '../../../../src/config/nodes/hostlist.ts';
import { cpuMs, sized } from '../../../fixtures/effort.ts';

describe('a hostlist', () => {
  it.each([
    ['print01', ['print01']],
    ['print[01-03]', ['print01', 'print02', 'print03']],
    ['n[8-11]', ['n8', 'n9', 'n10', 'n11']],
    ['n[1,3-4]-ib', ['n1-ib', 'n3-ib', 'n4-ib']],
    ['a[1-2]b[1-2]', ['a1b1', 'a1b2', 'a2b1', 'a2b2']],
    ['a, b[1-2],c', ['a', 'b1', 'b2', 'c']],
    ['a,a', ['a']],
  ])('%s names %j', (text, names) => {
    expect(expandHostlist(text)).toEqual(names);
  });

  it.each([
    'n[',
    'n[]',
    'n[a-b]',
    'n[3-1]',
    'a b',
    '../a',
    '-a',
    'n[0-999999999]',
    'n[1-2]x[',
    'n[1-400]x[1-400]',
    'a[1] b[2]',
    'p[0000000001-9]',
    'p[[1-2]]',
    'n[1-2',
    'n]',
    'n[20001]n[1-20001]',
  ])('%j is refused', (text) => {
    expect(() => expandHostlist(text)).toThrow(expect.objectContaining({ code: 'hostlist-invalid' }));
  });

  it.each([
    [['print02', 'print01', 'print03', 'print05'], 'print[01-03,05]'],
    [['n9', 'n10', 'n11'], 'n[9-11]'],
    [['n12', 'n8', 'n9', 'n10', 'n11'], 'n[8-12]'],
    [['n08', 'n09', 'n10', 'n8', 'n9'], 'n[08-10],n[8-9]'],
    [['n99', 'n100', 'n101', 'n7'], 'n[7,99-101]'],
    [['rack10', 'rack2-b', 'rack1', 'rack2'], 'rack[1-2,10],rack2-b'],
    [['p1234567890123'], 'p1234567890123'],
    [['a', 'n1-ib', 'n2-ib'], 'a,n[1-2]-ib'],
    [[], ''],
  ])('is made of %j', (names, text) => {
    expect(foldHostlist(names)).toBe(text);
  });

  it.each([
    ['many ranges', `p[${Array(1200).fill('1-99999').join(',')}]`],
    ['many names', Array(100_000).fill('a').join(',')],
    ['many numbers', 'print[1-99999]'],
    ['many brackets', `a${'[1-2]'.repeat(100_000)}`],
    ['many groups', Array(60_000).fill('n[1-2]').join(',')],
    ['a name without end', `n${'x'.repeat(1 << 20)}[1-20000]`],
    ['commas alone', ','.repeat(1 << 20)],
    ['brackets that open', '['.repeat(1 << 20)],
    ['digits without end', `n[${'0'.repeat(1 << 20)}]`],
  ])('of %s is read or refused at once', (_title, text) => {
    const started = performance.now();
    try {
      expect(expandHostlist(text).length).toBeLessThanOrEqual(20_000);
    } catch (error) {
      expect(error).toMatchObject({ code: 'hostlist-invalid' });
      expect((error as Error).message.length).toBeLessThan(400);
    }
    expect(performance.now() - started).toBeLessThan(10_000);
  });

  it('of as many names as a file may have is folded at once, whatever they are', async () => {
    const took = await cpuMs(() => {
      expect(foldHostlist(expandHostlist('n[1-20000]'))).toBe('n[1-20000]');
      foldHostlist(Array.from({ length: sized(5_000, 20_000) }, (_, at) => `x${at}y${'9'.repeat(200)}z`));
      foldHostlist([`${'9'.repeat(100_000)}x`.repeat(5)]);
    });
    expect(took).toBeLessThan(sized(3_000, 10_000));
  });

  it('that is made of names names them again', () => {
    const name = fc
      .tuple(fc.constantFrom('a', 'print', 'n1x'), fc.nat(120), fc.nat(3), fc.constantFrom('', '-ib'))
      .map(([head, number, width, tail]) => `${head}${String(number).padStart(width, '0')}${tail}`);
    fc.assert(
      fc.property(fc.uniqueArray(name), (names) => {
        expect([...expandHostlist(foldHostlist(names))].toSorted()).toEqual(names.toSorted());
      }),
    );
  });
});
