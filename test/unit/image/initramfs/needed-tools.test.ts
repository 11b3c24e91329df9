import { expect, it } from 'vitest';
import { readConfigDir } from '../../../../src/config/config-dir.ts';
import { memoryHost } from '../../../../src/host/memory.ts';
import { neededTools } from '../../../../src/image/initramfs/needed-tools.ts';
import { parseTools } from '../../../../src/image/initramfs/tools-tree.ts';

const TOOLS = parseTools('/bin/cp\n[fsck]\n/sbin/e2fsck\n[disks]\n/sbin/sfdisk\n');

it.each<[string, Readonly<Record<string, string>>, readonly string[]]>([
  ['no machine has disks to be made', {}, ['fsck']],
  ['drives.conf names none', { 'controller/drives.conf': '# none\n' }, ['fsck']],
  ['drives.conf names one', { 'controller/drives.conf': 'a: { match: { type: usb } }\n' }, ['fsck', 'disks']],
  ['btrfs.conf names a file system', { 'controller/btrfs.conf': 'LABEL=a: {}\n' }, ['fsck', 'disks']],
  [
    'one node alone has one',
    {
      'nodes/a.conf': 'node: a\nmacs: { a: 52:54:00:12:34:01 }\nset: { drives: { a: { match: { type: usb } } } }\n',
    },
    ['fsck', 'disks'],
  ],
])('has the tools for disks as it must where %s', async (_title, files, sets) => {
  const host = memoryHost({
    files: {
      '/d': { type: 'dir' },
      ...Object.fromEntries(Object.entries(files).map(([name, text]) => [`/d/${name}`, text])),
    },
  });
  expect([...neededTools(TOOLS, await readConfigDir(host, '/d')).sets.keys()]).toEqual(sets);
});
