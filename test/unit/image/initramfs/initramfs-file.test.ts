import { zstdCompressSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { memoryHost } from '../../../../src/host/memory.ts';
import { writeCpio } from '../../../../src/image/initramfs/cpio/cpio.ts';
import { appendToInitramfs } from '../../../../src/image/initramfs/initramfs-file.ts';
import { readSegments } from '../../../../src/image/initramfs/segments/segments.ts';

const cpio = (name: string, text = name) => writeCpio([{ name, type: 'file', mode: 0o644, data: Buffer.from(text) }]);
const namesOf = async (image: Buffer) =>
  (await readSegments(image)).segments.map(({ entries }) => entries.map(({ name }) => name));

describe('appending to an initramfs', () => {
  test('adds a folder behind what is there, in an order that does not depend on the disk', async () => {
    const secret = { '/more/etc/secret': { data: 'x', mode: 0o600 }, '/more/bin/tool': { data: 'x', mode: 0o755 } };
    const links = {
      '/more/bin/other': { target: 'tool' },
      '/more/dev/null': { type: 'char', rdev: { major: 1, minor: 3 } },
    } as const;
    const host = memoryHost({
      files: { ...secret, ...links, '/initrd': { data: zstdCompressSync(cpio('init')), mode: 0o600 } },
    });
    const result = await appendToInitramfs(host, '/more', '/initrd');
    expect(await namesOf(await host.files.read('/initrd'))).toEqual([
      ['init'],
      ['bin', 'bin/other', 'bin/tool', 'dev', 'dev/null', 'etc', 'etc/secret'],
    ]);
    expect(result).toMatchObject({ files: 7, skipped: [] });
    expect(await host.files.stat('/initrd')).toMatchObject({ mode: 0o600 });
  });

  test('adds an archive as it is, packed or not', async () => {
    for (const archive of [cpio('extra'), zstdCompressSync(cpio('extra'))]) {
      const host = memoryHost({ files: { '/initrd': cpio('init'), '/extra': archive } });
      await appendToInitramfs(host, '/extra', '/initrd');
      expect(await namesOf(await host.files.read('/initrd'))).toEqual([['init'], ['extra']]);
    }
  });

  test('tells what no archive can hold', async () => {
    const host = memoryHost({ files: { '/initrd': cpio('init'), '/more/a': 'x', '/more/s': { type: 'socket' } } });
    expect((await appendToInitramfs(host, '/more', '/initrd')).skipped).toEqual(['s']);
  });

  test('changes nothing when either side is no initramfs, or there is nothing to add', async () => {
    const files = {
      '/initrd': cpio('init'),
      '/damaged': cpio('init').subarray(0, 130),
      '/junk': 'junk',
      '/empty': { type: 'dir' },
    } as const;
    const host = memoryHost({ files });
    await expect(appendToInitramfs(host, '/initrd', '/damaged')).rejects.toMatchObject({ code: 'cpio-damaged' });
    await expect(appendToInitramfs(host, '/junk', '/initrd')).rejects.toMatchObject({ code: 'initramfs-damaged' });
    await expect(appendToInitramfs(host, '/empty', '/initrd')).rejects.toMatchObject({ code: 'segment-empty' });
    await expect(appendToInitramfs(host, '/none', '/initrd')).rejects.toMatchObject({ code: 'initramfs-unreadable' });
    expect(host.calls).toEqual([]);
  });
});
