import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type BundleEntry, entryFaults } from '../../../../src/signed/bundle/entry.ts';
import { cpuMs, sized } from '../../../fixtures/effort.ts';

const file = (path: string, changes: Partial<BundleEntry> = {}) => ({
  ...{ path, mode: 0o644, owner: 'root', group: 'root' },
  ...changes,
});

describe('the path of a file', () => {
  it.each([
    ['of one name a folder', '/a'.repeat(1_990)],
    ['of names as long as may be', `/${'b'.repeat(250)}`.repeat(15)],
  ])('is looked at in a moment, however many there are and however deep, %s', async (_, folder) => {
    const count = sized(2_000, 9_999);
    const entries = Array.from({ length: count }, (_, index) => file(`${folder}/${index}`));
    const took = await cpuMs(() => {
      expect(entryFaults(entries)).toEqual([]);
      expect(entryFaults([...entries, file(folder)])).toHaveLength(count);
    });
    expect(took).toBeLessThan(count);
  });

  it('is below the lowest file that is above it, as each folder of each path says', () => {
    const path = fc.array(fc.constantFrom('a', 'b', 'a!', 'ab', 'a0'), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(
        fc.uniqueArray(
          path.map((names) => `/${names.join('/')}`),
          { maxLength: 20 },
        ),
        (all) => {
          const said = entryFaults(all.map((each) => file(each)));
          const expected = all.flatMap((each) => {
            const folders = all.filter((other) => each.startsWith(`${other}/`));
            const lowest = folders.toSorted((a, b) => b.length - a.length)[0];
            return lowest === undefined ? [] : [`"${each}" is below "${lowest}", which is a file`];
          });
          expect(said).toEqual(expected);
        },
      ),
    );
  });

  it.each([
    ['mode', 0, undefined],
    ['mode', 0o7777, undefined],
    ['mode', 0o10000, 'has mode 4096'],
    ['mode', -1, 'has mode -1'],
    ['mode', 420.5, 'has mode 420.5'],
    ['owner', 'a'.repeat(32), undefined],
    ['owner', `${'a'.repeat(32)}$`, undefined],
    ['owner', 'a'.repeat(33), `cannot belong to "${'a'.repeat(33)}"`],
    ['owner', '-root', 'cannot belong to "-root"'],
    ['owner', '', 'cannot belong to ""'],
    ['group', '4294967295', undefined],
    ['group', '12345678901', 'cannot belong to "12345678901"'],
    ['group', '0x', 'cannot belong to "0x"'],
    ['group', 'adm:x', 'cannot belong to "adm:x"'],
    ['group', 'adm\n', 'cannot belong to "adm\\n"'],
  ])('goes with a %s of %j: fault %j', (what, value, fault) => {
    const faults = entryFaults([file('/etc/a', { [what]: value })]);
    expect(faults).toEqual(fault === undefined ? [] : [`"/etc/a" ${fault}`]);
  });

  it('cannot be there twice, nor below a file', () => {
    const faults = entryFaults([
      file('/etc/a'),
      file('/etc/a/b/c'),
      file('/etc/a'),
      file('/etc/ab'),
      file('/etc/m', { mode: 0o10000 }),
      file('/etc/o', { owner: 'a b' }),
      file('/etc/g', { group: '../x' }),
    ]);
    expect(faults).toEqual([
      '"/etc/a" is there twice',
      '"/etc/m" has mode 4096',
      '"/etc/o" cannot belong to "a b"',
      '"/etc/g" cannot belong to "../x"',
      '"/etc/a/b/c" is below "/etc/a", which is a file',
    ]);
  });
});
