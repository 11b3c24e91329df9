import { describe, expect, test } from 'vitest';
import { memoryHost } from '../../../../src/host/memory.ts';
import { requirePrograms, runProgram } from '../../../../src/image/host-programs.ts';
import { findInTree } from '../../../../src/image/tree/in-tree.ts';
import { countPackages, debianPackages, makeTree, readSource } from '../../../../src/image/tree/root-tree.ts';

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

  test.each(['cp', 'tar'] as const)(
    'fail with what %s complains of, not with the files that it told of',
    async (program) => {
      const stdout = "'/from/./lib' -> '/to/./lib'\n'/from/./bin' -> '/to/./bin'\n'/from/./etc' -> '/to/./etc'\n";
      const stderr = `${program}: error writing '/to/./usr': No space left on device\n`;
      const host = memoryHost({ programs: { [program]: () => ({ exitCode: 1, stdout, stderr }) } });
      await expect(runProgram(host, [program], { onOutput: () => {}, hint: 'look' })).rejects.toMatchObject({
        message: `${program} failed: ${program}: error writing '/to/./usr': No space left on device`,
        hint: 'make room, and do it again',
      });
    },
  );

  test('fail with what apt says of packages that exclude each other, though it is not called an error', async () => {
    const stdout = [
      'Reading package lists...',
      'The following packages have unmet dependencies:',
      ' systemd-sysv : Conflicts: sysvinit-core but 3.06-4 is to be installed',
      ' sysvinit-core : Conflicts: systemd-sysv',
      'Some packages could not be installed.',
      '',
    ].join('\n');
    const stderr = 'E: Unable to correct problems, you have held broken packages.\n';
    const host = memoryHost({ programs: { mmdebstrap: () => ({ exitCode: 25, stdout, stderr }) } });
    for (const options of [{}, { onOutput: () => {} }])
      await expect(runProgram(host, ['mmdebstrap'], options)).rejects.toThrow(
        'mmdebstrap failed: systemd-sysv : Conflicts: sysvinit-core but 3.06-4 is to be installed / ' +
          'sysvinit-core : Conflicts: systemd-sysv / E: Unable to correct problems, you have held broken packages.',
      );
  });

  const warned = async (program: 'mksquashfs' | 'tar' | 'depmod' | 'mmdebstrap', stderr: string) => {
    const host = memoryHost({ programs: { [program]: () => ({ stderr }) } });
    await runProgram(host, [program], { onOutput: () => {} });
    return host.lines.map(({ level, text }) => `${level}: ${text}`);
  };

  test('are heard when they warn, although they succeed', async () => {
    expect(await warned('mksquashfs', 'Unrecognised xattr prefix system.posix_acl_access\n')).toEqual([
      'warning: mksquashfs: Unrecognised xattr prefix system.posix_acl_access (access lists (ACLs) of files are not kept: --type erofs keeps them)',
    ]);
    expect(await warned('tar', "tar: 200\ntar: Removing leading `/' from member names\ntar: 400\n")).toEqual([
      "warning: tar: tar: Removing leading `/' from member names",
    ]);
    expect(
      await warned('depmod', Array.from({ length: 9 }, (_, at) => `depmod: WARNING: \x1b[2J${at}\n`).join('')),
    ).toEqual([
      ...[0, 1, 2, 3, 4].map((at) => `warning: depmod: depmod: WARNING:  [2J${at}`),
      'warning: depmod: 4 more warnings, 9 in all',
    ]);
    expect(await warned('mmdebstrap', 'I: chatting\nSetting up libgpg-error0\nW: no keyring\n')).toEqual([
      'warning: mmdebstrap: W: no keyring',
    ]);
    const ofItsWork =
      "W: Download is performed unsandboxed as root as file /lists/partial couldn't be accessed by user _apt\n" +
      'W: skipping mounting of proc because the /proc directory is missing in the target\n';
    expect(await warned('mmdebstrap', ofItsWork)).toEqual([]);
  });

  test.each([
    'Failed to read file /tree/a, creating empty file',
    'Cannot stat dir/file /tree/b because Input/output error, ignoring',
    'Could not open /tree/c, because Permission denied',
  ])('fail where a packer leaves a file out, although it succeeds: %s', async (line) => {
    await expect(warned('mksquashfs', `${line}\n`)).rejects.toMatchObject({
      code: 'build-failed',
      message: `mksquashfs cannot keep a file: ${line}`,
    });
  });
});

describe('the packages of a Debian', () => {
  test('have systemd for init, unless another init is asked for', () => {
    const isSystemd = (include: readonly string[]) =>
      debianPackages('amd64', include).some((name) => name.startsWith('systemd'));
    expect(isSystemd([])).toBe(true);
    expect(isSystemd(['openssh-server', 'sysvinit-utils'])).toBe(true);
    for (const init of [
      'sysvinit-core',
      'runit-init',
      'sysvinit-core=3.06-4',
      'sysvinit-core/bookworm',
      'sysvinit-core:amd64',
    ])
      expect(isSystemd(['ifupdown', init]), init).toBe(false);
    expect(debianPackages('amd64', ['sysvinit-core'])).toEqual(expect.arrayContaining(['udev', 'linux-image-amd64']));
  });
});
