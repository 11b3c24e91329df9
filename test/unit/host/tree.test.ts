import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { linuxFiles } from '../../../src/host/linux/files.ts';
import { onMachine, resolveInTree } from '../../../src/host/tree.ts';

const files = linuxFiles();
let root: string;

const link = (path: string, target: string) => symlinkSync(target, join(root, path));
const file = (path: string) => {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), path);
};
const pathOf = async (path: string) => (await resolveInTree(files, root, path))?.path;

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'statectl-tree-'));
  file('/usr/lib/x86_64-linux-gnu/libz.so.1.2');
  file('/etc/hostname');
  link('/lib', 'usr/lib');
  link('/usr/lib/x86_64-linux-gnu/libz.so.1', 'libz.so.1.2');
  link('/usr/lib/libz.so', '/lib/x86_64-linux-gnu/libz.so.1');
  link('/etc/escape', '../../../../../../etc/hostname');
  link('/etc/absolute', '/etc/hostname');
  link('/etc/top', '/');
  link('/etc/dangling', 'nowhere');
  link('/etc/a', 'b');
  link('/etc/b', './a');
});
afterAll(() => rmSync(root, { recursive: true }));

describe('a path inside a tree', () => {
  test('is found below linked folders, with every link on the way', async () => {
    expect(await resolveInTree(files, root, '/lib/libz.so')).toMatchObject({
      path: '/usr/lib/x86_64-linux-gnu/libz.so.1.2',
      stat: { type: 'file' },
      links: [
        { path: '/lib', target: 'usr/lib' },
        { path: '/usr/lib/libz.so', target: '/lib/x86_64-linux-gnu/libz.so.1' },
        { path: '/lib', target: 'usr/lib' },
        { path: '/usr/lib/x86_64-linux-gnu/libz.so.1', target: 'libz.so.1.2' },
      ],
    });
  });

  test('cannot leave the tree, neither by .. nor by an absolute link', async () => {
    expect(await pathOf('/../../../etc/hostname')).toBe('/etc/hostname');
    expect(await pathOf('/etc/escape')).toBe('/etc/hostname');
    expect(await pathOf('/etc/absolute')).toBe('/etc/hostname');
    expect(await pathOf('/etc/top/etc/top/lib/..')).toBe('/usr');
  });

  test('may be the root itself', async () => {
    for (const path of ['/', '', '.', '/..', '/etc/top', '/etc/..'])
      expect(await resolveInTree(files, root, path)).toMatchObject({ path: '/', stat: { type: 'dir' } });
  });

  test('is undefined when nothing is there, a link dangles or a file is used as a folder', async () => {
    for (const path of ['/nothing', '/nothing/at/all', '/etc/dangling', '/etc/hostname/x', '/etc/hostname/..'])
      expect(await resolveInTree(files, root, path)).toBeUndefined();
  });

  test('fails with tree-loop when its links never end', async () => {
    await expect(resolveInTree(files, root, '/etc/a/x')).rejects.toMatchObject({ code: 'tree-loop' });
  });

  test('is on this machine below the root, whether or not the root ends with a slash', () => {
    expect(onMachine('/', '/etc')).toBe('/etc');
    expect(onMachine('/srv/tree/', '/etc')).toBe('/srv/tree/etc');
  });
});
