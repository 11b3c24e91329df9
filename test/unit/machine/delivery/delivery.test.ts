import { describe, expect, it } from 'vitest';
import { boot, EXIT } from '../../../../src/boot/boot.ts';
import { lastGoodPlan } from '../../../../src/boot/record/last-good-plan.ts';
import { IN_SYSROOT } from '../../../../src/boot/roots.ts';
import type { Seed } from '../../../../src/host/memory/seed.ts';
import { find } from '../../../../src/host/memory/tree.ts';
import { memoryHost } from '../../../../src/host/memory.ts';
import { accountNumber, parseAccounts } from '../../../../src/machine/accounts/accounts.ts';
import type { BootRecord } from '../../../../src/machine/boot-record.ts';
import { deliveryFacts } from '../../../../src/machine/delivery/delivery.ts';
import type { Facts } from '../../../../src/machine/facts/facts.ts';
import { BOOT_RECORD, FACTS } from '../../../../src/machine/paths.ts';
import { machineHost } from '../../../../src/machine/roots.ts';
import { type Members, unpackMembers } from '../../../../src/signed/bundle/archive.ts';
import type { RenderedFile } from '../../../../src/signed/bundle/content.ts';
import { sha256Of } from '../../../../src/signed/bundle/manifest.ts';
import { createBundle, createContent, createFile, withBundle } from '../../../fixtures/bundle.ts';
import type { ConfigChanges } from '../../../fixtures/config.ts';
import { type Disk, userDataDisk } from '../../../fixtures/disks/disk.ts';
import { createFacts } from '../../../fixtures/facts.ts';
import { createImage, createServer, DEBIAN_TREE } from '../../../fixtures/image/image.ts';
import { bootHost, type Machine, SERVER } from '../../../fixtures/machine.ts';

const ACCOUNTS: Readonly<Record<string, Seed>> = {
  '/etc/passwd': 'root:x:0:0::/root:/bin/sh\nklipper:x:998:998::/:/bin/sh\n',
  '/etc/group': 'root:x:0:\ndialout:x:20:klipper\n',
};

interface Options {
  readonly files?: readonly RenderedFile[];
  readonly config?: ConfigChanges;
  readonly sequence?: number;
  readonly disk?: Disk;
  /** Of the image, besides a small Debian. */
  readonly tree?: Readonly<Record<string, Seed>>;
}

async function booted({ files = [], config, sequence = 1, disk, tree }: Options): Promise<Machine> {
  const image = createImage({ tree: { ...DEBIAN_TREE, ...ACCOUNTS, ...tree } });
  const bundle = createBundle({ content: createContent(files, config), sequence });
  const machine = bootHost({
    images: [image],
    servers: { [SERVER]: withBundle(bundle, createServer(image)) },
    disks: disk ? [disk] : [],
  });
  const exit = await boot(machine);
  expect({ exit, said: machine.lines.at(-1)?.text }).toMatchObject({ exit: EXIT.handOver });
  return machine;
}

const json = async <T>(machine: Machine, path: string): Promise<T> => JSON.parse(await machine.files.readText(path));
const warnings = async (machine: Machine) =>
  (await json<BootRecord>(machine, BOOT_RECORD)).warnings.filter((text) => !text.includes('nothing persists'));
const read = ({ files }: Machine, path: string) => files.readText(path).catch((error) => error.code);

describe('a file of the bundle', () => {
  it('gets its folders, its mode and the owner that the system knows by this name', async () => {
    const files = [
      createFile('/etc/klipper/a/printer.cfg', { mode: 0o640, owner: 'klipper', group: 'dialout' }),
      createFile('/etc/suid', { mode: 0o4755, owner: '12', group: '34' }),
    ];
    const machine = await booted({ files });
    expect(await machine.files.stat('/sysroot/etc/klipper/a/printer.cfg')).toMatchObject({
      mode: 0o640,
      uid: 998,
      gid: 20,
    });
    expect(await machine.files.stat('/sysroot/etc/suid')).toMatchObject({ mode: 0o4755, uid: 12, gid: 34 });
    expect((await machine.files.stat('/sysroot/etc/klipper/a'))?.mode).toBe(0o755);
    expect(await machine.files.list('/sysroot/etc/klipper/a')).toEqual(['printer.cfg']);
    expect(await warnings(machine)).toEqual([]);
  });

  it('takes the place of a file and of a link, and wins over what the boot makes up', async () => {
    const tree = { '/etc/localtime': { target: '/usr/share/zoneinfo/UTC' }, '/usr/share/zoneinfo/UTC': 'UTC' };
    const files = ['/etc/localtime', '/etc/hostname', '/etc/resolv.conf'].map((path) => createFile(path));
    const machine = await booted({ files, tree });
    for (const { path, content } of files) expect(await read(machine, `/sysroot${path}`)).toBe(content);
    expect((await machine.files.stat('/sysroot/etc/localtime'))?.type).toBe('file');
    expect(await read(machine, '/sysroot/usr/share/zoneinfo/UTC')).toBe('UTC');
  });

  it('follows links of folders inside the root, and into its /run, which is that of the boot', async () => {
    const tree = { '/etc/alias': { target: '/var/lib' }, '/var/run': { target: '/run' } };
    const paths = ['/etc/alias/x', '/run/systemd/system/a.service', '/var/run/b/c'];
    const machine = await booted({ files: paths.map((path) => createFile(path)), tree });
    expect(await warnings(machine)).toEqual([]);
    expect(await read(machine, '/sysroot/var/lib/x')).toBe('# /etc/alias/x\n');
    expect(await read(machine, '/run/systemd/system/a.service')).toBe('# /run/systemd/system/a.service\n');
    expect(await read(machine, '/run/b/c')).toBe('# /var/run/b/c\n');
    expect((await json<BootRecord>(machine, BOOT_RECORD)).wrote).toEqual(
      expect.arrayContaining(['/var/lib/x', '/run/b/c', '/run/systemd/system/a.service']),
    );
  });

  it.each<[string, string, RegExp, Readonly<Record<string, Seed>>]>([
    ['in a place that is read-only', '/usr/bin/tool', /that place is read-only/, {}],
    ['in the root itself', '/file', /that place is read-only/, {}],
    ['where the system has a folder', '/etc/profile.d', /the system has a folder there/, {}],
    ['below a file', '/etc/hostname/x', /no folder that can be made/, {}],
    [
      'below a link that leads nowhere',
      '/etc/gone/x',
      /no folder that can be made/,
      { '/etc/gone': { target: '/opt/x' } },
    ],
    ['below links that never end', '/etc/loop/x', /no folder that can be made/, { '/etc/loop': { target: 'loop' } }],
    [
      'that a link leads to what is ours',
      '/etc/ours/statectl/boot.json',
      /belongs to statectl/,
      { '/etc/ours': { target: '/run' } },
    ],
    [
      'that a link leads to the kernel',
      '/etc/kernel/x',
      /belongs to the kernel/,
      { '/etc/kernel': { target: '/proc' }, '/proc': { type: 'dir' } },
    ],
  ])('%s is left out and told, and the others come', async (_title, path, why, tree) => {
    const before = bootHost();
    const machine = await booted({ files: [createFile(path), createFile('/etc/motd')], tree });
    expect(await warnings(machine)).toEqual([
      expect.stringMatching(new RegExp(`^${path} of the bundle is not delivered: .*${why.source}`)),
    ]);
    expect(await read(machine, '/sysroot/etc/motd')).toBe('# /etc/motd\n');
    // Nothing of the initramfs itself was touched.
    for (const folder of ['/etc', '/opt', '/usr', '/bin', '/'])
      expect((await machine.files.list(folder).catch(() => [])).filter((name) => name !== 'config.json')).toEqual(
        (await before.files.list(folder).catch(() => [])).filter((name) => name !== 'config.json'),
      );
  });

  it('leads nowhere out of the root: `..` in links ends at its top', async () => {
    const tree = { '/etc/up': { target: '../../../../var' } };
    const machine = await booted({ files: [createFile('/etc/up/lib/x')], tree });
    expect(await read(machine, '/sysroot/var/lib/x')).toBe('# /etc/up/lib/x\n');
    expect(await read(machine, '/var/lib/x')).toBe('ENOENT');
  });

  it('of an owner whom the system does not know is left out', async () => {
    const files = [createFile('/etc/a', { owner: 'nobody' }), createFile('/etc/b', { group: 'print' })];
    expect(await warnings(await booted({ files }))).toEqual([
      '/etc/a of the bundle is not delivered: this system has no user "nobody"',
      '/etc/b of the bundle is not delivered: this system has no group "print"',
    ]);
  });

  it('that another is too, by a link, is left out', async () => {
    const tree = { '/etc/alias': { target: 'real' }, '/etc/real': { type: 'dir' } } as const;
    const machine = await booted({ files: [createFile('/etc/alias/x'), createFile('/etc/real/x')], tree });
    expect(await warnings(machine)).toEqual([expect.stringContaining('another file of the bundle is /etc/real/x too')]);
  });
});

const LIST = '/persistent/statectl/bundle/delivered';
const onDisk = (disk: Disk, path: string): string | undefined => {
  try {
    return find(disk.root, path, 'follow', 'open').data.toString();
  } catch {
    return undefined;
  }
};

describe('a file that is no longer in the bundle', () => {
  it('is gone at the next boot where places persist', async () => {
    const disk = userDataDisk();
    await booted({ disk, files: [createFile('/root/.ssh/authorized_keys'), createFile('/etc/motd')] });
    expect(onDisk(disk, LIST)).toBe('/root/.ssh/authorized_keys\n');
    expect(onDisk(disk, '/persistent/local/root/.ssh/authorized_keys')).toBe('# /root/.ssh/authorized_keys\n');
    const machine = await booted({ disk, sequence: 2 });
    expect(onDisk(disk, '/persistent/local/root/.ssh/authorized_keys')).toBeUndefined();
    expect(onDisk(disk, LIST)).toBe('');
    expect(await read(machine, '/sysroot/etc/motd')).toBe('ENOENT');
    expect(await warnings(machine)).toEqual([]);
  });

  it('lets the file of the image show again, as it was', async () => {
    const disk = userDataDisk();
    const tree = { '/root/.profile': { data: 'of the image\n', mode: 0o600, uid: 5 } };
    await booted({ disk, tree, files: [createFile('/root/.profile')] });
    const machine = await booted({ disk, tree, sequence: 2 });
    expect(await read(machine, '/sysroot/root/.profile')).toBe('of the image\n');
    expect(await machine.files.stat('/sysroot/root/.profile')).toMatchObject({ mode: 0o600, uid: 5 });
  });

  it("leaves alone what is a person's, and what a link leads away", async () => {
    const disk = userDataDisk();
    await booted({ disk, files: [createFile('/root/a/x'), createFile('/root/b')] });
    const root = find(disk.root, '/persistent/local/root', 'follow', 'open');
    root.entries.delete('a');
    const { plant } = await import('../../../../src/host/memory/seed.ts');
    plant(disk.root, '/persistent/local/root/a', { target: '../home' }, 0);
    plant(disk.root, '/persistent/local/home/x', 'a person wrote this', 0);
    plant(disk.root, '/persistent/local/root/mine', 'mine', 0);
    await booted({ disk, sequence: 2 });
    expect(onDisk(disk, '/persistent/local/root/b')).toBeUndefined();
    expect(onDisk(disk, '/persistent/local/home/x')).toBe('a person wrote this');
    expect(onDisk(disk, '/persistent/local/root/mine')).toBe('mine');
  });

  it('stays on the list while its place does not persist, and goes when it does again', async () => {
    const disk = userDataDisk();
    await booted({ disk, files: [createFile('/root/x')] });
    const overlays = { '/etc': { kind: 'ramdisk', size: '50%', options: [] } } as const;
    await booted({ disk, sequence: 2, config: { overlays } });
    expect(onDisk(disk, '/persistent/local/root/x')).toBe('# /root/x\n');
    expect(onDisk(disk, LIST)).toBe('/root/x\n');
    await booted({ disk, sequence: 3 });
    expect(onDisk(disk, '/persistent/local/root/x')).toBeUndefined();
  });

  it('is not taken away a second time by the plan of the last good boot', async () => {
    const disk = userDataDisk();
    await booted({ disk, files: [createFile('/root/x'), createFile('/root/y')] });
    const machine = await booted({ disk, sequence: 2, files: [createFile('/root/y')] });
    const plan = lastGoodPlan(await json<Facts>(machine, FACTS)) ?? '';
    expect(plan).not.toContain('/root/x');
    expect(plan).toMatch(
      /cp \/sysroot\/user-data\/persistent\/statectl\/bundle\/[0-9a-f]{64}\/files\/[0-9a-f]{64} \/sysroot\/root\/y/,
    );
  });
});

describe('the manifest on the disk, which says what files go where', () => {
  const [first, second] = [createFile('/etc/motd'), createFile('/root/evil', { mode: 0o4755 })].map((file, sequence) =>
    unpackMembers(createBundle({ content: createContent([file]), sequence }).archive),
  ) as [Members, Members];
  const manifestOf = (members: Members) => Buffer.from(members.get('manifest.json') ?? []).toString();

  async function deliveryOf(onDisk: string) {
    const dir = '/user-data/persistent/statectl/bundle/x';
    const host = memoryHost({
      files: {
        [`/sysroot${dir}/manifest.json`]: onDisk,
        ...Object.fromEntries(Object.entries(ACCOUNTS).map(([path, seed]) => [`/sysroot${path}`, seed])),
        '/sysroot/root': { type: 'dir' },
        '/proc/mounts': 'tmpfs /sysroot tmpfs rw 0 0\n',
      },
    });
    const { bundle } = createFacts({
      bundle: {
        inForce: {
          ...{ origin: 'cached', dir, digest: sha256Of(manifestOf(first)), contentDigest: 'c'.repeat(64) },
          ...{ notBeforeMs: 0, epoch: 0, sequence: 0 },
        },
      },
    });
    const warned: string[] = [];
    const boot = {
      say: () => {},
      warn: (text: string) => void warned.push(text),
      signal: new AbortController().signal,
    };
    const facts = { ...createFacts(), bundle };
    return { delivery: await deliveryFacts(machineHost(host, IN_SYSROOT), facts, boot), warned };
  }

  it('is the one that was verified', async () => {
    const { delivery, warned } = await deliveryOf(manifestOf(first));
    expect([delivery?.files.map(({ to }) => to), warned]).toEqual([['/etc/motd'], []]);
  });

  it.each([
    ['another that was signed as well', manifestOf(second)],
    ['the same with a byte more', `${manifestOf(first)} `],
    ['nothing', ''],
  ])('delivers nothing when it is %s by then, and says so', async (_, text) => {
    const { delivery, warned } = await deliveryOf(text);
    expect(delivery).toBeUndefined();
    expect(warned).toEqual([
      expect.stringMatching(/^no file of the bundle is delivered: .* changed after it was verified$/),
    ]);
  });
});

it('a disk is not written to when nothing changed', async () => {
  const disk = userDataDisk();
  await booted({ disk, files: [createFile('/root/x')] });
  const inode = find(disk.root, '/persistent/local/root/x', 'follow', 'open');
  const list = find(disk.root, LIST, 'follow', 'open');
  await booted({ disk, files: [createFile('/root/x')] });
  expect(find(disk.root, '/persistent/local/root/x', 'follow', 'open')).toBe(inode);
  expect(find(disk.root, LIST, 'follow', 'open')).toBe(list);
});

it('numbers of accounts are read as passwd(5) and group(5) have them', () => {
  const text = 'root:x:0:0\n# x:x:1\n+@nis:x:2\nno number:x:y\nmax:x:4294967295\na:x:7\na:x:8\n\n_b:*:9:\n';
  expect([...parseAccounts(text)]).toEqual([
    ['root', 0],
    ['a', 7],
    ['_b', 9],
  ]);
  const accounts = parseAccounts('12:x:7\nweb:x:33\n');
  expect(['web', '12', '13', 'x', '4294967295', ''].map((name) => accountNumber(accounts, name))).toEqual([
    33,
    7,
    13,
    undefined,
    undefined,
    undefined,
  ]);
});

describe('a file of config.d in the initramfs', () => {
  const config = {
    'system/etc.conf':
      'files: { /etc/lab: { text: "lab\\n", mode: "0640", owner: "klipper:dialout" } }\ntemplates: [motd]\n',
    'templates/motd': '---\npath: /etc/motd\n---\nhello\n',
  };
  const alone = async (files: Readonly<Record<string, string>>, bundle?: readonly RenderedFile[]) => {
    const image = createImage({ tree: { ...DEBIAN_TREE, ...ACCOUNTS } });
    const server = createServer(image);
    const machine = bootHost({
      images: [image],
      servers: { [SERVER]: bundle ? withBundle(createBundle({ content: createContent(bundle) }), server) : server },
      config: files,
    });
    expect(await boot(machine)).toBe(EXIT.handOver);
    return machine;
  };

  it('is there without any bundle, with what templates make for a machine that no node file names', async () => {
    const machine = await alone(config);
    expect([await read(machine, '/sysroot/etc/lab'), await read(machine, '/sysroot/etc/motd')]).toEqual([
      'lab\n',
      'hello\n',
    ]);
    expect(await machine.files.stat('/sysroot/etc/lab')).toMatchObject({ mode: 0o640, uid: 998 });
    expect(await warnings(machine)).toEqual([]);
  });

  it('is there although a template needs a node, which is said', async () => {
    const machine = await alone({ ...config, 'templates/motd': '---\npath: /etc/motd\n---\n{{ metadata.room }}\n' });
    expect([await read(machine, '/sysroot/etc/lab'), await read(machine, '/sysroot/etc/motd')]).toEqual([
      'lab\n',
      'ENOENT',
    ]);
    expect(machine.lines.map(({ text }) => text).join('\n')).toMatch(/no template .*: templates\/motd:4:\d+ /);
  });

  it('gives way to a bundle, whole', async () => {
    const machine = await alone(config, [createFile('/etc/other')]);
    expect([await read(machine, '/sysroot/etc/lab'), await read(machine, '/sysroot/etc/motd')]).toEqual([
      'ENOENT',
      'ENOENT',
    ]);
  });
});
