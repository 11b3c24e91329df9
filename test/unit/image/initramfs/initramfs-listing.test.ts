import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import type { Exec } from '../../../../src/host/host.ts';
import { type CpioEntry, writeCpio } from '../../../../src/image/initramfs/cpio/cpio.ts';
import { readCpio } from '../../../../src/image/initramfs/cpio/cpio-read.ts';
import { formatListing, listInitramfs } from '../../../../src/image/initramfs/initramfs-listing.ts';
import { unpackInitramfs } from '../../../../src/image/initramfs/initramfs-unpack.ts';
import { joinSegments } from '../../../../src/image/initramfs/segments/join-segments.ts';
import { readSegments } from '../../../../src/image/initramfs/segments/segments.ts';
import { planUnpack } from '../../../../src/image/tree/unpack-plan.ts';
import { cpuMs, sized } from '../../../fixtures/effort.ts';

const scratch = mkdtempSync(join(tmpdir(), 'statectl-unpack-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
const newDir = () => join(mkdtempSync(join(scratch, 'd-')), 'root');

const file = (name: string, text: string, mode = 0o644): CpioEntry => ({
  type: 'file',
  name,
  mode,
  data: Buffer.from(text),
});
const link = (name: string, target: string): CpioEntry => ({ type: 'symlink', name, target });
const folder = (name: string, mode = 0o755): CpioEntry => ({ type: 'dir', name, mode });
const console51: CpioEntry = { type: 'char', name: 'dev/console', mode: 0o600, rdev: { major: 5, minor: 1 } };

function recordingExec(): Exec & { readonly calls: (readonly string[])[] } {
  const calls: (readonly string[])[] = [];
  return {
    calls,
    run: async (argv) => {
      calls.push(argv);
      writeFileSync(argv[1] ?? '', '');
      return { exitCode: 0, stdout: '', stderr: '' };
    },
  };
}
const noStream = { offset: 0, sizeBytes: 0, compression: 'none', unpackedBytes: 0 } as const;
const noExec: Exec = { run: () => Promise.reject(new Error('no program is to be run')) };
const unpack = async (archives: readonly Buffer[], dir = newDir()) => ({
  dir,
  ...(await unpackInitramfs(joinSegments(archives), dir, { exec: noExec, asRoot: false })),
});

/** An archive of one member under a name that our writer refuses. The stand-in has as many bytes. */
const hostile = (name: string, make: (standIn: string) => CpioEntry = (standIn) => file(standIn, 'owned')): Buffer => {
  const standIn = 'q'.repeat(Buffer.byteLength(name));
  const archive = writeCpio([make(standIn)]);
  archive.write(name, archive.indexOf(standIn), 'utf8');
  return archive;
};
const allFiles = (dir: string) => readdirSync(dir, { recursive: true }).map(String).sort();

describe('the listing of an initramfs', () => {
  const image = joinSegments([
    writeCpio([file('kernel/x86/microcode/AuthenticAMD.bin', 'code')]),
    zstdCompressSync(
      writeCpio([
        folder('tmp', 0o1777),
        file('usr/bin/su', 'su', 0o4755),
        link('bin', 'usr/bin'),
        console51,
        file('init', '#!', 0o700),
      ]),
    ),
  ]);

  it('groups the lines of `ls -l` by segment', async () => {
    const lines = formatListing(await listInitramfs(image));
    expect(lines.map((line) => line.replace(/zstd, \d+ bytes/, 'zstd, N bytes')).join('\n')).toMatchInlineSnapshot(`
      "# segment 1: cpio, 652 bytes, at 0
      drwxr-xr-x   2 0     0             0 1970-01-01 00:00 kernel
      drwxr-xr-x   2 0     0             0 1970-01-01 00:00 kernel/x86
      drwxr-xr-x   2 0     0             0 1970-01-01 00:00 kernel/x86/microcode
      -rw-r--r--   1 0     0             4 1970-01-01 00:00 kernel/x86/microcode/AuthenticAMD.bin
      # segment 2: cpio, zstd, N bytes, at 1024
      lrwxrwxrwx   1 0     0             7 1970-01-01 00:00 bin -> usr/bin
      drwxr-xr-x   2 0     0             0 1970-01-01 00:00 dev
      crw-------   1 0     0          5, 1 1970-01-01 00:00 dev/console
      -rwx------   1 0     0             2 1970-01-01 00:00 init
      drwxrwxrwt   2 0     0             0 1970-01-01 00:00 tmp
      drwxr-xr-x   2 0     0             0 1970-01-01 00:00 usr
      drwxr-xr-x   2 0     0             0 1970-01-01 00:00 usr/bin
      -rwsr-xr-x   1 0     0             2 1970-01-01 00:00 usr/bin/su"
    `);
  });

  it('agrees with GNU cpio about modes, links, sizes and names', async () => {
    const archive = writeCpio([
      folder('tmp', 0o1777),
      file('a', 'x', 0o2644),
      file('b', 'yy', 0o6711),
      link('l', 'a'),
      console51,
    ]);
    const env = { ...process.env, LC_ALL: 'C', TZ: 'UTC' };
    const rows = execFileSync('cpio', ['-itvn', '--quiet'], { input: archive, env }).toString().trimEnd().split('\n');
    const words = (line: string) => line.replace(/Jan +1 +1970|1970-01-01 00:00/, 'EPOCH').split(/ +/);
    const ours = formatListing(await listInitramfs(archive)).slice(1);
    expect(ours.map(words)).toEqual(rows.map(words));
  });

  it('is plain data for --json', async () => {
    const listing = await listInitramfs(image);
    expect(JSON.parse(JSON.stringify(listing))).toEqual(listing);
    expect(listing.segments[1]?.members.find(({ name }) => name === 'dev/console')).toEqual({
      name: 'dev/console',
      type: 'char',
      mode: 0o600,
      uid: 0,
      gid: 0,
      nlink: 1,
      sizeBytes: 0,
      mtimeSeconds: 0,
      rdev: { major: 5, minor: 1 },
    });
  });

  it('does not let a name steer the terminal', async () => {
    const lines = formatListing(await listInitramfs(writeCpio([file('a\u001b[2Jb\nc', '')])));
    expect(lines).toHaveLength(2);
    expect(lines[1]).toMatch(/ a\\x1b\[2Jb\\x0ac$/);
  });

  it('says when an archive just ends', async () => {
    const archive = writeCpio([file('a', '')]);
    const lines = formatListing(await listInitramfs(archive.subarray(0, 112)));
    expect(lines[0]).toBe('# segment 1: cpio, 112 bytes, at 0, without a trailer (cut off?)');
  });
});

describe('unpacking an initramfs', () => {
  it('gives what GNU cpio gives', async () => {
    const archive = writeCpio([
      folder('opt', 0o500),
      file('opt/x', 'x', 0o600),
      file('usr/bin/sh', 'sh', 0o755),
      link('bin', 'usr/bin'),
    ]);
    const { dir, unpacked, skipped } = await unpack([archive]);
    const oracle = mkdtempSync(join(scratch, 'oracle-'));
    execFileSync('cpio', ['-idm', '--quiet'], { input: archive, cwd: oracle });
    expect(allFiles(dir)).toEqual(allFiles(oracle));
    for (const name of allFiles(dir)) {
      const [ours, theirs] = [lstatSync(join(dir, name)), lstatSync(join(oracle, name))];
      expect([name, ours.mode, ours.mtimeMs]).toEqual([name, theirs.mode, 0]);
    }
    expect({ unpacked, skipped }).toEqual({ unpacked: 6, skipped: [] });
    for (const root of [dir, oracle]) chmodSync(join(root, 'opt'), 0o700); // so that anyone can clean up
  });

  it('lets later segments win, whatever the type', async () => {
    const { dir } = await unpack([
      writeCpio([file('a', 'old'), file('b', 'old'), link('lib', 'usr/lib'), folder('empty')]),
      writeCpio([file('a', 'new'), folder('b'), folder('lib'), file('lib/x', 'x'), file('empty', 'full')]),
    ]);
    expect(readFileSync(join(dir, 'a'), 'utf8')).toBe('new');
    expect(lstatSync(join(dir, 'b')).isDirectory()).toBe(true);
    expect(readFileSync(join(dir, 'lib/x'), 'utf8')).toBe('x');
    expect(lstatSync(join(dir, 'lib')).isDirectory()).toBe(true);
    expect(readFileSync(join(dir, 'empty'), 'utf8')).toBe('full');
  });

  it('keeps hard links, and a later segment writes through them, as in the kernel', async () => {
    const source = mkdtempSync(join(scratch, 's-'));
    execFileSync('sh', ['-c', 'echo one >a; ln a b; ln a c'], { cwd: source });
    const linked = execFileSync('cpio', ['-o', '-H', 'newc', '--quiet'], { input: 'a\nb\nc\n', cwd: source });
    const { dir } = await unpack([linked, writeCpio([file('b', 'two')])]);
    expect(['a', 'b', 'c'].map((name) => readFileSync(join(dir, name), 'utf8'))).toEqual(['two', 'two', 'two']);
    expect(lstatSync(join(dir, 'a')).nlink).toBe(3);
  });

  it('makes device nodes only for root, and lists them otherwise', async () => {
    const archive = writeCpio([console51]);
    const { skipped, unpacked } = await unpack([archive]);
    expect({ skipped, unpacked }).toEqual({
      skipped: [{ name: 'dev/console', reason: 'only root can make device nodes' }],
      unpacked: 1,
    });
    if (process.getuid?.() !== 0) return;
    const exec = recordingExec();
    const dir = newDir();
    await unpackInitramfs(archive, dir, { exec, asRoot: true });
    expect(exec.calls).toEqual([['mknod', join(dir, 'dev/console'), 'c', '5', '1']]);
  });

  it('wants a new or empty directory', async () => {
    const dir = mkdtempSync(join(scratch, 'full-'));
    writeFileSync(join(dir, 'x'), '');
    await expect(unpack([writeCpio([file('a', '')])], dir)).rejects.toMatchObject({ code: 'unpack-target-not-empty' });
  });
});

describe('a hostile initramfs', () => {
  const pack = (...parts: readonly Buffer[]) => parts.map((part) => zstdCompressSync(part));
  const numbered = (count: number, make: (name: string) => CpioEntry) =>
    writeCpio(Array.from({ length: count }, (_, index) => make(`n${index}`)));

  it('whose names come again and again is planned in the time that it takes to read it', async () => {
    const count = sized(8_000, 30_000);
    const archives = joinSegments([numbered(count, folder), numbered(count, (name) => file(name, ''))]);
    const segments = [{ ...readCpio(archives), ...noStream }];
    segments.push({ ...readCpio(archives, archives.indexOf('070701', segments[0]?.endOffset)), ...noStream });
    const took = await cpuMs(() => {
      const { paths } = planUnpack(segments.map(({ members, ...rest }) => ({ ...rest, entries: members })));
      expect(paths).toHaveLength(count);
    });
    // With one look at all names for each name the 30,000 are a minute.
    expect(took).toBeLessThan(sized(1_500, 8_000));
  });

  it('whose links lead through folders without end is refused', async () => {
    const maze = Array.from({ length: 39 }, (_, index) =>
      link(`l${index}`, `${'d/../'.repeat(800)}${index === 38 ? 'd' : `l${index + 1}`}`),
    );
    const many = Array.from({ length: 2000 }, (_, index) => `l0/${index}`);
    const archives = [writeCpio([folder('d'), ...maze]), ...pack(Buffer.concat(many.map((name) => hostile(name))))];
    await expect(unpack(archives)).rejects.toMatchObject({ code: 'unpack-refused' });
  });

  it('with folders a thousand deep is unpacked, as far as a path of this machine goes', async () => {
    const deep = Array.from({ length: 1000 }, () => 'd').join('/');
    const { skipped, dir } = await unpack([writeCpio([file(`${deep}/x`, 'x')])]);
    expect(skipped).toEqual([]);
    expect(readFileSync(join(dir, deep, 'x'), 'utf8')).toBe('x');
    const deeper = Array.from({ length: 20 }, () => 'd'.repeat(203)).join('/');
    expect((await unpack([writeCpio([file(`${deeper}/x`, 'x')])])).skipped.at(-1)?.reason).toContain('too long');
  });

  it.each([
    ['zstd', (data: Buffer) => zstdCompressSync(data)],
    ['gzip', (data: Buffer) => gzipSync(data)],
    ['xz', (data: Buffer) => execFileSync('xz', ['-c'], { input: data })],
  ])(
    'is refused where all its %s streams unpack to too much together, and each alone does not',
    async (_, compress) => {
      const part = compress(writeCpio([file('zeros', '\0'.repeat(100_000))]));
      const gap = Buffer.alloc(4 - (part.length % 4));
      const image = (count: number) => Buffer.concat(Array.from({ length: count }, () => [part, gap]).flat());
      expect((await readSegments(image(3), undefined, 310_000)).segments).toHaveLength(3);
      await expect(readSegments(image(4), undefined, 310_000)).rejects.toMatchObject({ code: 'initramfs-bomb' });
      await expect(readSegments(image(1), undefined, 90_000)).rejects.toMatchObject({ code: 'initramfs-bomb' });
    },
  );

  it('of thousands of parts, each of which would start a program, is refused', async () => {
    const empty = execFileSync('xz', ['-c'], { input: Buffer.alloc(0) });
    const image = Buffer.concat(Array.from({ length: 1000 }, () => empty));
    await expect(readSegments(image, async () => Buffer.alloc(0))).rejects.toThrow('more than 250 parts');
  });

  it('leaves no program that runs as root, unless that is asked for', async () => {
    const archive = writeCpio([file('su', 'x', 0o6755), folder('spool', 0o2775), folder('tmp', 0o1777)]);
    const { dir } = await unpack([archive]);
    const modes = (root: string) => ['su', 'spool', 'tmp'].map((name) => lstatSync(join(root, name)).mode & 0o7777);
    expect(modes(dir)).toEqual([0o755, 0o775, 0o1777]);
    if (process.getuid?.() !== 0) return;
    const root = newDir();
    await unpackInitramfs(archive, root, { exec: noExec, asRoot: true });
    expect(modes(root)).toEqual([0o6755, 0o2775, 0o1777]);
    const unasked = newDir();
    await unpackInitramfs(writeCpio([console51, file('su', 'x', 0o4755)]), unasked, { exec: noExec });
    expect(allFiles(unasked)).toEqual(['dev', 'su']);
    expect(lstatSync(join(unasked, 'su')).mode & 0o7000).toBe(0);
  });

  it.each(['../x', '/tmp/x', 'a/../../x', '..', 'usr/..'])(
    'with the name %j is refused before anything is written',
    async (name) => {
      const dir = newDir();
      await expect(unpack([writeCpio([file('first', '')]), hostile(name)], dir)).rejects.toMatchObject({
        code: 'unpack-refused',
      });
      expect(existsSync(dir)).toBe(false);
    },
  );

  it('with a symlink that leads out stays inside', async () => {
    const outside = mkdtempSync(join(scratch, 'outside-'));
    for (const target of [outside, `../../${outside}`, '../../../../../../../../..', '/']) {
      const { dir, skipped } = await unpack([writeCpio([link('way', target)]), hostile('way/owned')]);
      expect(readdirSync(outside)).toEqual([]);
      expect(readlinkSync(join(dir, 'way'))).toBe(target);
      // "/" and enough ".." are the archive's own root, as they are for the kernel.
      const inside = existsSync(join(dir, 'owned'));
      expect(inside).toBe(!target.includes('outside'));
      expect(skipped).toHaveLength(inside ? 0 : 1);
    }
  });

  it('with a symlink under the name of a later file gets it replaced, not followed', async () => {
    const victim = join(mkdtempSync(join(scratch, 'victim-')), 'passwd');
    writeFileSync(victim, 'safe');
    const { dir } = await unpack([writeCpio([link('x', victim)]), writeCpio([file('x', 'owned', 0o777)])]);
    expect(readFileSync(victim, 'utf8')).toBe('safe');
    expect(lstatSync(join(dir, 'x')).isFile()).toBe(true);
  });

  it('follows symlinks inside its own tree, as the kernel does', async () => {
    const { dir } = await unpack([
      writeCpio([folder('usr/lib'), link('lib', '/usr/lib'), link('usr/lib64', '../lib')]),
      hostile('usr/lib64/x'),
      hostile('lib/./y'),
    ]);
    expect(allFiles(join(dir, 'usr/lib'))).toEqual(['x', 'y']);
  });

  it('with a loop of symlinks or without folders has those files listed as dropped', async () => {
    const { skipped, unpacked } = await unpack([
      writeCpio([link('a', 'b'), link('b', 'a')]),
      hostile('a/x'),
      hostile('no/x'),
    ]);
    expect({ names: skipped.map(({ name }) => name), unpacked }).toEqual({ names: ['a/x', 'no/x'], unpacked: 2 });
  });

  it('cannot put a file in the place of a filled folder, or a folder through a file', async () => {
    const { dir, skipped } = await unpack([
      writeCpio([file('etc/x', '')]),
      writeCpio([file('etc', '')]),
      hostile('etc/x/y'),
    ]);
    expect(skipped.map(({ name }) => name)).toEqual(['etc', 'etc/x/y']);
    expect(allFiles(dir)).toEqual(['etc', 'etc/x']);
  });
});
