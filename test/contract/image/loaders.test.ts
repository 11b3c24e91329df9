import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { linuxHost } from '../../../src/host/linux/host.ts';
import { makeLoaders } from '../../../src/image/loader/make-loaders.ts';
import { BLOCK_LIST_AT, BOOT_CODE_BYTES, CORE_SECTOR_AT } from '../../../src/signed/loader-layout.ts';

async function made(arch: string) {
  const dir = await mkdtemp(join(tmpdir(), 'statectl-loaders-'));
  const names = await makeLoaders({ ...linuxHost(), console: { line: () => {} } }, dir, arch);
  const read = (name: string) => readFile(join(dir, name));
  return { names, read, [Symbol.asyncDispose]: () => rm(dir, { recursive: true }) };
}

test('the boot loaders of an image are the same bytes each time, and only where they lie is left to be written in', async () => {
  await using first = await made('x86_64');
  // GRUB's tools would write the time, which has seconds.
  await sleep(1_100);
  await using second = await made('x86_64');
  expect(first.names).toEqual(new Set(['boot', 'core', 'efi']));
  for (const name of ['grub-boot.img', 'grub-core.img', 'BOOTX64.EFI'])
    expect((await first.read(name)).equals(await second.read(name)), name).toBe(true);
  const boot = await first.read('grub-boot.img');
  expect(boot).toHaveLength(BOOT_CODE_BYTES);
  expect(boot.readBigUInt64LE(CORE_SECTOR_AT)).toBe(0n);
  const core = await first.read('grub-core.img');
  expect(core.length % 512).toBe(0);
  expect(core.subarray(BLOCK_LIST_AT, 512).every((byte) => byte === 0)).toBe(true);
  expect((await first.read('BOOTX64.EFI')).toString('latin1', 0, 2)).toBe('MZ');
});

test('an image for another kind of machine has no loader of PCs', async () => {
  await using image = await made('aarch64');
  expect(image.names.size).toBe(0);
});
