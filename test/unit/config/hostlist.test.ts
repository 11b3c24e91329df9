import { describe, expect, it } from 'vitest';
import { expandHostlist } from '../../../src/config/hostlist.ts';

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
});
