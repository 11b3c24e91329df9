import { describe, expect, test } from 'vitest';
import { memoryHost } from '../../../src/host/memory.ts';
import { requirePrograms, runProgram } from '../../../src/image/host-programs.ts';
import { findInTree } from '../../../src/image/in-tree.ts';
import { countPackages, makeTree, readSource } from '../../../src/image/root-tree.ts';

describe('where a system comes from', () => {
  test('is a Debian release, a folder or a tarball', async () => {
    const host = memoryHost({ files: { '/a/etc/x': '', '/b.tar': 'tar', '/link': { target: '/a' } } });
    expect(await readSource(host, 'debian:bookworm')).toEqual({ kind: 'debian', suite: 'bookworm' });
    expect(await readSource(host, '/link')).toMatchObject({ kind: 'folder', path: '/a' });
    expect(await readSource(host, '/b.tar')).toEqual({ kind: 'tarball', path: '/b.tar', sizeBytes: 3 });
    for (const from of ['debian:--help', '/none'])
      await expect(readSource(host, from)).rejects.toMatchObject({ code: 'image-source' });
  });

  test('takes no packages but for Debian', async () => {
    const source = { kind: 'folder', path: '/a', sizeBytes: 0 } as const;
    await expect(makeTree(memoryHost(), source, ['vim'], '/tree')).rejects.toMatchObject({ code: 'usage' });
  });

  test('is refused when no system is at its top', async () => {
    const host = memoryHost({ files: { '/tree/rootfs/etc/x': '' }, programs: { tar: () => '' } });
    const source = { kind: 'tarball', path: '/b.tar', sizeBytes: 3 } as const;
    await expect(makeTree(host, source, [], '/tree')).rejects.toThrow('/b.tar has no /etc');
  });
});

test('the packages of a new Debian are counted as dpkg unpacks them and sets them up', () => {
  const heard: unknown[] = [];
  const hear = countPackages((amount) => heard.push(amount));
  for (const line of [
    '0 upgraded, 1 newly installed, 0 to remove and 0 not upgraded.',
    'Unpacking libc6:amd64 (2.36) ...',
    'Setting up libc6:amd64 (2.36) ...',
    'I: installing remaining packages inside the chroot...',
    '0 upgraded, 3 newly installed, 0 to remove and 0 not upgraded.',
    'Selecting previously unselected package apt.',
    'Unpacking apt (2.6) ...',
    'Setting up apt (2.6) ...',
  ])
    hear(line);
  expect(heard).toEqual([{ done: 0 }, { done: 1 }, { done: 1, total: 4 }, { done: 2, total: 4 }]);
});

test('wildcards name paths of the tree, through its own links and never out of it', async () => {
  const { files } = memoryHost({
    files: {
      '/tree/usr/lib/modules/6.1/kernel/sound/snd.ko': '',
      '/tree/usr/lib/modules/6.1/kernel/fs/ext4.ko': '',
      '/tree/usr/lib/modules/6.12/kernel/sound/snd.ko': '',
      '/tree/lib': { target: 'usr/lib' },
      '/tree/out': { target: '/etc' },
      '/etc/shadow': '',
    },
  });
  const find = (pattern: string) => findInTree(files, '/tree', pattern);
  expect(await find('lib/modules/*/kernel/sound/*')).toEqual([
    '/tree/usr/lib/modules/6.1/kernel/sound/snd.ko',
    '/tree/usr/lib/modules/6.12/kernel/sound/snd.ko',
  ]);
  expect(await find('/usr/lib/modules/6.1/kernel/*/ext?.ko')).toHaveLength(1);
  expect(await find('out/*')).toEqual([]);
  expect(await find('o*')).toEqual(['/tree/out']);
  expect(await find('none/*')).toEqual([]);
});

describe('the programs of the builder’s machine', () => {
  test('are looked for before the work, and all that lack are named with their packages', async () => {
    const host = memoryHost({ programs: { tar: () => ({ exitCode: 1 }) } });
    await requirePrograms(host, ['tar']);
    await expect(requirePrograms(host, ['tar', 'mksquashfs', 'unsquashfs', 'mmdebstrap'])).rejects.toMatchObject({
      code: 'program-missing',
      hint: 'needs mksquashfs, unsquashfs, mmdebstrap: apt install squashfs-tools mmdebstrap',
    });
  });

  test('fail with what they call errors, the first of which is the cause', async () => {
    const stderr = 'I: working\nE: Unable to locate package vmi\nE: setup failed\nI: bye\n';
    const host = memoryHost({ programs: { mmdebstrap: () => ({ exitCode: 1, stderr }) } });
    const run = runProgram(host, ['mmdebstrap'], { hint: 'look' });
    await expect(run).rejects.toMatchObject({
      message: 'mmdebstrap failed: E: Unable to locate package vmi / E: setup failed',
      hint: 'look',
    });
  });

  test('fail with the last words that they said', async () => {
    const host = memoryHost({ programs: { tar: () => ({ exitCode: 2, stderr: 'a\nb\n\nc\nd\n' }) } });
    await expect(runProgram(host, ['tar', '-x'])).rejects.toMatchObject({
      code: 'build-failed',
      message: 'tar failed: b / c / d',
    });
  });
});
