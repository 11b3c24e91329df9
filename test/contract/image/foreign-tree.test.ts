import { execFileSync } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { linuxHost } from '../../../src/host/linux/host.ts';
import { memoryHost } from '../../../src/host/memory.ts';
import { findInTree } from '../../../src/image/tree/in-tree.ts';
import { enableNetworkd } from '../../../src/image/tree/network-service.ts';
import { scrubTree } from '../../../src/image/tree/scrub.ts';
import { folderInTree, linkInTree, readInTree, writeInTree } from '../../../src/image/tree/tree-content.ts';

const host = { ...linuxHost(), console: memoryHost().console };
const { files } = host;

let dir: string;
let tree: string;
let mine: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'statectl-foreign-'));
  tree = join(dir, 'tree');
  mine = join(dir, 'mine');
  for (const path of [
    'usr/lib/systemd/system/systemd-networkd.service',
    'usr/lib/systemd/system/systemd-resolved.service',
  ])
    put(tree, path);
  // What the machine that builds has of its own, under the names that writers know.
  for (const path of ['machine-id', 'fstab', 'resolv.conf', 'hostname', 'dpkg.log', 'system/dbus.service'])
    put(mine, path, 'precious');
  mkdirSync(join(mine, 'system/multi-user.target.wants'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

function put(root: string, path: string, content = ''): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), content);
}

/** Everything about the folder that a link of the tree leads to. */
const ofMine = (folder = mine): string[] =>
  readdirSync(folder).flatMap((name) => {
    const { mode, size, mtimeMs, ino } = lstatSync(join(folder, name));
    const below = lstatSync(join(folder, name)).isDirectory() ? ofMine(join(folder, name)) : [];
    return [`${join(folder, name)} ${mode} ${size} ${mtimeMs} ${ino}`, ...below];
  });

/** What the owner of a tree may write into a link so that it leads to `mine`. */
const WAYS_OUT: readonly (readonly [name: string, target: () => string])[] = [
  ['an absolute link, which dangles in the tree', () => mine],
  ['a link through /proc/self/root', () => `/proc/self/root${mine}`],
  ['a link through /proc/1/root', () => `/proc/1/root${mine}`],
  ['a link through /proc/self/cwd', () => `/proc/self/cwd/${'../'.repeat(30)}${mine.slice(1)}`],
  ['a chain of ..', () => `${'../'.repeat(40)}${mine.slice(1)}`],
  ['an absolute link with ..', () => `/usr/../../../..${mine}`],
  ['a link to the parent of the tree', () => '../mine'],
  ['a link to itself', () => '.'],
  ['a loop', () => '/loop'],
];

const WRITERS: readonly (readonly [name: string, write: () => Promise<unknown>])[] = [
  ['scrubTree', () => scrubTree(host, tree)],
  ['enableNetworkd', () => enableNetworkd(host, tree)],
  ['writeInTree', () => writeInTree(files, tree, 'etc/systemd/system/machine-id', 'x', 0o644)],
  ['linkInTree', () => linkInTree(files, tree, 'etc/systemd/system/fstab', 'x')],
  ['folderInTree', () => folderInTree(files, tree, 'var/lib/dbus/made/deep', 0o755)],
  [
    'what --exclude removes',
    async () => {
      for (const pattern of [
        'etc/*',
        'var/log/*',
        'etc/systemd/system/*',
        '..',
        '../..',
        '../mine',
        'etc/..',
        '*/../mine',
      ])
        for (const path of await findInTree(files, tree, pattern)) await files.remove(path);
    },
  ],
];

const FOLDERS = [
  ...['etc', 'etc/systemd', 'etc/systemd/system', 'etc/systemd/system/multi-user.target.wants', 'etc/ssh'],
  ...[
    'var',
    'var/lib',
    'var/lib/dbus',
    'var/log',
    'var/tmp',
    'tmp',
    'root',
    'home',
    'user-data',
    'boot',
    'run',
    'usr/tmp',
  ],
];
const FILES = ['etc/machine-id', 'etc/fstab', 'etc/resolv.conf', 'etc/hostname', 'var/lib/dbus/machine-id'];

describe.each(WAYS_OUT)('%s in a tree', (_, target) => {
  const link = (path: string) => {
    rmSync(join(tree, path), { recursive: true, force: true });
    mkdirSync(dirname(join(tree, path)), { recursive: true });
    symlinkSync(target(), join(tree, path));
    symlinkSync('/loop', join(tree, 'loop'));
  };

  test('never leads a writer out of it, whichever folder it stands for', async () => {
    for (const folder of FOLDERS) {
      link(folder);
      for (const [name, write] of WRITERS) {
        const before = ofMine();
        // It may refuse the tree, and may make the folder inside.
        await write().catch((error: unknown) => expect(error, folder).toMatchObject({ name: 'StatectlError' }));
        expect(ofMine(), `${name}, ${folder}`).toEqual(before);
        expect(existsSync(tree), folder).toBe(true);
      }
      rmSync(join(tree, folder), { recursive: true, force: true });
      rmSync(join(tree, 'loop'), { force: true });
    }
  });

  test('is replaced by the file that belongs there', async () => {
    for (const file of FILES) {
      link(file);
      const before = ofMine();
      await scrubTree(host, tree);
      expect(ofMine(), file).toEqual(before);
      expect(lstatSync(join(tree, 'etc/machine-id')).isFile(), file).toBe(true);
      expect(lstatSync(join(tree, 'etc/fstab')).isFile(), file).toBe(true);
      rmSync(join(tree, 'loop'), { force: true });
    }
  });
});

describe('a folder of a tree', () => {
  test('is made inside the tree where a link to it dangles, as in images of ostree', async () => {
    symlinkSync('var/home', join(tree, 'home'));
    symlinkSync('/var/elsewhere', join(tree, 'etc'));
    await scrubTree(host, tree);
    expect(lstatSync(join(tree, 'var/home')).isDirectory()).toBe(true);
    expect(lstatSync(join(tree, 'var/elsewhere/machine-id')).isFile()).toBe(true);
  });

  test('that no image can hold is refused, and what is in the way is named', async () => {
    symlinkSync('/proc/self/root/srv', join(tree, 'etc'));
    await expect(scrubTree(host, tree)).rejects.toMatchObject({
      code: 'image-source',
      message: expect.stringContaining('/etc leads to /proc/self'),
    });
    rmSync(join(tree, 'etc'));
    put(tree, 'etc', 'a file');
    await expect(scrubTree(host, tree)).rejects.toThrow('/etc is no folder');
  });
});

describe('a file of a tree', () => {
  test('that is a pipe or a device is not waited for', async () => {
    execFileSync('mkfifo', [join(tree, 'pipe')]);
    symlinkSync('/pipe', join(tree, 'to-pipe'));
    symlinkSync('/dev/zero', join(tree, 'to-zero'));
    for (const path of ['pipe', 'to-pipe', 'to-zero', 'usr', 'nothing'])
      expect(await readInTree(files, tree, path), path).toBeUndefined();
  });

  test('is read inside the tree, whatever its links say', async () => {
    put(tree, `${mine.slice(1)}/fstab`, 'theirs');
    symlinkSync(join(mine, 'fstab'), join(tree, 'fstab'));
    expect(String(await readInTree(files, tree, 'fstab'))).toBe('theirs');
    expect(readFileSync(join(mine, 'fstab'), 'utf8')).toBe('precious');
  });

  test('of more than any program, module or kernel has is refused before it is read', async () => {
    put(tree, 'sparse');
    execFileSync('truncate', ['-s', '50G', join(tree, 'sparse')]);
    await expect(readInTree(files, tree, 'sparse')).rejects.toMatchObject({ code: 'image-source' });
  });
});
