import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { compareInTree, isWithin, type TreeEntry } from '../../../../src/host/system-tree/tree-entry.ts';
import { parseFileList } from '../../../../src/signed/file-list/read-list.ts';
import { writeFileList } from '../../../../src/signed/file-list/write-list.ts';
import { compareTree, type Difference } from '../../../../src/slots/tree/compare-tree.ts';
import { shown } from '../../../../src/slots/tree/repair-tree.ts';
import { partOf } from '../../../../src/slots/tree/scrub-tree.ts';
import { listEntries } from '../../../fixtures/slots/tree-entries.ts';

async function* streamed(entries: readonly TreeEntry[]): AsyncGenerator<TreeEntry> {
  yield* entries;
}
const compared = async (list: readonly TreeEntry[], tree: readonly TreeEntry[], of: 'all' | 'some names' = 'all') =>
  (await compareTree(list, streamed(tree), { of })).deviations.map(({ path, what }) => [path, ...what]);

const FILE: TreeEntry = { path: '/a', type: 'file', mode: 0o644, uid: 0, gid: 0, sizeBytes: 1, sha256: 'a'.repeat(64) };
const LINK: TreeEntry = { path: '/l', type: 'symlink', mode: 0o777, uid: 0, gid: 0, target: 'a' };
const NODE: TreeEntry = { path: '/n', type: 'char', mode: 0o600, uid: 0, gid: 0, rdev: { major: 1, minor: 3 } };
const DIR: TreeEntry = { path: '/d', type: 'dir', mode: 0o755, uid: 0, gid: 0 };

const ROWS: readonly (readonly [string, TreeEntry, TreeEntry, readonly Difference[]])[] = [
  ['nothing', FILE, FILE, []],
  ['other bytes of the same size', FILE, { ...FILE, sha256: 'b'.repeat(64) }, ['content']],
  ['another size', FILE, { ...FILE, sizeBytes: 2 }, ['content']],
  ['a setuid bit', FILE, { ...FILE, mode: 0o4644 }, ['mode']],
  ['a user', FILE, { ...FILE, uid: 1 }, ['owner']],
  ['a group', FILE, { ...FILE, gid: 1 }, ['owner']],
  ['an xattr more', FILE, { ...FILE, xattrs: [['user.a', '']] }, ['xattrs']],
  ['an xattr less', { ...FILE, xattrs: [['user.a', '']] }, FILE, ['xattrs']],
  ['the value of an xattr', { ...FILE, xattrs: [['user.a', '1']] }, { ...FILE, xattrs: [['user.a', '2']] }, ['xattrs']],
  ['a property of btrfs', FILE, { ...FILE, xattrs: [['btrfs.compression', 'zstd']] }, []],
  ['the target of a link', LINK, { ...LINK, target: 'b' }, ['link']],
  ['the number of a device', NODE, { ...NODE, rdev: { major: 1, minor: 5 } }, ['device']],
  ['the kind of a device', NODE, { ...NODE, type: 'block' }, ['type']],
  ['a folder that became a link', DIR, { ...LINK, path: '/d' }, ['type']],
  ['a name that should be the same file as another', { ...FILE, hardLink: '/0' }, FILE, ['link']],
  [
    'all at once',
    FILE,
    { ...FILE, sha256: 'b'.repeat(64), mode: 0, uid: 9, xattrs: [['user.a', '']] },
    ['content', 'mode', 'owner', 'xattrs'],
  ],
];

it.each(ROWS)('%s is told for what it is', async (_title, should, is, what) => {
  expect(await compared([should], [is])).toEqual(what.length === 0 ? [] : [[should.path, ...what]]);
});

it('of a folder that is missing, or should not be there, its name alone is told', async () => {
  const below = [
    DIR,
    { ...FILE, path: '/d/a' },
    { ...DIR, path: '/d/b' },
    { ...FILE, path: '/d/b/c' },
    { ...FILE, path: '/d-' },
  ];
  expect(await compared(below, [])).toEqual([
    ['/d', 'missing'],
    ['/d-', 'missing'],
  ]);
  expect(await compared([], below)).toEqual([
    ['/d', 'extra'],
    ['/d-', 'extra'],
  ]);
  expect((await compareTree([], streamed(below), { of: 'all' })).givesBackBytes).toBe(3);
  expect(await compared([{ ...FILE, path: '/d' }], below)).toEqual([
    ['/d', 'type'],
    ['/d-', 'extra'],
  ]);
});

it('two names of a file are one where they should be, and of chosen names the first is the file', async () => {
  const [a, b, c]: readonly TreeEntry[] = [
    FILE,
    { ...FILE, path: '/b', hardLink: '/a' },
    { ...FILE, path: '/c', hardLink: '/a' },
  ];
  const { sizeBytes: _s, sha256: _d, ...bare } = FILE;
  const linked = (path: string, hardLink: string): TreeEntry => ({ ...bare, path, hardLink });
  if (!a || !b || !c) throw new Error('three');
  expect(await compared([a, b, c], [a, linked('/b', '/a'), linked('/c', '/a')])).toEqual([]);
  expect(await compared([a, b], [a, { ...a, path: '/b' }])).toEqual([['/b', 'link']]);
  expect(await compared([a, { ...a, path: '/b' }], [a, linked('/b', '/a')])).toEqual([['/b', 'content', 'link']]);
  expect(await compared([b, c], [{ ...a, path: '/b' }, linked('/c', '/b')], 'some names')).toEqual([]);
  expect(
    await compared(
      [b, c],
      [
        { ...a, path: '/b' },
        { ...a, path: '/c' },
      ],
      'some names',
    ),
  ).toEqual([['/c', 'link']]);
});

it('what is told is what a comparison name by name would tell', async () => {
  await fc.assert(
    fc.asyncProperty(listEntries, fc.array(fc.nat()), async (entries, gone) => {
      const left = entries.filter((_, at) => !gone.includes(at));
      const top = (paths: readonly string[]) =>
        paths.filter(
          (path) =>
            !paths.some(
              (other) =>
                other !== path && isWithin(other, path) && entries.find((one) => one.path === other)?.type === 'dir',
            ),
        );
      const missing = entries.filter((entry) => !left.includes(entry)).map(({ path }) => path);
      const told = await compared(entries, left);
      expect(told.map(([path]) => path)).toEqual(expect.arrayContaining([...top(missing)]));
      expect(told.every(([path, what]) => missing.includes(path ?? '') && what === 'missing')).toBe(true);
      expect(await compared(entries, entries)).toEqual([]);
    }),
  );
});

it('the parts of a list are all of it, each name in one of them, whatever turn it is', () => {
  fc.assert(
    fc.property(listEntries, fc.integer({ min: 1, max: 40 }), fc.integer(), (entries, parts, turn) => {
      const list = parseFileList(writeFileList(entries));
      const all = Array.from({ length: parts }, (_, at) => partOf(list, parts, turn + at));
      const names = all.flatMap(({ from, to }) => [...list.entries(from, to)].map(({ path }) => path));
      expect(names.toSorted(compareInTree)).toEqual(entries.map(({ path }) => path));
    }),
  );
});

it('a large file is a part by itself, and small ones share one', () => {
  const sizes = [1, 1, 1_000_000, 1, 1, 1];
  const entries = sizes.map((sizeBytes, at) => ({ ...FILE, path: `/${at}`, sizeBytes }));
  const list = parseFileList(writeFileList(entries));
  expect([0, 1].map((turn) => partOf(list, 2, turn))).toEqual([
    { from: 0, to: 3 },
    { from: 3, to: 6 },
  ]);
});

it('names of a stranger are shown so that no terminal obeys them, and not all of thousands', () => {
  const deviations = Array.from({ length: 9 }, (_, at) => ({ path: `/\x1b[2J\xff${at}`, what: ['extra'] as const }));
  expect(shown(deviations)).toMatch(/^\/\\x1b\[2J\\xff0 \(extra\), .* and 4 more$/);
});
