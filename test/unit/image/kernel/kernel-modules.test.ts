import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { linuxFiles } from '../../../../src/host/linux/files.ts';
import { moduleClosure } from '../../../../src/image/kernel/kernel-modules.ts';
import {
  hostModules,
  MODULE_CLASSES,
  type ModuleClass,
  modulesOfClass,
} from '../../../../src/image/kernel/module-classes.ts';
import { type ModuleIndex, readModuleIndex } from '../../../../src/image/kernel/module-index.ts';
import { ko, type Module } from '../../../fixtures/image/ko.ts';

const host = { files: linuxFiles() };
const RELEASE = '6.1.0-test';
const DIRECTORY = `/usr/lib/modules/${RELEASE}`;

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'statectl-modules-'));
  mkdirSync(join(root, '/usr/lib'), { recursive: true });
  symlinkSync('usr/lib', join(root, 'lib'));
});
afterEach(() => rmSync(root, { recursive: true }));

const put = (path: string, content: Buffer | string) => {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), content);
};
/** A tree as depmod left it: `dep` is modules.dep, whose modules are made too. */
const plant = (dep: string, others: Readonly<Record<string, string>> = {}) => {
  put(`${DIRECTORY}/modules.dep`, dep);
  for (const path of dep.matchAll(/^\S+(?=:)/gm)) put(`${DIRECTORY}/${path[0]}`, ko({}));
  for (const [name, text] of Object.entries(others)) put(`${DIRECTORY}/modules.${name}`, text);
};
const closureOf = (...names: string[]) => moduleClosure(host, root, RELEASE, names);
const namesOf = (paths: readonly string[]) => paths.map((path) => basename(path).replace(/\.ko.*/, ''));

describe('the closure of modules', () => {
  test('loads dependencies first, whichever way a name is spelled', async () => {
    plant(
      'kernel/fs/ext4.ko: kernel/fs/jbd2.ko kernel/lib/crc-16.ko\nkernel/fs/jbd2.ko: kernel/lib/crc-16.ko\nkernel/lib/crc-16.ko:\n',
    );
    expect((await closureOf('ext4', 'crc-16', 'crc_16')).modules).toEqual([
      `${DIRECTORY}/kernel/lib/crc-16.ko`,
      `${DIRECTORY}/kernel/fs/jbd2.ko`,
      `${DIRECTORY}/kernel/fs/ext4.ko`,
    ]);
  });

  test('loads soft dependencies before and after, found by alias too', async () => {
    plant('a.ko: dep.ko\ndep.ko:\ncrc-a.ko: lib.ko\ncrc-b.ko:\nlib.ko:\nafter.ko:\n', {
      softdep: '# comment\nsoftdep a pre: crypto-crc lost post: after\n',
      alias: 'alias crypto-crc crc_a\nalias crypto-crc crc_b\n',
    });
    const closure = await closureOf('a');
    expect(namesOf(closure.modules)).toEqual(['dep', 'lib', 'crc-a', 'crc-b', 'a', 'after']);
    expect(closure.missing).toEqual([]);
  });

  test('tells what modules may ask for later apart from what modprobe loads', async () => {
    plant('btrfs.ko:\nxxhash.ko: lib.ko\nlib.ko:\nsha.ko:\nmd5.ko:\nblake.ko:\n', {
      softdep: 'softdep btrfs sha pre: blake\nsoftdep btrfs pre: xxhash\n',
      weakdep: '# comment\nweakdep xxhash md5\n',
    });
    const closure = await closureOf('btrfs');
    expect(namesOf(closure.modules)).toEqual(['blake', 'btrfs']);
    expect(namesOf(closure.requested)).toEqual(['sha', 'lib', 'xxhash', 'md5']);
  });

  test('ends when soft dependencies go round in a circle', async () => {
    plant('a.ko:\nb.ko: a.ko\n', { softdep: 'softdep a pre: b\nsoftdep b post: a\n' });
    expect(namesOf((await closureOf('a')).modules).sort()).toEqual(['a', 'b']);
  });

  test('tells what is built in and what is missing', async () => {
    plant('a.ko: b.ko\nb.ko:\n', {
      builtin: 'kernel/drivers/input/serio/i8042.ko\n',
      'builtin.modinfo': 'hmac.alias=crypto-hmac\0i8042.firmware=ps2.bin\0',
    });
    rmSync(join(root, DIRECTORY, 'b.ko'));
    expect(await closureOf('a', 'i8042', 'crypto-hmac', 'zfs')).toMatchObject({
      builtin: ['i8042', 'crypto_hmac'],
      missing: ['zfs', 'b'],
      missingFirmware: ['ps2.bin'],
    });
  });

  test('is found below /lib of a tree without merged /usr', async () => {
    rmSync(join(root, 'lib'));
    put(`/lib/modules/${RELEASE}/modules.dep`, 'a.ko:\n');
    put(`/lib/modules/${RELEASE}/a.ko`, ko({}));
    expect((await closureOf('a')).modules).toEqual([`/lib/modules/${RELEASE}/a.ko`]);
  });

  test('fails with a hint when there is no such kernel or depmod has not run', async () => {
    await expect(closureOf('a')).rejects.toMatchObject({
      code: 'modules-missing',
      hint: expect.stringContaining('no kernel'),
    });
    mkdirSync(join(root, DIRECTORY), { recursive: true });
    await expect(closureOf('a')).rejects.toMatchObject({ hint: `run \`depmod -b ${root} ${RELEASE}\`` });
    const other = moduleClosure(host, root, '6.12.0', ['a']);
    await expect(other).rejects.toMatchObject({ hint: expect.stringContaining(`modules for: ${RELEASE};`) });
  });
});

describe('firmware', () => {
  const wants = (...names: string[]) => ko({ info: names.map((name) => `firmware=${name}`) });

  test('is found plain, compressed, by pattern and in updates; the rest is listed', async () => {
    plant('nic.ko:\n');
    put(`${DIRECTORY}/nic.ko`, wants('a/plain.bin', 'a/packed.bin', 'b/chip-*.txt', 'lost.bin', 'new.bin'));
    for (const name of [
      'a/plain.bin',
      'a/packed.bin.zst',
      'b/chip-1.txt.xz',
      'b/chip-2.txt',
      'b/chip-3.bin',
      'new.bin',
      'updates/new.bin',
    ])
      put(`/usr/lib/firmware/${name}`, '');
    expect(await closureOf('nic')).toMatchObject({
      firmware: ['a/packed.bin.zst', 'a/plain.bin', 'b/chip-1.txt.xz', 'b/chip-2.txt', 'updates/new.bin'].map(
        (name) => `/lib/firmware/${name}`,
      ),
      missingFirmware: ['lost.bin'],
    });
  });

  test('keeps the name that the driver asks for when its folder is a link', async () => {
    plant('gpu.ko:\n');
    put(`${DIRECTORY}/gpu.ko`, wants('ad103/gsp.bin'));
    put('/usr/lib/firmware/ad102/gsp.bin', '');
    symlinkSync('ad102', join(root, '/usr/lib/firmware/ad103'));
    expect((await closureOf('gpu')).firmware).toEqual(['/lib/firmware/ad103/gsp.bin']);
  });

  test('of compressed modules is read too', async () => {
    plant('a.ko.gz: b.ko.zst c.ko.xz\nb.ko.zst:\nc.ko.xz:\n');
    put(`${DIRECTORY}/a.ko.gz`, gzipSync(wants('a.bin')));
    put(`${DIRECTORY}/b.ko.zst`, zstdCompressSync(wants('b.bin')));
    const xz = async (kind: string) => (kind === 'xz' ? wants('c.bin') : Buffer.alloc(0));
    const closure = await moduleClosure(host, root, RELEASE, ['a'], xz);
    expect(namesOf(closure.modules)).toEqual(['c', 'b', 'a']);
    expect(closure.missingFirmware).toEqual(['a.bin', 'b.bin', 'c.bin']);
  });
});

test('an alias is matched as fnmatch does, with - and _ as one', async () => {
  plant('e1000e.ko:\nehci-pci.ko:\nhid.ko:\nof.ko:\nany.ko:\n', {
    alias: [
      'alias pci:v00008086d000010D3sv*sd*bc*sc*i* e1000e',
      'alias pci:v*d*sv*sd*bc0Csc03i20* ehci_pci',
      'alias usb:v*p*ic03isc0[0-1]ip* hid',
      'alias usb:v*p*ic04isc[!0]?ip* hid',
      'alias of:N*T*Cacme,e-net.v(2)C* of',
      'alias *anything* any',
    ].join('\n'),
  });
  const { lookup } = await readModuleIndex(host, root, RELEASE);
  expect(lookup('pci:v00008086d000010D3sv00008086sd0000A01Fbc02sc00i00')).toEqual(['e1000e']);
  expect(lookup('pci:v00001B36d0000000Dsv1sd2bc0Csc03i20')).toEqual(['ehci_pci']);
  expect(lookup('usb:v1p2ic03isc01ip02')).toEqual(['hid']);
  expect(lookup('usb:v1p2ic03isc02ip02')).toEqual([]);
  expect(lookup('usb:v1p2ic04isc11ip')).toEqual(['hid']);
  expect(lookup('usb:v1p2ic04isc01ip')).toEqual([]);
  expect(lookup('of:NethTnetCacme,e_net.v(2)Cacme,enet')).toEqual(['of']);
  expect(lookup('of:NethTnetCacme,e_net+v(2)Cacme,enet')).toEqual([]);
  expect(lookup('usb:anything')).toEqual(['any']);
});

describe('a class of modules', () => {
  const classOf = (...classes: ModuleClass[]) => modulesOfClass(host, root, RELEASE, classes);

  test('network is wired cards and what they ask for, without wireless, PCMCIA and modems', async () => {
    const paths = [
      'ethernet/intel/e1000e/e1000e',
      'wireless/ath/ath9k',
      'usb/r8152',
      'usb/qmi_wwan',
      'phy/realtek',
      'can/dev/can-dev',
    ];
    const more = [
      'virtio_net',
      'xen-netfront',
      'dsa/mv88e6060',
      'ppp/ppp_generic',
      'ethernet/8390/pcnet_cs',
      'vmxnet3/vmxnet3',
    ];
    plant([...paths, ...more].map((path) => `kernel/drivers/net/${path}.ko:\n`).join(''));
    expect(await classOf('network')).toEqual(['e1000e', 'r8152', 'realtek', 'virtio_net', 'vmxnet3', 'xen_netfront']);
  });

  test('has built-in modules too, and those that a newer one replaces', async () => {
    plant('updates/dkms/drbd.ko.xz:\nkernel/drivers/block/zram/zram.ko:\nkernel/drivers/block/zram.ko:\n', {
      order: 'kernel/drivers/block/drbd/drbd.ko\nkernel/drivers/block/gone.ko\n',
      builtin: 'kernel/drivers/scsi/sd_mod.ko\n',
    });
    expect(await classOf('storage', 'filesystems')).toEqual(['drbd', 'sd_mod']);
  });

  test('has a title for the help', () => {
    for (const { title } of Object.values(MODULE_CLASSES)) expect(title).toMatch(/^[^.]{10,}$/);
  });
});

test('the modules of this machine are those its devices ask for', async () => {
  plant('a.ko:\nb.ko:\nc.ko:\n', {
    alias: 'alias pci:v1* a\nalias virtio:d2* b\nalias input:b* c\n',
    builtin: 'kernel/d.ko\n',
  });
  const sysfs: Readonly<Record<string, string | readonly string[]>> = {
    '/sys/bus': ['pci', 'virtio'],
    '/sys/bus/pci/devices': ['0', '1'],
    '/sys/bus/virtio/devices': ['virtio0'],
    '/sys/bus/pci/devices/0/modalias': 'pci:v1d2\n',
    '/sys/bus/virtio/devices/virtio0/modalias': 'virtio:d2v3\n',
    '/sys/class/input': ['input0'],
    '/sys/class/input/input0/modalias': 'input:b1\n',
  };
  const answer = async (path: string, real: (path: string) => Promise<unknown>) =>
    path.startsWith('/sys') ? (sysfs[path] ?? Promise.reject(new Error('ENOENT'))) : real(path);
  const files = {
    ...host.files,
    list: (path: string) => answer(path, host.files.list) as Promise<readonly string[]>,
    readText: (path: string) => answer(path, host.files.readText) as Promise<string>,
  };
  expect(await hostModules({ files }, root, RELEASE)).toEqual(['a', 'b', 'c']);
});

/** What modprobe would load, in order and once. Not by this machine's modprobe.d. */
const modprobe = (tree: string, release: string, name: string): string[] => {
  const { stdout } = spawnSync('modprobe', ['-C', '/dev/null', '-d', tree, '-S', release, '--show-depends', name], {
    encoding: 'utf8',
  });
  const paths = [...stdout.matchAll(/^insmod (\S+)/gm)].map((match) => match[1]?.split(`/${release}/`)[1] ?? '');
  return [...new Set(paths)];
};
const ours = async (tree: string, release: string, index: ModuleIndex, name: string): Promise<string[]> =>
  (await moduleClosure(host, tree, release, [name])).modules.map((path) => path.slice(index.directory.length + 1));

const hasKmod = ['depmod', 'modprobe'].every((name) => spawnSync(name, ['--version']).status === 0);
test.skipIf(!hasKmod)('the closure equals modprobe --show-depends for a tree that depmod indexed', async () => {
  const modules: Readonly<Record<string, Module>> = {
    'lib/libcrc-32': { exports: ['crc32'], info: ['softdep=pre: crypto-crc32'] },
    'crypto/crc32-intel': { imports: ['crypto_register'], info: ['alias=crypto-crc32'] },
    'crypto/crc32-generic': { imports: ['crypto_register'], info: ['alias=crypto-crc32', 'softdep=post: tester'] },
    'crypto/crypto': { exports: ['crypto_register'] },
    'crypto/tester': { imports: ['crypto_register'], exports: ['tested'] },
    'fs/ext4': { imports: ['jbd2_commit', 'crc32', 'mb_cache'], info: ['softdep=pre: lost', 'alias=fs-ext4'] },
    'fs/jbd2': { imports: ['crc32'], exports: ['jbd2_commit'] },
    'fs/mbcache': { exports: ['mb_cache'] },
    'fs/btrfs': { imports: ['crc32'], info: ['softdep=pre: tester', 'softdep=pre: mbcache'] },
  };
  for (const [name, module] of Object.entries(modules)) put(`${DIRECTORY}/kernel/${name}.ko`, ko(module));
  put(`${DIRECTORY}/modules.order`, '');
  put(`${DIRECTORY}/modules.builtin`, 'kernel/fs/nls/nls_base.ko\n');
  spawnSync('depmod', ['-b', root, RELEASE]);
  const index = await readModuleIndex(host, root, RELEASE);
  for (const name of [...Object.keys(modules).map((path) => basename(path)), 'fs-ext4', 'crypto-crc32', 'nls_base'])
    expect(await ours(root, RELEASE, index, name), name).toEqual(modprobe(root, RELEASE, name));
  expect(await ours(root, RELEASE, index, 'ext4')).toHaveLength(8);
});

/** A root tree with one kernel, made by whoever runs the tests; a whole one is too large to make here. */
const given = process.env.STATECTL_TEST_TREE;
test.skipIf(given === undefined)(
  'the closure equals modprobe --show-depends for the tree in STATECTL_TEST_TREE',
  async () => {
    const tree = given ?? '';
    const release = readdirSync(join(tree, 'lib/modules'))[0] ?? '';
    const index = await readModuleIndex(host, tree, release);
    const all = [...index.paths.keys(), ...index.builtin];
    const sample = [
      ...all.filter((_, at) => at % Math.ceil(all.length / 12) === 0),
      'ext4',
      'btrfs',
      'ohci_pci',
      'ipmi_msghandler',
    ];
    for (const name of sample)
      expect(await ours(tree, release, index, name), name).toEqual(modprobe(tree, release, name));

    const names = await modulesOfClass(host, tree, release, ['network', 'storage']);
    const { modules, missing } = await moduleClosure(host, tree, release, names);
    const sizeBytes = modules.reduce((sum, path) => sum + statSync(join(tree, path)).size, 0);
    expect(missing).toEqual([]);
    expect(sizeBytes).toBeGreaterThan(40e6);
    expect(sizeBytes).toBeLessThan(110e6);
  },
);
