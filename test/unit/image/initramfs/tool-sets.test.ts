import { describe, expect, test } from 'vitest';
import { type MemoryHostOptions, memoryHost } from '../../../../src/host/memory.ts';
import { readElf } from '../../../../src/image/elf/elf.ts';
import { planToolSets } from '../../../../src/image/initramfs/tool-sets.ts';
import { parseTools } from '../../../../src/image/initramfs/tools-tree.ts';
import { elf, program } from '../../../fixtures/image/elf.ts';

const LIB = '/usr/lib/x86_64-linux-gnu';
const statectl = readElf(program({ needed: ['libc.so.6'] }))!;
const library = (soname: string) => elf({ soname, needed: ['libc.so.6'] });

const TREE: NonNullable<MemoryHostOptions['files']> = {
  '/tree/lib': { target: 'usr/lib' },
  '/tree/lib64': { target: 'usr/lib64' },
  '/tree/usr/lib64/ld-linux-x86-64.so.2': { target: '../lib/x86_64-linux-gnu/ld-linux-x86-64.so.2' },
  [`/tree${LIB}/ld-linux-x86-64.so.2`]: elf({ soname: 'ld-linux-x86-64.so.2' }),
  [`/tree${LIB}/libc.so.6`]: elf({ soname: 'libc.so.6', needed: ['ld-linux-x86-64.so.2'] }),
  [`/tree${LIB}/libgcc_s.so.1`]: library('libgcc_s.so.1'),
  [`/tree${LIB}/libblkid.so.1`]: library('libblkid.so.1'),
  [`/tree${LIB}/libext2fs.so.2`]: library('libext2fs.so.2'),
  [`/tree${LIB}/libuuid.so.1`]: library('libuuid.so.1'),
  '/tree/sbin/blkid': program({ needed: ['libblkid.so.1', 'libc.so.6'] }),
  '/tree/sbin/e2fsck': program({ needed: ['libext2fs.so.2', 'libblkid.so.1', 'libuuid.so.1', 'libc.so.6'] }),
  '/tree/sbin/mkfs.btrfs': program({ needed: ['libuuid.so.1', 'libc.so.6'] }),
};

const planOf = (tools: string) =>
  planToolSets(memoryHost({ files: TREE }), { tree: '/tree', statectl, applets: ['sh'] }, parseTools(tools));
const namesOf = (copies: readonly { readonly name: string }[]) => copies.map(({ name }) => name);

describe('a tool set', () => {
  test('is a heading in the list of tools, and the programs below it; what stands above all is always there', () => {
    const { runtime, sets } = parseTools(
      '/bin/cp\n[fsck] # of disks\n/sbin/e2fsck fsck.ext4\n[btrfs]\n/sbin/btrfs\n[fsck]\n/x\n',
    );
    expect(runtime).toEqual([['/bin/cp', 'cp']]);
    expect([...sets]).toEqual([
      [
        'fsck',
        [
          ['/sbin/e2fsck', 'fsck.ext4'],
          ['/x', 'x'],
        ],
      ],
      ['btrfs', [['/sbin/btrfs', 'btrfs']]],
    ]);
  });

  test('has its programs and the libraries that only they need, and the runtime links to all of them', async () => {
    const { runtime, sets, links } = await planOf('/sbin/blkid\n[fsck]\n/sbin/e2fsck fsck.ext4\n');
    expect(sets).toEqual([
      {
        name: 'fsck',
        tools: [{ name: 'e2fsck', from: '/sbin/e2fsck' }],
        libraries: [
          { name: 'libext2fs.so.2', from: `${LIB}/libext2fs.so.2` },
          { name: 'libuuid.so.1', from: `${LIB}/libuuid.so.1` },
        ],
      },
    ]);
    expect(namesOf(runtime.tools)).toEqual(['blkid']);
    expect(namesOf(runtime.libraries)).toEqual(['ld-linux-x86-64.so.2', 'libblkid.so.1', 'libc.so.6', 'libgcc_s.so.1']);
    expect(runtime.aliases).toEqual([{ name: 'fsck.ext4', target: 'e2fsck' }]);
    expect(links).toEqual([
      { name: 'bin/e2fsck', target: '/run/initramfs/sets/fsck/bin/e2fsck' },
      { name: 'lib/libext2fs.so.2', target: '/run/initramfs/sets/fsck/lib/libext2fs.so.2' },
      { name: 'lib/libuuid.so.1', target: '/run/initramfs/sets/fsck/lib/libuuid.so.1' },
    ]);
  });

  test('needs no other set: what two of them need is the runtime’s', async () => {
    const { runtime, sets } = await planOf('/sbin/blkid\n[fsck]\n/sbin/e2fsck\n[btrfs]\n/sbin/mkfs.btrfs\n');
    expect(sets.map(({ name, libraries }) => [name, namesOf(libraries)])).toEqual([
      ['fsck', ['libext2fs.so.2']],
      ['btrfs', []],
    ]);
    expect(namesOf(runtime.libraries)).toContain('libuuid.so.1');
  });

  test('of a program that the runtime has anyway is empty but for its other name', async () => {
    const { runtime, sets, links } = await planOf('/sbin/blkid\n[more]\n/sbin/blkid findfs\n');
    expect([sets[0]?.tools, links]).toEqual([[], []]);
    expect(namesOf(runtime.tools)).toEqual(['blkid']);
    expect(runtime.aliases).toEqual([{ name: 'findfs', target: 'blkid' }]);
  });

  test('that names what the tools lack is refused, and so is one with a line that is no heading', async () => {
    await expect(planOf('[nfs]\n/sbin/mount.nfs\n')).rejects.toMatchObject({ code: 'tool-missing' });
    await expect(planOf('[NFS!]\n')).rejects.toMatchObject({
      code: 'tool-missing',
      message: expect.stringContaining('[NFS!]'),
    });
  });
});
