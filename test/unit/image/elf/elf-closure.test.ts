import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { linuxFiles } from '../../../../src/host/linux/files.ts';
import { type ElfClosureOptions, elfClosure } from '../../../../src/image/elf/elf-closure.ts';
import { AARCH64, elf, I386, program } from '../../../fixtures/image/elf.ts';

const host = { files: linuxFiles() };
const MULTIARCH = '/usr/lib/x86_64-linux-gnu';
let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'statectl-elf-'));
});
afterEach(() => rmSync(root, { recursive: true }));

const put = (path: string, content: Buffer | string) => {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), content);
};
const link = (path: string, target: string) => {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  symlinkSync(target, join(root, path));
};
const closureOf = (paths: string | string[], dlopen: ElfClosureOptions['dlopen'] = 'required') =>
  elfClosure(host, root, [paths].flat(), { dlopen });
const pathsOf = async (...args: Parameters<typeof closureOf>) =>
  (await closureOf(...args)).files.map(({ path }) => path);

/** A Debian tree with merged /usr and glibc's two files. */
function debian() {
  link('/lib', 'usr/lib');
  link('/lib64', 'usr/lib64');
  link('/usr/lib64/ld-linux-x86-64.so.2', '../lib/x86_64-linux-gnu/ld-linux-x86-64.so.2');
  put(`${MULTIARCH}/ld-linux-x86-64.so.2`, elf({ soname: 'ld-linux-x86-64.so.2' }));
  put(`${MULTIARCH}/libc.so.6`, elf({ soname: 'libc.so.6', needed: ['ld-linux-x86-64.so.2'] }));
}

describe('the closure of a program', () => {
  test('has its interpreter, its libraries and every link that leads to them', async () => {
    debian();
    put('/usr/bin/tool', program({ needed: ['libz.so.1', 'libc.so.6'] }));
    link(`${MULTIARCH}/libz.so.1`, 'libz.so.1.2');
    link(`${MULTIARCH}/libz.so.1.2`, '/lib/x86_64-linux-gnu/libz.so.1.2.13');
    put(`${MULTIARCH}/libz.so.1.2.13`, elf({ soname: 'libz.so.1', needed: ['libc.so.6'] }));
    expect(await closureOf('/usr/bin/tool')).toEqual({
      files: [
        { path: '/lib/x86_64-linux-gnu/libc.so.6', realPath: `${MULTIARCH}/libc.so.6` },
        { path: '/lib/x86_64-linux-gnu/libz.so.1', realPath: `${MULTIARCH}/libz.so.1.2.13` },
        { path: '/lib64/ld-linux-x86-64.so.2', realPath: `${MULTIARCH}/ld-linux-x86-64.so.2` },
        { path: '/usr/bin/tool', realPath: '/usr/bin/tool' },
      ],
      links: [
        { path: '/lib', target: 'usr/lib' },
        { path: '/lib64', target: 'usr/lib64' },
        { path: `${MULTIARCH}/libz.so.1`, target: 'libz.so.1.2' },
        { path: `${MULTIARCH}/libz.so.1.2`, target: '/lib/x86_64-linux-gnu/libz.so.1.2.13' },
        { path: '/usr/lib64/ld-linux-x86-64.so.2', target: '../lib/x86_64-linux-gnu/ld-linux-x86-64.so.2' },
      ],
      missing: [],
    });
  });

  test('names what is missing, and who needs it', async () => {
    debian();
    put('/usr/bin/tool', program({ needed: ['libz.so.1'] }));
    put(`${MULTIARCH}/libz.so.1`, elf({ needed: ['liblost.so.3'] }));
    put('/usr/bin/foreign', elf({ interpreter: '/lib/ld-lost.so' }));
    expect((await closureOf(['/usr/bin/tool', '/usr/bin/foreign', '/usr/bin/none'])).missing).toEqual([
      { library: 'liblost.so.3', neededBy: '/lib/x86_64-linux-gnu/libz.so.1' },
      { library: '/lib/ld-lost.so', neededBy: '/usr/bin/foreign' },
      { library: '/usr/bin/none', neededBy: undefined },
    ]);
  });

  test('passes over libraries of another class or machine', async () => {
    put('/etc/ld.so.conf', '/usr/lib32\n/opt/arm\n');
    put('/usr/lib32/libz.so.1', elf({ machine: I386 }));
    put('/opt/arm/libz.so.1', elf({ machine: AARCH64 }));
    put(`${MULTIARCH}/libz.so.1`, elf({}));
    put('/lib/libz.so.1', 'INPUT(libz.a)');
    put('/bin/64', elf({ needed: ['libz.so.1'] }));
    put('/bin/32', elf({ machine: I386, needed: ['libz.so.1'] }));
    put('/bin/arm', elf({ machine: AARCH64, needed: ['libz.so.1'] }));
    expect(await pathsOf('/bin/64')).toEqual(['/bin/64', `${MULTIARCH}/libz.so.1`]);
    expect(await pathsOf('/bin/32')).toEqual(['/bin/32', '/usr/lib32/libz.so.1']);
    expect(await pathsOf('/bin/arm')).toEqual(['/bin/arm', '/opt/arm/libz.so.1']);
  });

  test('finds the libraries of a foreign machine in its own folders', async () => {
    put('/bin/tool', elf({ machine: AARCH64, interpreter: '/lib/ld-linux-aarch64.so.1', needed: ['libc.so.6'] }));
    put('/lib/ld-linux-aarch64.so.1', elf({ machine: AARCH64 }));
    put('/usr/lib/aarch64-linux-gnu/libc.so.6', elf({ machine: AARCH64 }));
    put('/usr/lib64/libc.so.6', elf({}));
    expect(await pathsOf('/bin/tool')).toEqual([
      '/bin/tool',
      '/lib/ld-linux-aarch64.so.1',
      '/usr/lib/aarch64-linux-gnu/libc.so.6',
    ]);
  });

  test('ends when libraries need each other', async () => {
    put('/bin/tool', elf({ needed: ['a.so'] }));
    put('/lib/a.so', elf({ needed: ['b.so'] }));
    put('/lib/b.so', elf({ needed: ['a.so', 'b.so'] }));
    expect(await pathsOf('/bin/tool')).toEqual(['/bin/tool', '/lib/a.so', '/lib/b.so']);
  });

  test('of a musl program takes the interpreter for its C library', async () => {
    put('/bin/tool', elf({ interpreter: '/lib/ld-musl-x86_64.so.1', needed: ['libc.musl-x86_64.so.1', 'libz.so.1'] }));
    put('/lib/ld-musl-x86_64.so.1', elf({}));
    put('/etc/ld-musl-x86_64.path', '/opt/a\n/opt/b:/opt/c\n');
    put('/opt/c/libz.so.1', elf({}));
    expect(await closureOf('/bin/tool')).toMatchObject({ missing: [], files: { length: 3 } });
  });

  test('fails with the path of a library that was cut short', async () => {
    put('/bin/tool', elf({ needed: ['a.so'] }));
    put('/lib/a.so', elf({}).subarray(0, 100));
    await expect(closureOf('/bin/tool')).rejects.toMatchObject({
      code: 'elf-truncated',
      message: expect.stringContaining('/lib/a.so'),
    });
  });
});

describe('the folders of libraries', () => {
  test('are those of ld.so.conf and its includes before the usual ones', async () => {
    put('/etc/ld.so.conf', '# ours\ninclude ld.so.conf.d/*.conf\ninclude /etc/none/*.conf\n/opt/last\n');
    put('/etc/ld.so.conf.d/a.conf', '/opt/a # first\n');
    put('/etc/ld.so.conf.d/b.conf', 'include ../loop.conf\n');
    put('/etc/loop.conf', 'include loop.conf\n/opt/loop\n');
    put('/etc/ld.so.conf.d/c.txt', '/opt/text\n');
    for (const dir of ['text', 'last', 'loop']) put(`/opt/${dir}/x.so`, elf({}));
    for (const dir of ['/opt/last', '/opt/a', '/usr/lib']) put(`${dir}/y.so`, elf({}));
    put('/bin/tool', elf({ needed: ['x.so', 'y.so'] }));
    expect(await pathsOf('/bin/tool')).toEqual(['/bin/tool', '/opt/a/y.so', '/opt/loop/x.so']);
  });

  test('are relative to the real program, but to where a library was found', async () => {
    put('/opt/app/bin/tool', elf({ needed: ['a.so'], runpath: '$ORIGIN/../lib' }));
    link('/usr/bin/tool', '/opt/app/bin/tool');
    link('/opt/app/lib/a.so', '/opt/store/a.so');
    // biome-ignore lint/suspicious/noTemplateCurlyInString: ld.so's own syntax
    put('/opt/store/a.so', elf({ needed: ['b.so'], runpath: '/none:${ORIGIN}' }));
    put('/opt/store/b.so', elf({}));
    put('/opt/app/lib/b.so', elf({}));
    expect(await pathsOf('/usr/bin/tool')).toEqual([
      '/opt/app/bin/../lib/a.so',
      '/opt/app/bin/../lib/b.so',
      '/usr/bin/tool',
    ]);
  });

  test('may have $LIB and $PLATFORM in them', async () => {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: ld.so's own syntax
    put('/bin/tool', elf({ needed: ['a.so', 'b.so', '$ORIGIN/c.so'], runpath: '/opt/$LIB/${PLATFORM}:/srv/${LIB}' }));
    put('/opt/lib/x86_64-linux-gnu/x86_64/a.so', elf({}));
    put('/srv/lib64/b.so', elf({}));
    put('/bin/c.so', elf({}));
    expect(await closureOf('/bin/tool')).toMatchObject({ missing: [], files: { length: 4 } });
  });

  test('of a RUNPATH are for its own libraries only, those of an RPATH also for theirs', async () => {
    put('/opt/b.so', elf({}));
    put('/lib/a.so', elf({ needed: ['b.so'] }));
    put('/bin/runpath', elf({ needed: ['a.so'], runpath: '/opt' }));
    put('/bin/rpath', elf({ needed: ['a.so'], rpath: '/opt' }));
    put('/bin/both', elf({ needed: ['a.so'], rpath: '/opt', runpath: '/srv' }));
    const lost = [{ library: 'b.so', neededBy: '/lib/a.so' }];
    expect(await closureOf('/bin/runpath')).toMatchObject({ missing: lost });
    expect(await closureOf('/bin/rpath')).toMatchObject({ missing: [] });
    expect(await closureOf('/bin/both')).toMatchObject({ missing: lost });
  });
});

describe('what a program opens by itself', () => {
  beforeEach(() => {
    const dlopen = [
      { soname: ['libnew.so.2', 'libnew.so.1'], priority: 'required' },
      { soname: ['libuse.so.1'] },
      { soname: ['libextra.so.1'], priority: 'suggested' },
    ];
    put('/bin/tool', elf({ dlopen }));
    for (const name of ['libuse.so.1', 'libextra.so.1']) put(`/lib/${name}`, elf({}));
  });

  test('is taken when required, the best of the alternatives that the tree has', async () => {
    put('/lib/libnew.so.1', elf({}));
    expect(await pathsOf('/bin/tool')).toEqual(['/bin/tool', '/lib/libnew.so.1']);
    put('/lib/libnew.so.2', elf({}));
    expect(await pathsOf('/bin/tool')).toEqual(['/bin/tool', '/lib/libnew.so.2']);
  });

  test('is taken when recommended if so asked, but never missed', async () => {
    expect(await closureOf('/bin/tool', 'recommended')).toMatchObject({
      files: [{ path: '/bin/tool' }, { path: '/lib/libuse.so.1' }],
      missing: [{ library: 'libnew.so.2', neededBy: '/bin/tool' }],
    });
    rmSync(join(root, '/lib/libuse.so.1'));
    expect((await closureOf('/bin/tool', 'recommended')).missing).toHaveLength(1);
  });
});

describe('a script', () => {
  test('pulls its interpreter with libraries, also through env', async () => {
    debian();
    put('/usr/bin/dash', program({ needed: ['libc.so.6'] }));
    link('/usr/bin/sh', 'dash');
    link('/bin', 'usr/bin');
    put('/usr/bin/env', program({}));
    put('/usr/bin/python3', program({}));
    put('/usr/sbin/hook', '#!/bin/sh -e\n');
    put('/usr/sbin/report', '#!/usr/bin/env -S LANG=C python3 -u\n');
    expect(await closureOf(['/usr/sbin/hook', '/usr/sbin/report'])).toMatchObject({
      files: [
        { path: '/bin/sh', realPath: '/usr/bin/dash' },
        { path: '/lib/x86_64-linux-gnu/libc.so.6' },
        { path: '/lib64/ld-linux-x86-64.so.2' },
        { path: '/usr/bin/env' },
        { path: '/usr/bin/python3' },
        { path: '/usr/sbin/hook' },
        { path: '/usr/sbin/report' },
      ],
      missing: [],
    });
  });

  test('without its interpreter is reported, and plain files are only copied', async () => {
    put('/hook', '#! /bin/perl -w\n');
    put('/list', 'modules\n');
    expect(await closureOf(['/hook', '/list'])).toEqual({
      files: [
        { path: '/hook', realPath: '/hook' },
        { path: '/list', realPath: '/list' },
      ],
      links: [],
      missing: [{ library: '/bin/perl', neededBy: '/hook' }],
    });
  });
});
