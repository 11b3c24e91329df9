import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { linuxHost } from '../../../src/host/linux/host.ts';
import { memoryHost } from '../../../src/host/memory.ts';
import { buildImage, type ImageInput } from '../../../src/image/build-image.ts';
import { imageKey } from '../../../src/image/keys.ts';
import { makeSquashfs } from '../../../src/image/squashfs.ts';
import { readFileList } from '../../../src/signed/file-list/read-list.ts';
import { manifestIsSigned } from '../../../src/signed/image-manifest.ts';
import { program } from '../../fixtures/image/elf.ts';

const has = (...programs: string[]) =>
  programs.every((program) => spawnSync(program, ['--version']).error === undefined);
const host = { ...linuxHost(), console: memoryHost().console };

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'statectl-image-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

const put = (path: string, content: string | Uint8Array, mode = 0o644) => {
  mkdirSync(dirname(join(dir, path)), { recursive: true });
  writeFileSync(join(dir, path), content);
  chmodSync(join(dir, path), mode);
};

describe.skipIf(!has('mksquashfs'))('a squashfs of our own files', () => {
  const pack = async (from: string, to: string) => {
    await makeSquashfs(host, join(dir, from), join(dir, to), { compression: 'zstd-fast', content: 'ours' });
    return readFileSync(join(dir, to));
  };

  test('has the same bytes, whenever and in whatever order they were made', async () => {
    for (const name of ['a', 'b/c', 'b/d', 'e']) put(`one/${name}`, `content of ${name}`);
    for (const name of ['e', 'b/d', 'b/c', 'a']) put(`two/${name}`, `content of ${name}`);
    execFileSync('touch', ['-d', '2001-01-01', join(dir, 'two/a'), join(dir, 'two/b')]);
    expect((await pack('two', 'two.sqfs')).equals(await pack('one', 'one.sqfs'))).toBe(true);
  });

  test('tells how far it is in bytes, and leaves nothing behind when it fails', async () => {
    put('one/a', Buffer.alloc(3 * 2 ** 20, 'x'));
    const heard: number[] = [];
    const report = ({ done, total }: { done: number; total?: number }) => heard.push(done / (total ?? 1));
    await makeSquashfs(host, join(dir, 'one'), join(dir, 'a.sqfs'), { compression: 'lz4', content: 'ours', report });
    expect(heard.at(-1)).toBe(1);
    await expect(pack('none', 'b.sqfs')).rejects.toMatchObject({ code: 'build-failed' });
    expect(readdirSync(dir).sort()).toEqual(['a.sqfs', 'one']);
  });
});

const isRoot = process.getuid?.() === 0;
describe.skipIf(!isRoot || !has('mksquashfs', 'unsquashfs', 'tar'))('an image of a directory', () => {
  const plant = () => {
    put('tree/etc/hostname', 'builder');
    put('tree/usr/bin/sh', program({}), 0o755);
    put('tree/etc/passwd', 'root:x:0:0::/root:/bin/sh\nother:x:0:0::/:/bin/sh\n');
    put('tree/usr/bin/ping', 'x', 0o4755);
    linkSync(join(dir, 'tree/usr/bin/ping'), join(dir, 'tree/usr/bin/ping6'));
    symlinkSync('usr/bin', join(dir, 'tree/bin'));
    put('tree/boot/vmlinuz-6.1', 'kernel');
    put('tree/usr/lib/modules/6.1/modules.dep', '');
    put('tree/usr/lib/modules/6.1/kernel/sound/snd.ko', 'x');
    put('tree/home/pi/klipper/klippy/klippy.py', '');
    put('tree/home/pi/klipper/klippy/.version', 'v0.12.0-316-g1a2b3c4d\n');
    execFileSync('mknod', [join(dir, 'tree/usr/null'), 'c', '1', '3']);
    execFileSync('chown', ['33:44', join(dir, 'tree/usr/null')]);
    chmodSync(join(dir, 'tree'), 0o700);
  };
  const build = (more: Partial<ImageInput> = {}) =>
    buildImage(host, {
      from: join(dir, 'tree'),
      include: [],
      name: 'lab',
      version: '1',
      type: 'squashfs',
      compression: 'zstd-fast',
      excludes: [],
      keepTree: false,
      epochSeconds: 1_700_000_000,
      key: () => imageKey(host, join(dir, 'keys')),
      out: join(dir, 'out'),
      ...more,
    });
  /** `drwxr-xr-x 0/0 name` lines of the root image. */
  const listed = () =>
    execFileSync('unsquashfs', ['-lln', join(dir, 'out/root.squashfs')], { encoding: 'utf8' })
      .split('\n')
      .map((line) => line.replace(/\s+(\d+|\d+,\s*\d+)\s+\d{4}-\S+ \S+ squashfs-root/, ' '));

  test('keeps owners, modes, links and devices, and leaves the directory as it was', async () => {
    plant();
    const before = execFileSync('find', [join(dir, 'tree'), '-printf', '%p %m %u %n %s %T@ %l\n'], {
      encoding: 'utf8',
    });
    const manifest = await build({ excludes: ['usr/lib/modules/*/kernel/sound'] });
    expect(listed()).toEqual(
      expect.arrayContaining([
        'drwxr-xr-x 0/0 ',
        '-rwsr-xr-x 0/0 /usr/bin/ping',
        '-rwsr-xr-x 0/0 /usr/bin/ping6',
        'crw-r--r-- 33/44 /usr/null',
        'lrwxrwxrwx 0/0 /bin -> usr/bin',
      ]),
    );
    expect(listed().filter((line) => /sound|hostname|vmlinuz/.test(line))).toEqual([]);
    expect(execFileSync('find', [join(dir, 'tree'), '-printf', '%p %m %u %n %s %T@ %l\n'], { encoding: 'utf8' })).toBe(
      before,
    );
    expect(readdirSync(join(dir, 'out')).sort()).toEqual([
      ...['BOOTX64.EFI', 'files.zst', 'grub-boot.img', 'grub-core.img'],
      'manifest.json',
      'manifest.json.sig',
      'root.squashfs',
      'vmlinuz',
    ]);
    expect(manifest).toMatchObject({
      arch: 'x86_64',
      kernelRelease: '6.1',
      klipper: { '/home/pi/klipper': 'v0.12.0-316-g1a2b3c4d' },
      root: { type: 'squashfs', sizeBytes: statSync(join(dir, 'out/root.squashfs')).size },
    });
    const list = await readFileList(
      host,
      join(dir, 'out/files.zst'),
      manifest.fileList ?? { sha256: '', sizeBytes: 0 },
    );
    expect(list.find('/usr/bin/ping6')).toMatchObject({ mode: 0o4755, hardLink: '/usr/bin/ping', user: 'root' });
    expect(list.find('/bin')).toMatchObject({ type: 'symlink', target: 'usr/bin' });
    expect(list.find('/usr/null')).toMatchObject({ uid: 33, gid: 44, rdev: { major: 1, minor: 3 } });
    expect([...list.below('/etc/hostname')]).toEqual([]);
    const text = readFileSync(join(dir, 'out/manifest.json'), 'utf8');
    const signature = readFileSync(join(dir, 'out/manifest.json.sig'));
    expect(manifestIsSigned(text, signature, [readFileSync(join(dir, 'keys/image.pem'), 'utf8')])).toBe(true);
  });

  test('may come from a tarball, and a failed build changes nothing', async () => {
    plant();
    execFileSync('tar', ['-C', join(dir, 'tree'), '-czf', join(dir, 'tree.tar.gz'), '.']);
    await build({ from: join(dir, 'tree.tar.gz') });
    expect(listed()).toContain('crw-r--r-- 33/44 /usr/null');
    rmSync(join(dir, 'tree/boot/vmlinuz-6.1'));
    await expect(build()).rejects.toMatchObject({ code: 'kernel-missing' });
    writeFileSync(join(dir, 'tree.tar.gz'), 'junk');
    await expect(build({ from: join(dir, 'tree.tar.gz') })).rejects.toMatchObject({ code: 'build-failed' });
    expect(existsSync(join(dir, 'out/root.squashfs'))).toBe(true);
    expect(readdirSync(dir).sort()).toEqual(['keys', 'out', 'tree', 'tree.tar.gz']);
  });

  test('has no time that its root image could not hold, or after the build', async () => {
    plant();
    const times = {
      'old-1960': '1960-01-01',
      'epoch-half': '1969-12-31 23:59:59.5Z',
      'new-2200': '2200-01-01',
      kept: '2001-01-01',
    };
    for (const [name, time] of Object.entries(times)) {
      put(`tree/usr/${name}`, '');
      execFileSync('touch', ['-d', time, join(dir, 'tree/usr', name)]);
    }
    symlinkSync('nowhere', join(dir, 'tree/usr/link'));
    execFileSync('touch', ['-h', '-d', '1950-01-01', join(dir, 'tree/usr/link')]);
    await build();
    const years = execFileSync('unsquashfs', ['-lln', '-UTC', join(dir, 'out/root.squashfs')], { encoding: 'utf8' });
    const yearOf = (name: string) => new RegExp(` (\\d{4})-\\S+ \\S+ \\S*/usr/${name}`).exec(years)?.[1];
    expect([...Object.keys(times), 'link'].map(yearOf)).toEqual(['1970', '1970', '2023', '2001', '1970']);
  });

  test('knows localhost, and says that its /etc and /var are as new as its /usr', async () => {
    plant();
    put('tree/usr/lib/systemd/system/x.service', '');
    put('tree/etc/passwd', 'root:x:0:0::/root:/bin/sh\n');
    put('tree/etc/hosts', '');
    await build({ keepTree: true });
    expect(readFileSync(join(dir, 'out/tree/etc/hosts'), 'utf8')).toMatch(/^127\.0\.0\.1\tlocalhost\n/);
    // condition_test_needs_update: an update is due where /usr is newer.
    const seconds = (path: string) => Math.floor(statSync(join(dir, 'out/tree', path)).mtimeMs / 1000);
    expect(seconds('etc/.updated')).toBeGreaterThanOrEqual(seconds('usr'));
    expect(seconds('var/.updated')).toBeGreaterThanOrEqual(seconds('usr'));
    expect(seconds('usr')).toBeLessThanOrEqual(1_700_000_000);
  });

  test('cannot reach out of its tree by a tarball’s members', async () => {
    plant();
    const victim = join(dir, 'victim');
    mkdirSync(victim);
    writeFileSync(join(victim, 'file'), 'mine');
    const evil = join(dir, 'evil');
    mkdirSync(join(evil, 'dir'), { recursive: true });
    symlinkSync(victim, join(evil, 'out'));
    put('evil/x', 'theirs');
    const tar = (...words: string[]) =>
      execFileSync('tar', ['--file', join(dir, 'evil.tar'), ...words], { stdio: 'ignore' });
    tar('--create', '-C', join(dir, 'tree'), '.');
    // A link that leads out, then a member through it; a member named by .. and one by its absolute path.
    tar('--append', '-C', evil, './out');
    tar('--append', '-P', '-C', evil, '--transform', 's,^x$,./out/file,', 'x');
    tar('--append', '-P', '-C', evil, '--transform', `s,^x$,${victim}/file,`, 'x');
    await build({ from: join(dir, 'evil.tar') }).catch((error: unknown) =>
      expect(error).toMatchObject({ name: 'StatectlError' }),
    );
    tar('--append', '-P', '-C', evil, '--transform', 's,^x$,../../../victim/file,', 'x');
    await expect(build({ from: join(dir, 'evil.tar') })).rejects.toMatchObject({ code: 'build-failed' });
    expect(readFileSync(join(victim, 'file'), 'utf8')).toBe('mine');
    expect(readdirSync(victim)).toEqual(['file']);
  });

  test.skipIf(!has('mkfs.erofs'))(
    'with a name that erofs cannot keep is refused by that name, not as a full disk',
    async () => {
      plant();
      put(`tree/usr/${'n'.repeat(255)}`, 'x');
      await expect(build({ type: 'erofs', compression: 'lz4' })).rejects.toMatchObject({
        code: 'image-source',
        message: expect.stringContaining('more than 254 bytes'),
        hint: expect.stringContaining('--type squashfs'),
      });
      await build();
      rmSync(join(dir, `tree/usr/${'n'.repeat(255)}`));
      put(`tree/usr/${'\u00fc'.repeat(127)}`, 'x');
      await build({ type: 'erofs', compression: 'lz4' });
    },
  );

  test('is not made inside its own source', async () => {
    plant();
    await expect(build({ out: join(dir, 'tree/out') })).rejects.toMatchObject({ code: 'usage' });
  });
});

test('building an image without root is refused before anything is made, with what to do', async () => {
  const programs = { id: () => '1000\n' };
  const user = memoryHost({ programs });
  const input = { from: 'debian:bookworm', out: '/out' } as ImageInput;
  await expect(buildImage(user, input)).rejects.toMatchObject({
    code: 'not-root',
    hint: expect.stringContaining('sudo'),
  });
  expect(user.commands).toEqual(['id -u']);
});
