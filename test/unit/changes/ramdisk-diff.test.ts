import { expect, test } from 'vitest';
import { type Place, type ScanOptions, scanPlaces } from '../../../src/changes/changes.ts';
import { dir, type Entry, fakeTree, file, symlink, unreadable } from '../agent/fake-tree.ts';

const IMAGE = '/run/statectl/image/etc';
const ETC: Place = { mountPoint: '/etc', kind: 'ramdisk', persistent: false, image: IMAGE };

const side = (root: string, tree: Readonly<Record<string, Entry>>) =>
  Object.fromEntries([
    [root, dir()],
    ...Object.entries(tree).map(([path, entry]) => [`${root}/${path}`, entry] as const),
  ]);

async function scan(
  image: Readonly<Record<string, Entry>>,
  live: Readonly<Record<string, Entry>>,
  options: ScanOptions = {},
) {
  const { host, reads } = fakeTree({ ...side(IMAGE, image), ...side('/etc', live) });
  const [report] = await scanPlaces(host, [ETC], options);
  const lines = report!.changes.map(({ path, change, what, sizeBytes }) => `${change} ${what} ${path} ${sizeBytes}`);
  return { ...report!, lines, reads };
}

test('a copy of the image has no changes', async () => {
  const tree = { hosts: file('a'), 'apt/list': file('b'), mtab: symlink('/proc/mounts') };
  expect(await scan(tree, tree)).toMatchObject({ lines: [], limits: [], totals: { added: 0, bytes: 0 } });
});

test('finds what was added, changed and deleted, with sizes', async () => {
  const { lines, totals } = await scan(
    { hosts: file('old'), motd: file('hello'), 'apt/list': file('x') },
    { hosts: file('longer'), 'new/one': file('12'), new: dir() },
  );
  expect(lines).toEqual([
    'deleted dir /etc/apt 0',
    'deleted file /etc/apt/list 1',
    'changed file /etc/hosts 6',
    'deleted file /etc/motd 5',
    'added dir /etc/new 0',
    'added file /etc/new/one 2',
  ]);
  expect(totals).toEqual({ added: 2, changed: 1, deleted: 3, bytes: 8 });
});

test('a modification time alone is no change', async () => {
  expect((await scan({ hosts: file('same') }, { hosts: file('same', { mtimeMs: 9 }) })).lines).toEqual([]);
});

test('sees another content of the same size, even with the same modification time', async () => {
  expect((await scan({ hosts: file('abc') }, { hosts: file('abd') })).lines).toEqual(['changed file /etc/hosts 3']);
});

test('does not read a big file whose size and modification time are the same', async () => {
  const big = file('', { sizeBytes: 5_000_000, mtimeMs: 7 });
  const { reads } = await scan({ big, later: big }, { big, later: { ...big, mtimeMs: 8 } });
  expect(reads).toEqual(['/etc/later', `${IMAGE}/later`]);
});

test('mode and owner are changes of files and directories, not the mode of a symlink', async () => {
  const { lines } = await scan(
    { a: file('x'), b: file('x'), d: dir(), l: symlink('t') },
    {
      a: file('x', { mode: 0o600 }),
      b: file('x', { gid: 4 }),
      d: dir({ uid: 1 }),
      l: { ...symlink('t'), mode: 0o755 },
    },
  );
  expect(lines).toEqual(['changed file /etc/a 1', 'changed file /etc/b 1', 'changed dir /etc/d 0']);
});

test('a chmod of the place itself is a change', async () => {
  const { host } = fakeTree({ [IMAGE]: dir(), '/etc': dir({ mode: 0o700 }) });
  expect((await scanPlaces(host, [ETC]))[0]?.changes).toEqual([
    { path: '/etc', change: 'changed', what: 'dir', sizeBytes: 0 },
  ]);
});

test('compares the targets of symlinks and the numbers of devices', async () => {
  const device = (minor: number): Entry => ({ type: 'char', rdev: { major: 1, minor } });
  const { lines } = await scan(
    { l: symlink('one'), same: symlink('x'), null: device(3), zero: device(5) },
    { l: symlink('two!'), same: symlink('x'), null: device(3), zero: device(6), pipe: { type: 'fifo' } },
  );
  expect(lines).toEqual(['changed symlink /etc/l 4', 'added special /etc/pipe 0', 'changed special /etc/zero 0']);
});

test('a directory in the place of a file, and a file in the place of a directory', async () => {
  const { lines } = await scan(
    { f: file('x'), d: dir(), 'd/in': file('xy') },
    { f: dir(), 'f/in': file('z'), d: file('now') },
  );
  expect(lines).toEqual([
    'changed file /etc/d 3',
    'deleted file /etc/d/in 2',
    'changed dir /etc/f 0',
    'added file /etc/f/in 1',
  ]);
});

test('never looks through a symlink of the image', async () => {
  const { lines } = await scan({ d: symlink('/etc/real') }, { d: dir(), 'd/in': file('z') });
  expect(lines).toEqual(['changed dir /etc/d 0', 'added file /etc/d/in 1']);
});

test('leaves out what is excluded and other file systems, with all below them', async () => {
  const options = {
    excludes: ['/etc/.git'],
    excludedPatterns: ['/etc/*.cache', '/etc/ssl/**/tmp?'],
    mountPoints: ['/', '/etc', '/etc/mnt'],
  };
  const { lines } = await scan(
    { 'gone.cache': file('x'), 'mnt/lower': file('x') },
    {
      '.git/a': file('a'),
      'ld.so.cache': file('b'),
      'mnt/x': file('c'),
      'ssl/a/b/tmp1/x': file('d'),
      '.gitignore': file('e'),
    },
    options,
  );
  expect(lines).toEqual([
    'added file /etc/.gitignore 1',
    'added dir /etc/ssl 0',
    'added dir /etc/ssl/a 0',
    'added dir /etc/ssl/a/b 0',
  ]);
});

test('reports what is unreadable, and does not take it for deleted or added', async () => {
  const { lines, limits } = await scan({ a: file('x'), b: unreadable }, { a: unreadable, b: file('x'), c: file('y') });
  expect(lines).toEqual(['added file /etc/c 1']);
  expect(limits).toEqual([`unreadable: /etc/a: EIO: /etc/a`, `unreadable: /etc/b: EIO: ${IMAGE}/b`]);
});

test('passes over a file that vanishes while it is read', async () => {
  const { host } = fakeTree({ ...side(IMAGE, { a: file('x') }), ...side('/etc', { a: file('y'), b: file('z') }) });
  const stat = host.files.stat;
  const vanishing = async (path: string) => (path === '/etc/b' ? undefined : stat(path));
  const readStream = (path: string): AsyncIterable<Uint8Array> => {
    throw Object.assign(new Error('gone'), { code: path === '/etc/a' ? 'ENOENT' : 'EIO' });
  };
  const [report] = await scanPlaces({ ...host, files: { ...host.files, stat: vanishing, readStream } }, [ETC]);
  expect(report).toMatchObject({ changes: [], limits: [] });
});

test('says so when the image has no such directory', async () => {
  const { host } = fakeTree({ '/etc/a': file('x') });
  const [report] = await scanPlaces(host, [ETC]);
  expect(report?.changes).toHaveLength(1);
  expect(report?.limits).toEqual([`image: ${IMAGE} is not a directory, so everything in /etc counts as added`]);
});

test('says which names are not UTF-8', async () => {
  const { host } = fakeTree({ [IMAGE]: dir(), '/etc/b\ufffd': file('x') });
  const files = {
    ...host.files,
    stat: async (path: string) => (path.includes('\ufffd') ? undefined : host.files.stat(path)),
  };
  const [report] = await scanPlaces({ ...host, files }, [ETC]);
  expect(report?.limits).toEqual(['unreadable: /etc/b\ufffd: its name is not UTF-8']);
});

test('a path that is left out is no pattern, whatever is in it', async () => {
  const many = `${'*a'.repeat(40)}!`;
  const { lines } = await scan(
    {},
    {
      [many]: file('x'),
      ['a'.repeat(80)]: file('x'),
      'b[1]': file('x'),
      b1: file('x'),
      'c*/in': file('x'),
      cc: file('x'),
    },
    { excludes: [`/etc/${many}`, '/etc/b[1]', '/etc/c*/'] },
  );
  expect(lines).toEqual([`added file /etc/${'a'.repeat(80)} 1`, 'added file /etc/b1 1', 'added file /etc/cc 1']);
});
