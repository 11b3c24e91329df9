import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { expandHostlist, foldHostlist } from '../../../src/config/hostlist.ts';

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

  it.each(['n[', 'n[]', 'n[a-b]', 'n[3-1]', 'a b', '../a', '-a', 'n[0-999999999]', 'n[1-2]x[', 'n[1-400]x[1-400]'])(
    '%j is refused',
    (text) => {
      expect(() => expandHostlist(text)).toThrow(expect.objectContaining({ code: 'hostlist-invalid' }));
    },
  );

  it.each([
    [['print02', 'print01', 'print03', 'print05'], 'print[01-03,05]'],
    [['n9', 'n10', 'n11'], 'n9,n[10-11]'],
    [['a', 'n1-ib', 'n2-ib'], 'a,n[1-2]-ib'],
    [[], ''],
  ])('is made of %j', (names, text) => {
    expect(foldHostlist(names)).toBe(text);
  });

  it('that is made of names names them again', () => {
    const name = fc
      .tuple(fc.constantFrom('a', 'print', 'n1x'), fc.nat(30), fc.constantFrom('', '-ib'))
      .map(([head, number, tail]) => `${head}${number}${tail}`);
    fc.assert(
      fc.property(fc.uniqueArray(name), (names) => {
        expect([...expandHostlist(foldHostlist(names))].toSorted()).toEqual(names.toSorted());
      }),
    );
  });
});
