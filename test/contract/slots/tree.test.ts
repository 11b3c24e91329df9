import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { linuxHost } from '../../../src/host/linux/host.ts';
import { makeSquashfs } from '../../../src/image/squashfs.ts';
import type { FileList } from '../../../src/signed/file-list/read-list.ts';
import { repairTree, type TreeSource } from '../../../src/slots/tree/repair-tree.ts';
import { partOf, scrubTree } from '../../../src/slots/tree/scrub-tree.ts';
import { verifyNames, verifyTree } from '../../../src/slots/tree/verify-tree.ts';
import { loopDisk } from '../../fixtures/disks/loop-disk.ts';
import { paxTar } from '../../fixtures/slots/pax-tar.ts';
import { listOf, told, treeHost, treeTask } from '../../fixtures/slots/tree-lab.ts';
import { digestOfTree, plantWildTree } from '../../fixtures/slots/wild-tree.ts';

const scratch = mkdtempSync(join(tmpdir(), 'statectl-tree-'));
const good = join(scratch, 'good');
const outside = join(scratch, 'outside');
let list: FileList;
let digest: string;

const isRoot = process.getuid?.() === 0;
beforeAll(async () => {
  if (!isRoot) return;
  plantWildTree(good);
  mkdirSync(outside);
  writeFileSync(join(outside, 'mine'), 'mine');
  list = await listOf(good);
  digest = digestOfTree(good);
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** A disk with a file system, mounted. */
function slot(type: 'ext4' | 'btrfs', sizeMib = 128) {
  const disk = loopDisk({ sizeBytes: sizeMib << 20 });
  execFileSync(`mkfs.${type}`, ['-q', disk.device]);
  const at = mkdtempSync(join(scratch, 'slot-'));
  execFileSync('mount', [disk.device, at]);
  return {
    at,
    disk,
    [Symbol.dispose]() {
      execFileSync('umount', [at]);
      disk[Symbol.dispose]();
    },
  };
}
const SOURCE: TreeSource = { root: good, is: 'a tree' };
const repair = (at: string, source = SOURCE, host = treeHost, task = treeTask()) =>
  repairTree(host, source, at, list, task);
const verify = async (at: string) => told((await verifyTree(treeHost, at, list, treeTask())).deviations);

describe.skipIf(!isRoot)('the tree of a system', () => {
  it.each(['ext4', 'btrfs'] as const)(
    'is made on %s as it was: names, owners, modes, xattrs, access lists, links, devices, holes',
    async (type) => {
      using made = slot(type);
      await repair(made.at);
      expect(digestOfTree(made.at)).toBe(digest);
      expect(await verify(made.at)).toEqual([]);
      mkdirSync(join(made.at, '.statectl'));
      writeFileSync(join(made.at, '.statectl/bootflag'), 'the flag is of no image');
      expect(await verify(made.at)).toEqual([]);
      expect((await repair(made.at)).deviations).toEqual([]);
    },
  );

  it.each(['ext4', 'btrfs'] as const)(
    'F11: on %s each deviation is named for what it is, and repaired, and nothing outside is touched',
    async (type) => {
      using made = slot(type);
      await repair(made.at);
      const at = (path: string) => join(made.at, path);
      const before = statSync(at('usr/bin/bash'));
      const bytes = readFileSync(at('usr/bin/bash'));
      bytes[77_777] = (bytes[77_777] ?? 0) ^ 0x10;
      writeFileSync(at('usr/bin/bash'), bytes);
      utimesSync(at('usr/bin/bash'), before.atime, before.mtime);
      chmodSync(at('etc/shadow'), 0o644);
      chownSync(at('etc/passwd'), 1000, 0);
      // tar gives it neither xattrs nor links.
      rmSync(at('usr/zping'));
      writeFileSync(at('usr/zping'), 'capable', { mode: 0o755 });
      rmSync(at('usr/out'));
      symlinkSync(outside, at('usr/out'));
      rmSync(at('usr/empty.conf'));
      rmSync(at('usr/dev/null'));
      execFileSync('mknod', ['-m', '666', at('usr/dev/null'), 'c', '1', '5']);
      rmSync(at('home'), { recursive: true });
      symlinkSync(outside, at('home'));
      mkdirSync(at('extra/below'), { recursive: true });
      writeFileSync(at('extra/below/file'), 'x');
      writeFileSync(Buffer.concat([Buffer.from(`${at('names')}/`), Buffer.from([0xfe, 0x0a])]), 'x');
      linkSync(at('names/Case'), at('names/Dase'));
      mkdirSync(at('names/~x'));
      rmSync(at('names/~'));
      renameSync(at('names/~x'), at('names/~'));
      writeFileSync(at('names/~/in it'), 'x');
      expect(await verify(made.at)).toEqual([
        '/etc/passwd owner',
        '/etc/shadow mode',
        '/extra extra',
        '/home type',
        '/home/acl missing',
        '/names/Dase extra',
        '/names/~ type',
        '/names/\xfe\n extra',
        '/usr/bin/bash content',
        '/usr/dev/null device',
        '/usr/empty.conf missing',
        '/usr/out link',
        '/usr/zping xattrs,link',
      ]);
      const task = treeTask();
      const { deviations } = await repair(made.at, SOURCE, treeHost, task);
      expect(deviations.length).toBe(13);
      expect(task.said).toEqual([
        expect.stringContaining('/etc/passwd (owner), /etc/shadow (mode), /extra (extra), /home (type)'),
      ]);
      expect(digestOfTree(made.at)).toBe(digest);
      expect(readdirSync(outside)).toEqual(['mine']);
      expect(digestOfTree(good)).toBe(digest);
    },
  );

  it.each(['ext4', 'btrfs'] as const)(
    'on %s loses xattrs and access lists that it should not have, of files and of folders',
    async (type) => {
      using made = slot(type);
      await repair(made.at);
      const acl = [...list.entries()].find(({ path }) => path === '/home')?.xattrs ?? [];
      const root = { uid: 0, gid: 0 };
      const more = paxTar([
        { path: '/names', type: 'dir', mode: 0o755, xattrs: acl, ...root },
        { path: '/usr/bin', type: 'dir', mode: 0o755, xattrs: [['trusted.more', 'x']], ...root },
        { path: '/usr/empty', type: 'dir', mode: 0o700, xattrs: [['trusted.t', 'another value']], ...root },
        {
          path: '/etc/shadow',
          type: 'file',
          mode: 0o640,
          content: 'root:*:\n',
          xattrs: [['user.more', 'x']],
          uid: 0,
          gid: 42,
        },
      ]);
      execFileSync('tar', ['-C', made.at, '--xattrs', '--xattrs-include=*', '--numeric-owner', '-p', '-x'], {
        input: more,
      });
      expect(await verify(made.at)).toEqual([
        '/etc/shadow xattrs',
        '/names xattrs',
        '/usr/bin xattrs',
        '/usr/empty xattrs',
      ]);
      await repair(made.at);
      expect(digestOfTree(made.at)).toBe(digest);
    },
  );

  it('is scrubbed in parts that together find what is found at once, and each alone what is in it', async () => {
    using made = slot('ext4');
    await repair(made.at);
    writeFileSync(join(made.at, 'usr/bin/passwd'), 'bad');
    writeFileSync(join(made.at, 'usr/bin/extra'), 'x');
    writeFileSync(join(made.at, 'extra'), 'x');
    rmSync(join(made.at, 'names/case'));
    rmSync(join(made.at, 'usr/zping'));
    writeFileSync(join(made.at, 'usr/zping'), 'capable', { mode: 0o755 });
    for (const parts of [1, 3, 40]) {
      const found: string[] = [];
      for (let turn = 0; turn < parts; turn += 1)
        found.push(...told(await scrubTree(treeHost, made.at, list, partOf(list, parts, turn + parts), treeTask())));
      const wanted = [
        '/extra extra',
        '/names/case missing',
        '/usr/bin/extra extra',
        '/usr/bin/passwd content',
        '/usr/zping xattrs,link',
      ];
      // Alone, a name of several does not know of the others.
      expect([...new Set(found)].toSorted().map((line) => line.replace(/xattrs$/, 'xattrs,link'))).toEqual(wanted);
    }
  });

  it('whose folder became a link out of it is scrubbed for what it is, not for what the link leads to', async () => {
    using made = slot('ext4');
    await repair(made.at);
    const copy = join(scratch, 'copy-of-usr');
    renameSync(join(made.at, 'usr'), join(made.at, 'was-usr'));
    execFileSync('cp', ['-a', join(made.at, 'was-usr'), copy]);
    symlinkSync(copy, join(made.at, 'usr'));
    const at = [...list.entries()].findIndex(({ path }) => path === '/usr/bin/bash');
    const found = told(await scrubTree(treeHost, made.at, list, { from: at, to: at + 1 }, treeTask()));
    expect(found).toContain('/usr type');
    await repair(made.at);
    expect(digestOfTree(made.at)).toBe(digest);
    expect(existsSync(join(copy, 'bin/bash'))).toBe(true);
  });

  it('is not taken from another tree in which the same file is bad, and nothing is written', async () => {
    using made = slot('ext4');
    await repair(made.at);
    const bad = join(scratch, 'bad');
    plantWildTree(bad);
    appendFileSync(join(bad, 'usr/bin/bash'), 'x');
    chmodSync(join(made.at, 'etc/shadow'), 0o600);
    await repair(made.at, { root: bad, is: 'a tree' });
    expect(digestOfTree(made.at)).toBe(digest);
    rmSync(join(made.at, 'usr/bin/bash'));
    const before = digestOfTree(made.at);
    await expect(repair(made.at, { root: bad, is: 'a tree' })).rejects.toMatchObject({
      code: 'tree-unverified',
      message: expect.stringContaining('/usr/bin/bash (content)'),
    });
    expect(digestOfTree(made.at)).toBe(before);
  });

  it('F9: without room it is refused before a byte is written; a disk that fills up leaves it so that it goes on with more room', async () => {
    using made = slot('ext4', 24);
    mkdirSync(join(made.at, '.statectl'));
    writeFileSync(join(made.at, '.statectl/filler'), Buffer.alloc(18 << 20));
    await expect(repair(made.at)).rejects.toMatchObject({
      code: 'disk-full',
      message: expect.stringContaining('bytes, and the image needs'),
    });
    expect(readdirSync(made.at)).toEqual(['.statectl', 'lost+found']);
    // A df that says there is room: somebody took it since.
    const { exec } = treeHost;
    const host = {
      ...treeHost,
      exec: {
        run: (argv: readonly string[], options = {}) =>
          argv[0] === 'df' ? Promise.resolve({ exitCode: 0, stdout: '', stderr: '' }) : exec.run(argv, options),
      },
    };
    await expect(repair(made.at, SOURCE, host)).rejects.toMatchObject({ code: 'disk-full' });
    expect((await verify(made.at)).length).toBeGreaterThan(0);
    rmSync(join(made.at, '.statectl'), { recursive: true });
    await repair(made.at);
    expect(digestOfTree(made.at)).toBe(digest);
  });

  it('F9: a disk with room and without inodes is refused, too, and what only fills it gives its room back', async () => {
    using few = slot('ext4', 32);
    execFileSync('umount', [few.at]);
    execFileSync('mkfs.ext4', ['-q', '-F', '-N', '16', few.disk.device]);
    execFileSync('mount', [few.disk.device, few.at]);
    await expect(repair(few.at)).rejects.toThrow(/files, and the image has \d+/);
    using full = slot('ext4', 24);
    await repair(full.at);
    rmSync(join(full.at, 'usr/sparse'));
    execFileSync('sh', ['-c', 'cat /dev/zero > "$1/usr/filler" 2>/dev/null; true', 'sh', full.at]);
    await repair(full.at);
    expect(digestOfTree(full.at)).toBe(digest);
  });

  it('is made from an image that is mounted, whose list is what is really in it', async () => {
    const tree = join(scratch, 'squashed');
    plantWildTree(tree, { acls: false });
    const image = join(scratch, 'root.squashfs');
    await makeSquashfs(linuxHost(), tree, image, {
      compression: 'lz4',
      content: 'system',
      epochSeconds: 1_700_000_000,
    });
    const itsList = await listOf(tree, 'squashfs');
    const mounted = mkdtempSync(join(scratch, 'mounted-'));
    execFileSync('mount', ['-o', 'ro,loop', image, mounted]);
    try {
      expect(told((await verifyTree(treeHost, mounted, itsList, treeTask())).deviations)).toEqual([]);
      using made = slot('btrfs');
      await repairTree(treeHost, { root: mounted, is: 'an image' }, made.at, itsList, treeTask());
      expect(digestOfTree(made.at)).toBe(digestOfTree(tree));
    } finally {
      execFileSync('umount', [mounted]);
    }
  });

  it('is left by who ends it, and a tree that is not there is told', async () => {
    const signal = AbortSignal.abort(new Error('not now'));
    await expect(verifyTree(treeHost, good, list, treeTask(signal))).rejects.toThrow('not now');
    await expect(verify(join(scratch, 'none'))).rejects.toMatchObject({
      code: 'tree-unreadable',
      message: expect.stringContaining('No such file or directory'),
    });
    const [some] = list.entries();
    await expect(
      verifyNames(treeHost, join(scratch, 'none'), [some?.path ?? ''], list, treeTask()),
    ).rejects.toMatchObject({ message: expect.stringContaining('No such file or directory') });
  });
});
