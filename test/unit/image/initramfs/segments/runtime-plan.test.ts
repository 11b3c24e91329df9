import { describe, expect, test } from 'vitest';
import { type MemoryHostOptions, memoryHost } from '../../../../../src/host/memory.ts';
import { readElf } from '../../../../../src/image/elf/elf.ts';
import {
  libraryLinks,
  planRuntime,
  RUNTIME_MOUNT,
  type Tool,
} from '../../../../../src/image/initramfs/segments/runtime-plan.ts';
import { elf, program } from '../../../../fixtures/image/elf.ts';

const LIB = '/usr/lib/x86_64-linux-gnu';
const statectl = readElf(program({ needed: ['libc.so.6', 'libstdc++.so.6'] }))!;
const library = (soname: string, needed: string[] = ['libc.so.6']) => elf({ soname, needed });

/** Debian's tree, as far as ld.so is concerned. */
const DEBIAN: NonNullable<MemoryHostOptions['files']> = {
  '/tree/lib': { target: 'usr/lib' },
  '/tree/lib64': { target: 'usr/lib64' },
  '/tree/bin': { target: 'usr/bin' },
  '/tree/usr/lib64/ld-linux-x86-64.so.2': { target: '../lib/x86_64-linux-gnu/ld-linux-x86-64.so.2' },
  [`/tree${LIB}/ld-linux-x86-64.so.2`]: elf({ soname: 'ld-linux-x86-64.so.2' }),
  [`/tree${LIB}/libc.so.6`]: elf({ soname: 'libc.so.6', needed: ['ld-linux-x86-64.so.2'] }),
  [`/tree${LIB}/libstdc++.so.6`]: { target: 'libstdc++.so.6.0.30' },
  [`/tree${LIB}/libstdc++.so.6.0.30`]: library('libstdc++.so.6'),
  [`/tree${LIB}/libgcc_s.so.1`]: library('libgcc_s.so.1'),
};
const planOf = (tools: readonly Tool[], files: MemoryHostOptions['files'] = {}) =>
  planRuntime(memoryHost({ files: { ...DEBIAN, ...files } }), {
    tree: '/tree',
    tools,
    statectl,
    applets: ['sh', 'env', 'awk'],
  });

describe('the runtime', () => {
  test('has what statectl needs, though that is no file of the tree, and what glibc opens by itself', async () => {
    const plan = await planOf([]);
    expect(plan.libraries).toEqual([
      { name: 'ld-linux-x86-64.so.2', from: `${LIB}/ld-linux-x86-64.so.2` },
      { name: 'libc.so.6', from: `${LIB}/libc.so.6` },
      { name: 'libgcc_s.so.1', from: `${LIB}/libgcc_s.so.1` },
      { name: 'libstdc++.so.6', from: `${LIB}/libstdc++.so.6.0.30` },
    ]);
    expect(plan.linker).toBe('ld-linux-x86-64.so.2');
  });

  test('has one copy of a tool with several names', async () => {
    const plan = await planOf(
      [
        ['/bin/kmod', 'modprobe'],
        ['/bin/kmod', 'lsmod'],
        ['/usr/bin/modinfo', 'modinfo'],
      ],
      {
        '/tree/usr/bin/kmod': program({ needed: ['libc.so.6'] }),
        '/tree/usr/bin/modinfo': { target: 'kmod' },
      },
    );
    expect(plan.tools).toEqual([{ name: 'kmod', from: '/usr/bin/kmod' }]);
    expect(plan.aliases.map(({ name }) => name)).toEqual(['modprobe', 'lsmod', 'modinfo']);
  });

  test('has private libraries beside the others, found by name, and those that a note recommends', async () => {
    const plan = await planOf([['/usr/bin/tool', 'tool']], {
      '/tree/usr/bin/tool': program({
        needed: ['libprivate.so', 'libc.so.6'],
        runpath: '/usr/lib/tool',
        dlopen: [{ soname: ['libzstd.so.1'], priority: 'recommended' }, { soname: ['liblost.so.1'] }],
      }),
      '/tree/usr/lib/tool/libprivate.so': library('libprivate.so'),
      [`/tree${LIB}/libzstd.so.1`]: library('libzstd.so.1'),
    });
    expect(plan.libraries.map(({ name }) => name)).toEqual(expect.arrayContaining(['libprivate.so', 'libzstd.so.1']));
  });

  test('is refused with every library that is missing, and who needs it', async () => {
    const files = { '/tree/usr/bin/tool': program({ needed: ['liblost.so.1'] }) };
    await expect(planOf([['/usr/bin/tool', 'tool']], files)).rejects.toMatchObject({
      code: 'library-missing',
      message: 'the tools lack liblost.so.1, which /usr/bin/tool needs',
      hint: expect.stringContaining('initramfs/tools-packages'),
    });
  });

  test('is refused when a tool is missing, is no program, or two have one name', async () => {
    await expect(planOf([['/usr/bin/none', 'none']])).rejects.toMatchObject({ code: 'tool-missing' });
    const files = { '/tree/usr/bin/text': 'text', '/tree/usr/bin/one': program({}), '/tree/usr/sbin/one': program({}) };
    await expect(planOf([['/usr/bin/text', 'text']], files)).rejects.toMatchObject({ code: 'tool-invalid' });
    const twice: Tool[] = [
      ['/usr/bin/one', 'one'],
      ['/usr/sbin/one', 'two'],
    ];
    await expect(planOf(twice, files)).rejects.toThrow('/usr/sbin/one and /usr/bin/one are two programs with one name');
  });

  test('is refused when two different libraries have one name, and has one of two equal ones', async () => {
    const tools = (other: Buffer) => ({
      '/tree/usr/bin/tool': program({ needed: ['libz.so.1'] }),
      '/tree/opt/bin/own': program({ needed: ['libz.so.1'], runpath: '/opt/lib' }),
      [`/tree${LIB}/libz.so.1`]: library('libz.so.1'),
      '/tree/opt/lib/libz.so.1': other,
    });
    const both: Tool[] = [
      ['/usr/bin/tool', 'tool'],
      ['/opt/bin/own', 'own'],
    ];
    await expect(planOf(both, tools(library('libz.so.1', [])))).rejects.toMatchObject({ code: 'library-conflict' });
    const plan = await planOf(both, tools(library('libz.so.1')));
    expect(plan.libraries.filter(({ name }) => name === 'libz.so.1')).toHaveLength(1);
  });
});

describe('a script among the tools', () => {
  const script = (start: string) => ({
    '/tree/usr/sbin/tool': `${start}\necho\n`,
    '/tree/usr/bin/bash': program({ needed: ['libc.so.6'] }),
  });
  const tools: Tool[] = [['/usr/sbin/tool', 'tool']];

  test('may be for an applet of busybox, also by env', async () => {
    for (const start of ['#!/bin/sh', '#! /usr/bin/env -S awk']) {
      const plan = await planOf(tools, script(start));
      expect(plan.tools).toEqual([{ name: 'tool', from: '/usr/sbin/tool' }]);
      expect(plan.libraries.map(({ name }) => name)).not.toContain('sh');
    }
  });

  test('may be for another tool, which is then where the script looks for it', async () => {
    const plan = await planOf([...tools, ['/usr/bin/bash', 'bash']], script('#!/bin/bash -e'));
    expect(plan.loaderLinks).toContainEqual({ name: 'bin/bash', target: `${RUNTIME_MOUNT}/bin/bash` });
  });

  test('is refused when its interpreter would not be there', async () => {
    for (const start of ['#!/bin/bash', '#!/usr/bin/env perl', '#!/usr/local/bin/sh'])
      await expect(planOf(tools, script(start)), start).rejects.toMatchObject({
        code: 'tool-invalid',
        hint: expect.stringContaining('initramfs/tools'),
      });
  });
});

test('links lead from where programs look to the one folder, on every distribution', () => {
  const folder = `${RUNTIME_MOUNT}/lib`;
  expect(
    libraryLinks([
      '/lib64/ld-linux-x86-64.so.2',
      '/lib/x86_64-linux-gnu/libc.so.6',
      '/usr/lib/x86_64-linux-gnu/libz.so.1',
    ]),
  ).toEqual([
    { name: 'lib64', target: folder },
    { name: 'lib/x86_64-linux-gnu', target: folder },
  ]);
  // arm64 has its interpreter in /lib, Arch has everything there: the loader's /lib is a folder with modules in it.
  expect(libraryLinks(['/lib/ld-linux-aarch64.so.1', '/usr/lib/libc.so.6'])).toEqual([
    { name: 'lib/ld-linux-aarch64.so.1', target: `${folder}/ld-linux-aarch64.so.1` },
    { name: 'lib/libc.so.6', target: `${folder}/libc.so.6` },
  ]);
  expect(libraryLinks(['/usr/lib64/libc.so.6', '/opt/lib/a.so', '/usr/lib/x86_64-linux-gnu/systemd/b.so'])).toEqual([
    { name: 'lib64', target: folder },
  ]);
});
