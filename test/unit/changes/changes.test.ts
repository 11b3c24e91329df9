import { expect, test } from 'vitest';
import { type Place, scanPlaces } from '../../../src/changes/changes.ts';
import { dir, fakeTree, file, symlink, unreadable } from '../agent/fake-tree.ts';

const ETC: Place = { mountPoint: '/etc', kind: 'ramdisk', persistent: false, image: '/image/etc' };
const TMP: Place = { mountPoint: '/tmp', kind: 'tmpfs', persistent: false };

test('of a plain tmpfs counts files and bytes, not other file systems in it', async () => {
  const { host } = fakeTree({
    '/tmp/a': file('123'),
    '/tmp/.d/b': file('45'),
    '/tmp/link': symlink('a'),
    '/tmp/mnt/c': file('678'),
    '/tmp/x.sock': { type: 'socket' },
    '/tmp/bad': unreadable,
  });
  const [report] = await scanPlaces(host, [TMP], { mountPoints: ['/tmp', '/tmp/mnt'] });
  expect(report).toEqual({
    place: TMP,
    changes: [],
    totals: { added: 2, changed: 0, deleted: 0, bytes: 5 },
    limits: ['unreadable: /tmp/bad: EIO: /tmp/bad'],
  });
});

test('the bytes of a file with several links are counted once, in every kind of place', async () => {
  const tree = {
    '/image/etc': dir(),
    '/etc/a': file('1234', { hardLink: 7 }),
    '/etc/b': file('1234', { hardLink: 7 }),
    '/tmp/a': file('12', { hardLink: 9 }),
    '/tmp/b': file('12', { hardLink: 9 }),
  };
  const { host } = fakeTree(tree);
  const [etc, tmp] = await scanPlaces(host, [ETC, TMP]);
  expect(etc).toMatchObject({ totals: { added: 2, bytes: 4 }, limits: [] });
  expect(etc?.changes[1]).toEqual({
    path: '/etc/b',
    change: 'added',
    what: 'file',
    sizeBytes: 0,
    sameFileAs: '/etc/a',
  });
  expect(tmp?.totals).toMatchObject({ added: 1, bytes: 2 });
});

test('asks no program for links: the find of busybox could not tell', async () => {
  const { host } = fakeTree({ '/tmp/a': file('1'), '/etc/a': file('1'), '/image/etc': dir() }, {});
  expect((await scanPlaces(host, [TMP, ETC])).map(({ limits }) => limits)).toEqual([[], []]);
});

test('refuses a place whose directories are unknown', async () => {
  const { host } = fakeTree({});
  await expect(scanPlaces(host, [{ ...ETC, kind: 'overlay', upper: '/u' }])).rejects.toMatchObject({
    code: 'place-incomplete',
    hint: 'an overlay needs "upper" and "lower"',
  });
});

test('stops when it is told to', async () => {
  const { host } = fakeTree({ '/tmp/a': file('1') });
  await expect(scanPlaces(host, [TMP], { signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow('enough');
});
