import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { memoryHost } from '../../../../src/host/memory.ts';
import { archOfTree, debianArch } from '../../../../src/image/arch.ts';
import { findKernel, releaseOf } from '../../../../src/image/kernel/kernel.ts';
import { elf } from '../../../fixtures/image/elf.ts';

/** A bzImage of only the header that names its release. */
function bzImage(release: string): Buffer {
  const image = Buffer.alloc(0x400);
  image.write('HdrS', 0x202);
  image.writeUInt16LE(0x100, 0x20e);
  image.write(`${release} (builder@host) #1 SMP`, 0x300);
  return image;
}
const dep = (release: string) => ({ [`/tree/usr/lib/modules/${release}/modules.dep`]: '' });
const find = (files: Record<string, string | Uint8Array | object>, given?: string) =>
  findKernel(memoryHost({ files }), '/tree', given);

describe('the kernel of a tree', () => {
  test('is the newest that has its modules, wherever the distribution puts it', async () => {
    const debian = {
      ...dep('6.1.0-9-amd64'),
      ...dep('6.1.0-44-amd64'),
      '/tree/boot/vmlinuz-6.1.0-44-amd64': 'k',
      '/tree/boot/vmlinuz-6.1.0-9-amd64': 'old',
    };
    expect(await find(debian)).toEqual({ release: '6.1.0-44-amd64', image: Buffer.from('k') });
    const fedora = {
      ...dep('6.12.9-200.fc41'),
      '/tree/usr/lib/modules/6.12.9-200.fc41/vmlinuz': 'k',
      '/tree/lib': { target: 'usr/lib' },
    };
    expect((await find(fedora)).release).toBe('6.12.9-200.fc41');
    const linked = {
      ...dep('6.1'),
      '/tree/boot/vmlinuz-6.1': { target: '/usr/lib/vmlinuz' },
      '/tree/usr/lib/vmlinuz': 'theirs',
      '/usr/lib/vmlinuz': 'mine',
    };
    expect((await find(linked)).image.toString()).toBe('theirs');
  });

  test('may be given apart, when its modules are in the tree', async () => {
    const files = { ...dep('6.1'), ...dep('6.12.3'), '/k/vmlinuz': bzImage('6.12.3') };
    expect((await find(files, '/k/vmlinuz')).release).toBe('6.12.3');
    await expect(find({ ...dep('6.1'), '/k/vmlinuz': bzImage('6.12.3') }, '/k/vmlinuz')).rejects.toThrow(
      '/k/vmlinuz is kernel 6.12.3, and the tree has modules for 6.1',
    );
    expect((await find({ ...dep('6.6'), '/k/Image': 'no release in it' }, '/k/Image')).release).toBe('6.6');
    await expect(find({ ...dep('6.1'), ...dep('6.6'), '/k/Image': 'x' }, '/k/Image')).rejects.toThrow(
      'does not say which release',
    );
  });

  test('is refused when there is none, with what is there', async () => {
    await expect(find({ '/tree/etc/x': '' })).rejects.toMatchObject({
      code: 'kernel-missing',
      message: expect.stringContaining('no kernel with its modules'),
    });
    await expect(find(dep('6.1'))).rejects.toMatchObject({
      code: 'kernel-missing',
      message: expect.stringContaining('modules of 6.1, but no kernel'),
    });
  });
});

test('a kernel image tells its release by its header or its banner, packed or not', () => {
  const banner = Buffer.from('\0\0Linux version 6.6.31-rpi (gcc) #1\0');
  expect(releaseOf(bzImage('6.1.0-44-amd64'))).toBe('6.1.0-44-amd64');
  expect(releaseOf(banner)).toBe('6.6.31-rpi');
  expect(releaseOf(gzipSync(banner))).toBe('6.6.31-rpi');
  expect(releaseOf(Buffer.alloc(64))).toBeUndefined();
});

test('the machine of a tree is read from its programs, not asked of the builder’s', async () => {
  const files = {
    '/tree/sbin/init': { target: '/usr/lib/systemd/systemd' },
    '/tree/usr/lib/systemd/systemd': elf({ machine: 183 }),
  };
  expect(await archOfTree(memoryHost({ files }), '/tree')).toBe('aarch64');
  expect(await archOfTree(memoryHost({ files: { '/tree/bin/sh': elf({ machine: 3 }) } }), '/tree')).toBe('i686');
  await expect(archOfTree(memoryHost(), '/tree')).rejects.toMatchObject({ code: 'image-source' });
  expect([debianArch('x86_64'), debianArch('aarch64')]).toEqual(['amd64', 'arm64']);
  expect(() => debianArch('vax')).toThrow(expect.objectContaining({ code: 'arch-unknown' }));
});
