import { expect, it } from 'vitest';
import { type MemoryHostOptions, memoryHost } from '../../../../src/host/memory.ts';
import { klippersInTree } from '../../../../src/image/tree/klipper-in-tree.ts';

type Seeds = NonNullable<MemoryHostOptions['files']>;
const COMMIT = '1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d';
const OTHER = '0000000000000000000000000000000000000001';

async function look(tree: Seeds) {
  const host = memoryHost({
    files: Object.fromEntries(Object.entries(tree).map(([path, seed]) => [`/tree${path}`, seed])),
  });
  const found = await klippersInTree(host, '/tree');
  return { found, lines: host.lines.map(({ text }) => text) };
}
const klipper = (folder: string, files: Seeds = {}): Seeds =>
  Object.fromEntries(
    Object.entries({ '/klippy/klippy.py': '', ...files }).map(([path, seed]) => [folder + path, seed]),
  );

it.each<[string, Seeds, string]>([
  ['klippy/.version', { '/klippy/.version': 'v0.12.0-316-g1a2b3c4d\n' }, 'v0.12.0-316-g1a2b3c4d'],
  ['a commit that git has out', { '/.git/HEAD': `${COMMIT}\n` }, COMMIT],
  ['a branch', { '/.git/HEAD': 'ref: refs/heads/master\n', '/.git/refs/heads/master': `${COMMIT}\n` }, COMMIT],
  [
    'a branch that git packed',
    {
      '/.git/HEAD': 'ref: refs/heads/master\n',
      '/.git/packed-refs': `# pack-refs\n${OTHER} refs/heads/master2\n${COMMIT} refs/heads/master\n`,
    },
    COMMIT,
  ],
  ['git before a file that was left from a package', { '/.git/HEAD': COMMIT, '/klippy/.version': 'v0.11.0' }, COMMIT],
])('a Klipper of a tree says its version by %s', async (_, files, version) => {
  expect((await look(klipper('/home/pi/klipper', files))).found).toEqual({ '/home/pi/klipper': version });
});

it('each Klipper is known by its folder, and a link to one is the same', async () => {
  const { found } = await look({
    ...klipper('/opt/kalico', { '/klippy/.version': 'v1' }),
    ...klipper('/home/pi/klipper', { '/klippy/.version': 'v2' }),
    '/home/pi/klipper-too': { target: '/home/pi/klipper' },
  });
  expect(found).toEqual({ '/opt/kalico': 'v1', '/home/pi/klipper': 'v2' });
});

it.each<[string, Seeds]>([
  ['says nothing', {}],
  ['says what no version is', { '/klippy/.version': 'v1\nv2 \u001b[2J\n' }],
  ['has a HEAD that leads elsewhere', { '/.git/HEAD': 'ref: ../../../etc/passwd\n', '/etc/passwd': COMMIT }],
  ['has a link in the place of its version', { '/klippy/.version': { target: '/nowhere' } }],
])('one that %s is told', async (_, files) => {
  const { found, lines } = await look(klipper('/home/pi/klipper', files));
  expect(found).toBeUndefined();
  expect(lines).toEqual([expect.stringMatching(/^\/home\/pi\/klipper does not say which Klipper it is/)]);
});

it('a tree without Klipper has none', async () => {
  expect(await look({ '/home/pi/.profile': '' })).toEqual({ found: undefined, lines: [] });
});
