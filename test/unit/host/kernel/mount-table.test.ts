import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseMountInfo } from '../../../../src/host/kernel/mount-table.ts';
import { escapeOctal, unescapeOctal } from '../../../../src/host/kernel/octal-escapes.ts';
import { anyLetters } from '../../../fixtures/any-letters.ts';

const OVERLAY =
  '103 24 0:57 / /var rw,relatime shared:50 master:1 - overlay overlay rw,lowerdir=/run/a\\054b:/c,upperdir=/u,workdir=/w';

test('reads an overlay with its tags and the options of the file system', () => {
  expect(parseMountInfo(`${OVERLAY}\n`)).toEqual([
    {
      mountPoint: '/var',
      root: '/',
      fsType: 'overlay',
      source: 'overlay',
      options: ['rw', 'relatime'],
      superOptions: ['rw', 'lowerdir=/run/a,b:/c', 'upperdir=/u', 'workdir=/w'],
    },
  ]);
});

test('takes spaces, tabs, newlines and backslashes back out of their octal form', () => {
  const [mount] = parseMountInfo('40 1 8:1 /sub\\040dir /mnt/a\\011b\\012c\\134d rw - ext4 /dev/disk\\0401 rw');
  expect(mount).toMatchObject({ mountPoint: '/mnt/a\tb\nc\\d', root: '/sub dir', source: '/dev/disk 1' });
});

test('writes them so, too: what is looked for in such a table is found', () => {
  expect(escapeOctal('/mnt/a\tb\nc\\d e.f')).toBe('/mnt/a\\011b\\012c\\134d\\040e.f');
  fc.assert(
    fc.property(anyLetters(), (path) => {
      expect(unescapeOctal(escapeOctal(path))).toBe(path);
      expect(escapeOctal(path)).not.toMatch(/[ \t\n]/);
    }),
  );
});

test('does not take the digits after an escaped backslash for another escape', () => {
  expect(parseMountInfo('40 1 8:1 / /a\\134040 rw - ext4 /dev/sda rw')[0]?.mountPoint).toBe('/a\\040');
});

test('reads mounts without tags, without a source, and with a dash as their source', () => {
  const mounts = parseMountInfo(
    [
      '21 1 0:5 / /proc rw - proc  rw',
      '22 1 0:6 / /x rw - tmpfs - rw',
      '23 1 0:7 / /y rw shared:1 - tmpfs t rw,size=4k',
    ].join('\n'),
  );
  expect(mounts.map(({ source, fsType }) => [fsType, source])).toEqual([
    ['proc', ''],
    ['tmpfs', '-'],
    ['tmpfs', 't'],
  ]);
});

test('keeps the order, so that the last of several on one mount point is the one that shows', () => {
  const lines = ['21 1 0:5 / /mnt rw - tmpfs below rw', '22 21 0:6 / /mnt rw - tmpfs above rw'];
  expect(parseMountInfo(lines.join('\n')).at(-1)?.source).toBe('above');
});

test('says which line is not one of mountinfo', () => {
  expect(() => parseMountInfo('tmpfs /tmp tmpfs rw 0 0')).toThrow(
    expect.objectContaining({ code: 'mountinfo-invalid', message: expect.stringContaining('tmpfs /tmp tmpfs rw 0 0') }),
  );
});
