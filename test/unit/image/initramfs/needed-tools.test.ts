import { expect, it } from 'vitest';
import { readConfigDir } from '../../../../src/config/config-dir.ts';
import { memoryHost } from '../../../../src/host/memory.ts';
import { neededModules, neededTools } from '../../../../src/image/initramfs/needed-tools.ts';
import { parseTools } from '../../../../src/image/initramfs/tools-tree.ts';

const TOOLS = parseTools('/bin/cp\n[fsck]\n/sbin/e2fsck\n[disks]\n/sbin/sfdisk\n[tree]\n/bin/tar\n');

it.each<[string, Readonly<Record<string, string>>, readonly string[]]>([
  ['no machine has disks to be made', {}, ['fsck']],
  ['drives.conf names none', { 'controller/drives.conf': '# none\n' }, ['fsck']],
  ['drives.conf names one', { 'controller/drives.conf': 'a: { match: { type: usb } }\n' }, ['fsck', 'disks']],
  ['btrfs.conf names a file system', { 'controller/btrfs.conf': 'LABEL=a: {}\n' }, ['fsck', 'disks']],
  [
    'slots are trees',
    { 'controller/update.chk.conf': 'slots: { kind: tree, a: PARTLABEL=a, b: PARTLABEL=b }\n' },
    ['fsck', 'disks', 'tree'],
  ],
  [
    'slots are partitions',
    { 'controller/update.chk.conf': 'slots: { kind: partition, a: PARTLABEL=a, b: PARTLABEL=b }\n' },
    ['fsck'],
  ],
  [
    'one node alone has one',
    {
      'nodes/a.conf': 'node: a\nmacs: { a: 52:54:00:12:34:01 }\nset: { drives: { a: { match: { type: usb } } } }\n',
    },
    ['fsck', 'disks'],
  ],
])('has the tools for disks as it must where %s', async (_title, files, sets) => {
  expect([...neededTools(TOOLS, await configOf(files)).sets.keys()]).toEqual(sets);
});

it('has the tool sets that the builder was told to take, and refuses others by name', async () => {
  const config = await configOf({});
  expect([...neededTools(TOOLS, config, ['disks']).sets.keys()]).toEqual(['fsck', 'disks']);
  expect([...neededTools(TOOLS, config, ['fsck']).sets.keys()]).toEqual(['fsck']);
  for (const [words, named] of [
    [['disk'], 'disk'],
    [['disks', 'kexec', ''], 'kexec, '],
    [['constructor'], 'constructor'],
  ] as const)
    expect(() => neededTools(TOOLS, config, words)).toThrow(
      expect.objectContaining({
        code: 'tool-set-unknown',
        message: `there is no tool set ${named}`,
        hint: 'there are disks, fsck, tree',
      }),
    );
});

it.each<[string, Readonly<Record<string, string>>, readonly string[]]>([
  ['nothing is encrypted', { 'controller/drives.conf': 'encrypt: { match: { type: usb } }\n' }, []],
  [
    'drives.conf encrypts',
    {
      'controller/drives.conf':
        'a: { match: { type: usb }, partitions: { b: { size: 1M, type: swap, encrypt: ephemeral } } }\n',
    },
    ['encryption'],
  ],
  [
    'a node alone does',
    {
      'nodes/a.conf':
        'node: a\nmacs: { a: 52:54:00:12:34:01 }\nset: { drives: { a: { partitions: { b: { encrypt: ephemeral } } } } }\n',
    },
    ['encryption'],
  ],
])('has the modules to encrypt as it must where %s', async (_title, files, classes) => {
  expect(neededModules(await configOf(files))).toEqual(classes);
});

async function configOf(files: Readonly<Record<string, string>>) {
  const host = memoryHost({
    files: {
      '/d': { type: 'dir' },
      ...Object.fromEntries(Object.entries(files).map(([name, text]) => [`/d/${name}`, text])),
    },
  });
  return await readConfigDir(host, '/d');
}
