import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { linuxHost } from '../../../src/host/linux/host.ts';
import { memoryHost } from '../../../src/host/memory.ts';
import { buildInitramfs, type InitramfsInput } from '../../../src/image/initramfs/build-initramfs.ts';
import { readScripts } from '../../../src/image/initramfs/scripts.ts';
import { readSegments } from '../../../src/image/initramfs/segments/segments.ts';
import { signManifest, writeManifest } from '../../../src/signed/image-manifest.ts';
import { createKey } from '../../fixtures/image/image.ts';
import { ko } from '../../fixtures/image/ko.ts';

const starts = (...programs: string[]) =>
  programs.every((program) => spawnSync(program, ['--version']).error === undefined);
const isStatic =
  /statically linked/.test(spawnSync('file', ['-L', '/bin/busybox'], { encoding: 'utf8' }).stdout ?? '') ||
  spawnSync('ldd', ['/bin/busybox']).status === 1;
const canBuild =
  process.arch === 'x64' && isStatic && existsSync('/bin/busybox') && starts('mksquashfs', 'depmod', 'patchelf');

const { console } = memoryHost();
const host = { ...linuxHost(), console };
const RELEASE = '6.1.0-test';

/** Ours, with one tool, which is this machine's `true`, and a set, its `false`. */
const SCRIPTS = new Map([
  ...(await readScripts(host, 'initramfs')),
  ...Object.entries({
    tools: '/usr/bin/true\n/usr/bin/true yes\n[no]\n/usr/bin/false\n',
    'tools-packages': '',
    applets: 'sh mount\n',
  }).map(([name, text]) => [name, Buffer.from(text)] as const),
]);

let dirs: string[] = [];
const folderIn = (parent: string): string => {
  const dir = mkdtempSync(join(parent, 'statectl-initramfs-'));
  dirs.push(dir);
  return dir;
};
beforeEach(() => {
  dirs = [];
});
afterEach(() => {
  for (const dir of dirs) rmSync(dir, { recursive: true });
});

/** An image with four modules, whose folder grows in this order. */
function plant(dir: string, order: 'forth' | 'back' = 'forth'): InitramfsInput {
  const modules = {
    loop: ko({}),
    squashfs: ko({ imports: ['unzip'] }),
    zlib: ko({ exports: ['unzip'] }),
    nic: ko({ info: ['firmware=nic.bin', 'firmware=lost.bin'] }),
  };
  const files: [string, string | Uint8Array][] = [
    ...Object.entries(modules).map(
      ([name, data]) =>
        [`image/tree/usr/lib/modules/${RELEASE}/kernel/drivers/net/ethernet/${name}.ko`, data] as [string, Uint8Array],
    ),
    ['image/tree/usr/lib/firmware/nic.bin', 'firmware'],
    ['config.d/system/boot.conf', ''],
  ];
  for (const [path, data] of order === 'forth' ? files : files.reverse()) {
    mkdirSync(dirname(join(dir, path)), { recursive: true });
    writeFileSync(join(dir, path), data);
  }
  execFileSync('ln', ['-s', 'usr/lib', join(dir, 'image/tree/lib')]);
  execFileSync('depmod', ['-b', join(dir, 'image/tree'), RELEASE], { stdio: 'ignore' });
  const file = { file: 'vmlinuz', sha256: '0'.repeat(64), sizeBytes: 0 };
  const manifest = {
    format: 1,
    name: 'lab',
    version: '1',
    arch: 'x86_64',
    kernelRelease: RELEASE,
    kernel: file,
  } as const;
  writeFileSync(
    join(dir, 'image/manifest.json'),
    writeManifest({ ...manifest, root: { ...file, file: 'root.squashfs', type: 'squashfs' } }),
  );
  return {
    image: join(dir, 'image'),
    config: join(dir, 'config.d'),
    statectl: '/usr/bin/env',
    tools: { folder: '/' },
    cache: join(dir, 'cache'),
    scripts: SCRIPTS,
    trusted: { 'builder.image.pem': 'key', 'ca.pem': 'certificate' },
    modules: ['all'],
    compression: 'zstd-fast',
    modulesCompression: 'zstd-fast',
    out: join(dir, 'out/initramfs.img'),
  };
}

describe.skipIf(!canBuild)('an initramfs', () => {
  test('has the same bytes whatever the time zone, umask, folder and order of the disk', async () => {
    const one = await buildInitramfs(host, plant(folderIn(tmpdir())));
    const [umask, zone] = [process.umask(0o077), process.env.TZ];
    process.env.TZ = 'Pacific/Kiritimati';
    try {
      const elsewhere = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
      const two = await buildInitramfs(host, plant(folderIn(elsewhere), 'back'));
      expect(two.sha256).toBe(one.sha256);
      expect(readFileSync(two.out).equals(readFileSync(one.out))).toBe(true);
    } finally {
      process.umask(umask);
      if (zone === undefined) delete process.env.TZ;
      else process.env.TZ = zone;
    }
  });

  test('is told to be of no use for an image that no key in it signed', async () => {
    const [input, key] = [plant(folderIn(tmpdir())), createKey()];
    const signature = signManifest(readFileSync(join(input.image, 'manifest.json'), 'utf8'), key.privateKey);
    writeFileSync(join(input.image, 'manifest.json.sig'), signature);
    const told = async (trusted: InitramfsInput['trusted']) => {
      const { console, lines } = memoryHost();
      await buildInitramfs({ ...host, console }, { ...input, trusted });
      return lines.some(({ text }) => text.includes('machines will refuse that image'));
    };
    expect(await told({ 'builder.image.pem': createKey().publicPem, 'next.image.pem': key.publicPem })).toBe(false);
    expect(await told({ 'builder.image.pem': createKey().publicPem })).toBe(true);
  });

  test('has the early modules in load order, the trust anchors, and digests of the other segments', async () => {
    const input = plant(folderIn(tmpdir()));
    const result = await buildInitramfs(host, input);
    expect(result).toMatchObject({ modules: 4, leftOut: [], missingFirmware: ['lost.bin'] });
    const { segments } = await readSegments(readFileSync(input.out));
    expect(segments.map(({ compression }) => compression)).toEqual(['zstd', 'none', 'none', 'none', 'none']);
    expect(result.segments.map(({ name }) => name)).toEqual(['loader', 'modules', 'runtime', 'tools no', 'config']);
    const [loader, , , , config] = segments.map(({ entries }) => new Map(entries.map((entry) => [entry.name, entry])));
    const textOf = (name: string) =>
      'data' in loader!.get(name)! ? (loader!.get(name) as { data: Buffer }).data.toString() : undefined;
    expect(textOf('etc/statectl.env')).toContain("STATECTL_LOADER_MODULES='loop zlib squashfs'");
    expect(textOf('etc/statectl.env')).toContain('STATECTL_TOOL_SETS=no\n');
    expect(textOf('etc/trust/ca.pem')).toBe('certificate');
    // No root image, and no certificate: nothing tells when it was made.
    expect(textOf('etc/built')).toBe('0\n');
    expect(textOf('etc/segments.sha256')).toMatch(
      /^[0-9a-f]{64} {2}\/modules\.squashfs\n[0-9a-f]{64} {2}\/runtime\.squashfs\n[0-9a-f]{64} {2}\/sets\/no\.squashfs\n$/,
    );
    expect(loader!.get('lib64')).toMatchObject({ type: 'symlink', target: '/run/initramfs/rt/lib' });
    expect([...config!.keys()]).toEqual(['config.d', 'config.d/system', 'config.d/system/boot.conf', 'config.json']);
    expect(readdirSync(dirname(input.out))).toEqual(['initramfs.img']);
  });

  test('is refused, and the earlier file stays, when what a boot needs is missing', async () => {
    const input = plant(folderIn(tmpdir()));
    mkdirSync(dirname(input.out));
    writeFileSync(input.out, 'earlier');
    const refused = (more: Partial<InitramfsInput>) =>
      buildInitramfs(host, { ...input, ...more }).catch((error: unknown) => error);
    expect(await refused({ modules: ['all', 'zfs'] })).toMatchObject({
      code: 'module-missing',
      message: expect.stringContaining('zfs'),
    });
    expect(await refused({ statectl: '/none' })).toMatchObject({ code: 'statectl-missing' });
    expect(await refused({ statectl: '/bin/busybox' })).toMatchObject({ code: 'statectl-invalid' });
    expect(await refused({ tools: { folder: '/none' } })).toMatchObject({ code: 'tools-missing' });
    expect(await refused({ config: '/none' })).toMatchObject({ code: 'config-missing' });
    expect(await refused({ scripts: new Map() })).toMatchObject({ code: 'scripts-missing' });
    expect(await refused({ tools: 'image' })).toMatchObject({
      code: 'tool-missing',
      message: 'the tools have no busybox',
    });
    expect(await refused({ image: dirname(input.out) })).toMatchObject({ code: 'image-incomplete' });
    rmSync(join(input.image, `tree/usr/lib/modules/${RELEASE}/kernel/drivers/net/ethernet/loop.ko`));
    expect(await refused({})).toMatchObject({ code: 'module-missing', message: expect.stringContaining('lacks loop') });
    expect(readFileSync(input.out, 'utf8')).toBe('earlier');
    expect(readdirSync(dirname(input.out))).toEqual(['initramfs.img']);
  });

  const pack = (input: InitramfsInput, programs: Readonly<Record<string, readonly string[]>>) => {
    const home = join(input.image, `tree/usr/lib/modules/${RELEASE}`);
    // By hand: Debian's depmod knows nothing of gzip.
    let list = readFileSync(join(home, 'modules.dep'), 'utf8');
    for (const [name, [program = '', ...args]] of Object.entries(programs)) {
      execFileSync(program, [...args, join(home, `kernel/drivers/net/ethernet/${name}.ko`)]);
      list = list.replaceAll(`${name}.ko`, `${name}.ko.${{ gzip: 'gz', zstd: 'zst' }[program] ?? program}`);
    }
    writeFileSync(join(home, 'modules.dep'), list);
    return input;
  };
  const zstd = ['zstd', '-q', '--rm'];
  test.skipIf(!starts('zstd', 'xz')).each([
    ['zstd, as in Ubuntu and Arch', { loop: zstd, squashfs: zstd, zlib: zstd, nic: zstd }],
    ['xz, as in Debian 13 and Fedora', { loop: ['xz'], squashfs: ['xz'], zlib: ['xz'], nic: ['xz'] }],
    ['gzip', { loop: ['gzip'], squashfs: ['gzip'], zlib: ['gzip'], nic: ['gzip'] }],
    ['several ways', { loop: ['xz'], squashfs: zstd, zlib: ['gzip', '-9'] }],
  ] as const)('has modules that the first programs can load where the image has them in %s', async (_, packed) => {
    const plain = await buildInitramfs(host, plant(folderIn(tmpdir())));
    const input = pack(plant(folderIn(tmpdir())), packed);
    // Every byte: loader, modules.dep, modules, firmware.
    expect((await buildInitramfs(host, input)).sha256).toBe(plain.sha256);
  });

  test.skipIf(!starts('xz')).each([
    ['loop.ko.gz', 'gzip'],
    ['loop.ko.xz', 'xz'],
  ])('is refused where the packed module %s is damaged, and says which', async (name, packer) => {
    const input = pack(plant(folderIn(tmpdir())), { nic: ['xz'], loop: [packer] });
    const home = join(input.image, `tree/usr/lib/modules/${RELEASE}/kernel/drivers/net/ethernet`);
    writeFileSync(join(home, name), readFileSync(join(home, name)).subarray(0, 60));
    await expect(buildInitramfs(host, input)).rejects.toMatchObject({
      code: 'module-invalid',
      message: expect.stringContaining(`${name} cannot be unpacked`),
      hint: expect.stringContaining('kernel package'),
    });
  });

  test('takes nothing from outside of the image that its lists and modules name, and puts nothing there', async () => {
    const input = plant(folderIn(tmpdir()));
    const home = join(input.image, `tree/usr/lib/modules/${RELEASE}`);
    const evil = `../../../../../../../../..${input.cache}`;
    writeFileSync(
      join(home, 'kernel/drivers/net/ethernet/nic.ko'),
      ko({ info: [`firmware=${evil}/stolen`, 'firmware=../../../../escaped'] }),
    );
    mkdirSync(input.cache, { recursive: true });
    writeFileSync(join(input.cache, 'stolen'), 'mine');
    writeFileSync(join(input.image, 'tree/escaped'), 'x');
    const { missingFirmware } = await buildInitramfs(host, input);
    expect(missingFirmware).toContain('../../../../escaped');
    expect(readdirSync(dirname(input.out))).toEqual(['initramfs.img']);
    writeFileSync(join(home, 'modules.dep'), `kernel/../../../../../escaped/nic.ko:\n`, { flag: 'a' });
    await expect(buildInitramfs(host, input)).rejects.toMatchObject({ code: 'module-invalid' });
  });
});
