import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { cli } from '../../../src/cli.ts';
import { writeCpio } from '../../../src/image/initramfs/cpio/cpio.ts';

let dir: string;
let initrd: string;
let printed: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'statectl-verbs-'));
  initrd = join(dir, 'initrd');
  writeFileSync(initrd, writeCpio([{ name: 'init', type: 'file', mode: 0o755, data: Buffer.from('#!/bin/sh\n') }]));
  printed = '';
  for (const stream of [process.stdout, process.stderr])
    vi.spyOn(stream, 'write').mockImplementation((text) => {
      printed += text;
      return true;
    });
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(dir, { recursive: true });
});

const initramfs = (...words: string[]) => cli(['initramfs', ...words]);

describe('statectl initramfs', () => {
  test('list shows what is in any initramfs, also as JSON', async () => {
    expect(await initramfs('list', initrd)).toBe(0);
    expect(printed).toMatch(/^# segment 1: cpio, 252 bytes, at 0\n-rwxr-xr-x +1 0 +0 +10 1970-01-01 00:00 init\n$/);
    printed = '';
    await initramfs('list', initrd, '--json');
    expect(JSON.parse(printed)).toMatchObject({
      segments: [{ compression: 'none', members: [{ name: 'init', sizeBytes: 10 }] }],
    });
  });

  test('unpack writes it into an empty directory', async () => {
    await initramfs('unpack', initrd, '--out', join(dir, 'look'));
    expect(readFileSync(join(dir, 'look/init'), 'utf8')).toBe('#!/bin/sh\n');
    await expect(initramfs('unpack', initrd, '--out', join(dir, 'look'))).rejects.toMatchObject({
      code: 'unpack-target-not-empty',
    });
  });

  test('append adds a directory', async () => {
    mkdirSync(join(dir, 'more/etc'), { recursive: true });
    writeFileSync(join(dir, 'more/etc/secret'), 'x');
    await initramfs('append', join(dir, 'more'), '--to', initrd);
    expect(printed).toContain('added 2 files');
    await initramfs('unpack', initrd, '--out', join(dir, 'look'));
    expect(readdirSync(join(dir, 'look'))).toEqual(['etc', 'init']);
  });

  test('says what is missing of its words', async () => {
    for (const words of [['build'], ['build', '--image', dir], ['unpack', initrd], ['append', dir], ['list']])
      expect(await initramfs(...words), words.join(' ')).toBe(2);
    expect(printed).toContain("required option '--image <dir>' not specified");
    expect(await initramfs('build', '--image', dir, '--out', initrd, '--compression', 'zip')).toBe(2);
    expect(await initramfs('build', '--help')).toBe(0);
    expect(printed).toContain('Classes of --modules');
  });

  test('goes on understanding the words of before', async () => {
    expect(await cli(['build', 'initramfs', '--list', initrd])).toBe(0);
    expect(printed).toContain('init\n');
    expect(await cli(['build', 'initramfs', `--unpack=${initrd}`, '--out', join(dir, 'look'), '--json'])).toBe(0);
    expect(readdirSync(join(dir, 'look'))).toEqual(['init']);
    mkdirSync(join(dir, 'more/etc'), { recursive: true });
    expect(await cli(['build', 'initramfs', '--to', initrd, '--append', join(dir, 'more')])).toBe(0);
    expect(await cli(['build', 'initramfs', '--image', dir])).toBe(2);
    expect(printed).toContain("required option '--out <file>' not specified");
    expect(await cli(['build', 'initramfs', '--help'])).toBe(0);
    expect(printed).toContain('Usage: statectl initramfs build');
  });
});
