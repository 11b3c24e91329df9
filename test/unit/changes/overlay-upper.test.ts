import { describe, expect, test } from 'vitest';
import { type Place, scanPlaces } from '../../../src/changes/changes.ts';
import { parseMarks } from '../../../src/changes/overlay-upper.ts';
import { dir, type Entry, fakeTree, file, whiteout } from '../agent/fake-tree.ts';

const UPPER = '/run/statectl/upper/var';
const LOWER = '/run/statectl/image/var';
const VAR: Place = { mountPoint: '/var', kind: 'overlay', persistent: false, upper: UPPER, lower: LOWER };

const IMAGE: Readonly<Record<string, Entry>> = {
  [`${LOWER}/lib/a`]: file('a'),
  [`${LOWER}/lib/d/one`]: file('1'),
  [`${LOWER}/lib/d/two`]: file('22'),
  [`${LOWER}/lib/d/sub/three`]: file('333'),
};

const marked = (path: string, name: string, value: string) => `# file: ${path}\ntrusted.overlay.${name}="${value}"\n\n`;

async function scan(
  upper: Readonly<Record<string, Entry>>,
  getfattr?: string,
  mounted?: Readonly<Record<string, Entry>>,
) {
  const inUpper = Object.fromEntries(Object.entries(upper).map(([path, entry]) => [`${UPPER}/${path}`, entry]));
  const programs: Parameters<typeof fakeTree>[1] = getfattr === undefined ? {} : { getfattr: { stdout: getfattr } };
  const { host } = fakeTree({ [UPPER]: dir(), ...IMAGE, ...inUpper, ...mounted }, programs);
  const [report] = await scanPlaces(host, [VAR], { mountPoints: mounted ? ['/', '/var'] : [] });
  return { ...report!, lines: report!.changes.map(({ path, change, what }) => `${change} ${what} ${path}`) };
}

test('what an empty upper lacks shows through from the image', async () => {
  expect(await scan({}, '')).toMatchObject({ lines: [], limits: [] });
});

test('a directory copied up for its children is no change, unless its mode or owner differ', async () => {
  const upper = { 'lib/new': file('x'), 'lib/d': dir({ mode: 0o700 }), 'lib/d/one': file('changed') };
  expect((await scan(upper, '')).lines).toEqual([
    'changed dir /var/lib/d',
    'changed file /var/lib/d/one',
    'added file /var/lib/new',
  ]);
});

test('a file that was copied up and is the same again is no change', async () => {
  expect((await scan({ 'lib/a': file('a', { mtimeMs: 5 }) }, '')).lines).toEqual([]);
});

test('a whiteout deletes what the image has, with all below it, and else stands for nothing', async () => {
  const { lines, totals } = await scan({ 'lib/d': whiteout, 'lib/other': whiteout }, '');
  expect(lines).toEqual([
    'deleted dir /var/lib/d',
    'deleted file /var/lib/d/one',
    'deleted dir /var/lib/d/sub',
    'deleted file /var/lib/d/sub/three',
    'deleted file /var/lib/d/two',
  ]);
  expect(totals).toEqual({ added: 0, changed: 0, deleted: 5, bytes: 0 });
});

const REMADE = { 'lib/d': dir(), 'lib/d/one': file('1'), 'lib/d/sub': dir() };
const REMADE_LINES = ['deleted file /var/lib/d/sub/three', 'deleted file /var/lib/d/two'];

describe('not mounted, with getfattr', () => {
  test('an opaque directory hides all of the image below it', async () => {
    expect((await scan(REMADE, marked(`${UPPER}/lib/d`, 'opaque', 'y'))).lines).toEqual(REMADE_LINES);
  });

  test('a directory that only holds xattr whiteouts ("x") is not opaque', async () => {
    const marks = marked(`${UPPER}/lib/d`, 'opaque', 'x') + marked(`${UPPER}/lib/d/two`, 'whiteout', 'y');
    expect((await scan({ 'lib/d': dir(), 'lib/d/two': file('') }, marks)).lines).toEqual([
      'deleted file /var/lib/d/two',
    ]);
  });

  test.each(['redirect', 'metacopy'])('refuses an upper with trusted.overlay.%s', async (name) => {
    await expect(scan(REMADE, marked(`${UPPER}/lib/d`, name, '/lib/e'))).rejects.toMatchObject({
      code: 'overlay-not-plain',
      message: expect.stringContaining(`${UPPER}/lib/d is marked trusted.overlay.${name}`),
    });
  });
});

describe('mounted, without getfattr', () => {
  const shown = (...paths: string[]) => Object.fromEntries(paths.map((path) => [`/var/lib/${path}`, file('')]));

  test('the mounted overlay says what an opaque directory hides', async () => {
    const { lines, limits } = await scan(REMADE, undefined, { ...shown('a', 'd/one'), '/var/lib/d/sub': dir() });
    expect(lines).toEqual(REMADE_LINES);
    expect(limits).toEqual(['xattrs: unread (cannot start "getfattr")']);
  });

  test('an empty file that the mounted overlay does not show is a whiteout', async () => {
    const upper = { 'lib/a': file(''), 'lib/empty': file('') };
    const { lines } = await scan(upper, undefined, shown('empty', 'd/one', 'd/two', 'd/sub/three'));
    expect(lines).toEqual(['deleted file /var/lib/a', 'added file /var/lib/empty']);
  });
});

test('says what it cannot see when it is neither mounted nor has getfattr', async () => {
  const { lines, limits } = await scan({ ...REMADE, 'lib/a': whiteout }, undefined);
  expect(lines).toEqual(['deleted file /var/lib/a']);
  expect(limits).toEqual([
    'xattrs: unread (cannot start "getfattr")',
    'xattrs: unread and not mounted, so what opaque directories hide is not listed',
  ]);
});

test('reads the paths of getfattr with odd characters', () => {
  const marks = parseMarks(marked('/u/a\\012b\\134c', 'opaque', 'y') + marked('/u/x', 'origin', '\\000x'));
  expect([...marks.keys()]).toEqual(['/u/a\nb\\c', '/u/x']);
  expect(marks.get('/u/a\nb\\c')?.get('opaque')).toBe('y');
});
