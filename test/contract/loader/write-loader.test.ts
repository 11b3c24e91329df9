import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Host } from '../../../src/host/host.ts';
import { codeDigest, coreDigest, coreSectorOf } from '../../../src/machine/loader/boot-code.ts';
import { grubChoice, systemdBootChoice } from '../../../src/machine/loader/choice.ts';
import { parseGrubEnv, writeGrubEnv } from '../../../src/machine/loader/grub-env.ts';
import { bootFiles, withPartition } from '../../../src/machine/loader/partition.ts';
import { type WriteLoader, writeLoader } from '../../../src/machine/loader/write-loader.ts';
import { type BootableDisk, bootableDisk, loaderOf } from '../../fixtures/disks/bootable-disk.ts';
import { failingHost, Stopped } from '../../fixtures/hosts/failing.ts';

const signal = new AbortController().signal;
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

async function write(host: Host, step: WriteLoader) {
  const said: string[] = [];
  const hear = (text: string) => void said.push(text);
  await writeLoader(host, step, { say: hear, warn: hear, signal });
  return said;
}

/** What GRUB would boot of the disk: whether the pair that it loads is whole, and of which version. */
async function grubBoots({ host, disk, boot }: BootableDisk) {
  const device = `${disk.device}p${boot.place.partition.number}`;
  return withPartition(host, { device, type: 'ext4' }, 'ro', async (at) => {
    const choice = grubChoice(await bootFiles(host, at));
    if (!choice) return undefined;
    const isWhole = [choice.kernel, choice.initramfs].every((name) =>
      name.includes(sha256(readFileSync(`${at}/statectl/${name}`)).slice(0, 16)),
    );
    return { slot: choice.slot, left: choice.left, kernel: choice.kernel, isWhole };
  });
}

/** What a BIOS would start: the digest of the code, and of the core.img that it leads to. */
function biosStarts({ disk, boot }: BootableDisk, coreSectors = 150) {
  spawnSync('blockdev', ['--flushbufs', disk.device]);
  const bytes = readFileSync(disk.file);
  const sector = bytes.subarray(0, 512);
  const at = coreSectorOf(sector);
  const { firstLba, lastLba } = boot.bios ?? { firstLba: 0, lastLba: 0 };
  const isIn = at >= firstLba && at + coreSectors - 1 <= lastLba;
  return {
    code: codeDigest(sector),
    core: isIn ? coreDigest(bytes.subarray(at * 512, (at + coreSectors) * 512), at) : undefined,
    table: sha256(bytes.subarray(440, 34 * 512)),
  };
}

const kernelOf = ({ wanted }: WriteLoader) => `vmlinuz-${wanted.pair?.kernel.sha256.slice(0, 16)}`;

test('an empty disk gets GRUB, a kernel, an initramfs and an entry; its table stays, and a second time nothing is written', async () => {
  using made = await bootableDisk();
  const step = loaderOf(made.boot, '1');
  const { table } = biosStarts(made);
  expect(await grubBoots(made)).toBeUndefined();
  expect((await write(made.host, step)).at(-1)).toMatch(/^drive main: \S+ boots slot a \(vmlinuz-/);
  expect(await grubBoots(made)).toEqual({ slot: 'a', left: undefined, kernel: kernelOf(step), isWhole: true });
  const { boot, core } = step.loader?.bios ?? {};
  expect(biosStarts(made)).toEqual({ code: boot?.sha256, core: core?.sha256, table });

  const again = failingHost(made.host, { at: Number.POSITIVE_INFINITY, how: 'error' });
  expect(await write(again, { ...step, wanted: { ...step.wanted, running: 'a' } })).toEqual([]);
  const looks = /^run (mount -t ext4 -o ro,|umount |blockdev --flushbufs )|^mkdir \/run\/statectl\/boot-virtio-\S+$/;
  expect(again.asked.filter((effect) => !looks.test(effect))).toEqual([]);
});

test('a new image goes into the other slot, counted, and is blessed once it ran; the old one makes room for the next', async () => {
  using made = await bootableDisk();
  const [one, two, three] = ['1', '2', '3'].map((version) => loaderOf(made.boot, version)) as [
    WriteLoader,
    WriteLoader,
    WriteLoader,
  ];
  const ran = (step: WriteLoader, running: 'a' | 'b') => ({ ...step, wanted: { ...step.wanted, running } });
  await write(made.host, one);
  await write(made.host, ran(two, 'a'));
  expect(await grubBoots(made)).toMatchObject({ slot: 'b', left: 2, kernel: kernelOf(two), isWhole: true });
  await write(made.host, ran(two, 'b'));
  expect(await grubBoots(made)).toMatchObject({ slot: 'b', left: undefined, kernel: kernelOf(two) });
  await write(made.host, ran(three, 'b'));
  expect(await grubBoots(made)).toMatchObject({ slot: 'a', left: 2, kernel: kernelOf(three), isWhole: true });
  expect(biosStarts(made).core).toBe(three.loader?.bios?.core.sha256);
  // What the first one had is gone, what can be gone back to is there.
  const device = `${made.disk.device}p${made.boot.place.partition.number}`;
  const names = await withPartition(made.host, { device, type: 'ext4' }, 'ro', async (at) =>
    made.host.files.list(`${at}/statectl`),
  );
  expect(names.filter((name) => name.startsWith('vmlinuz'))).toEqual([kernelOf(two), kernelOf(three)].sort());
});

test('on an EFI system partition each of both loaders has its entries, and systemd-boot lies where UEFI looks', async () => {
  using made = await bootableDisk({
    grub: { sizeBytes: 2 ** 20, type: 'raw', role: 'bios' },
    ESP: { sizeBytes: 40 * 2 ** 20, type: 'vfat', role: 'efi' },
  });
  const [one, two] = [loaderOf(made.boot, '1'), loaderOf(made.boot, '2', { running: 'a' })];
  const device = `${made.disk.device}p${made.boot.place.partition.number}`;
  const look = () =>
    withPartition(made.host, { device, type: 'vfat' }, 'ro', async (at) => ({
      files: await bootFiles(made.host, at),
      efi: sha256(readFileSync(`${at}/EFI/BOOT/BOOTX64.EFI`)),
      beside: await made.host.files.list(`${at}/EFI/BOOT`),
    }));
  for (const [step, slot, left] of [
    [one, 'a', undefined],
    [two, 'b', 2],
  ] as const) {
    await write(made.host, step);
    const { files, efi, beside } = await look();
    expect({ efi, beside }).toEqual({ efi: step.loader?.efi?.sha256, beside: ['BOOTX64.EFI'] });
    for (const choice of [grubChoice(files), systemdBootChoice(files)]) {
      expect(choice).toMatchObject({ slot, kernel: kernelOf(step) });
      expect(choice?.left).toBe(left);
    }
    expect(await write(made.host, step)).toEqual([]);
  }
});

test('a partition that is full is left as it is, and boots what it booted', async () => {
  using made = await bootableDisk();
  const step = loaderOf(made.boot, '1');
  await write(made.host, step);
  const device = `${made.disk.device}p${made.boot.place.partition.number}`;
  await withPartition(made.host, { device, type: 'ext4' }, 'rw', async (at) => {
    spawnSync('dd', ['if=/dev/zero', `of=${at}/logs`, 'bs=1M']);
  });
  const before = await grubBoots(made);
  await expect(write(made.host, loaderOf(made.boot, '2'))).rejects.toThrow(
    /boot has \d+ MiB free, another kernel and initramfs need 4; nothing was written/,
  );
  expect(await grubBoots(made)).toEqual(before);
});

test('a machine that knows no signed initramfs says so, and leaves a disk that boots as it is', async () => {
  using made = await bootableDisk();
  const { pair: _, ...wanted } = loaderOf(made.boot, '1').wanted;
  const without: WriteLoader = { ...loaderOf(made.boot, '1'), wanted, lacking: 'nobody signed it' };
  await expect(write(made.host, without)).rejects.toThrow('is not made to boot by itself: nobody signed it');
  await write(made.host, loaderOf(made.boot, '1'));
  expect(await write(made.host, without)).toEqual([]);
});

test('wherever the power is cut while a disk that boots one image gets another, it boots one of them, whole, and the next boot completes it', async () => {
  using made = await bootableDisk();
  const [old, fresh] = [loaderOf(made.boot, '1'), loaderOf(made.boot, '2', { running: 'a' })];
  await write(made.host, old);
  const kept = join(mkdtempSync(join(tmpdir(), 'statectl-cut-')), 'disk');
  copyFileSync(made.disk.file, kept);
  const { table } = biosStarts(made);
  const [oldCore, freshCore] = [old, fresh].map((step) => step.loader?.bios?.core.sha256);
  let cuts = 0;
  for (let at = 1; ; at += 1) {
    const host = failingHost(made.host, { at, how: at % 2 === 0 ? 'stop' : 'torn' });
    const ended = await write(host, fresh).catch((error: unknown) => error);
    // What was mounted when the power went.
    while (spawnSync('umount', [`${made.disk.device}p${made.boot.place.partition.number}`]).status === 0);
    const boots = await grubBoots(made);
    expect(boots, `cut at ${at}: ${host.asked.at(-1)}`).toMatchObject({ isWhole: true });
    expect([kernelOf(old), kernelOf(fresh)]).toContain(boots?.kernel);
    const bios = biosStarts(made);
    expect([oldCore, freshCore], `cut at ${at}`).toContain(bios.core);
    expect(bios.table).toBe(table);
    if (host.effects < at) break;
    // Bare, or as the reason of a refusal.
    expect([ended, (ended as Error | undefined)?.cause].some((error) => error instanceof Stopped)).toBe(true);
    cuts += 1;
    // The unit test does it after each.
    if (at % 5 === 0) {
      await write(made.host, fresh);
      expect(await grubBoots(made)).toMatchObject({ kernel: kernelOf(fresh), isWhole: true });
      expect(biosStarts(made).core).toBe(freshCore);
    }
    copyFileSync(kept, made.disk.file);
    spawnSync('blockdev', ['--flushbufs', `${made.disk.device}p${made.boot.place.partition.number}`]);
    spawnSync('blockdev', ['--flushbufs', made.disk.device]);
  }
  expect(cuts).toBeGreaterThan(20);
  rmSync(kept);
});

test('GRUB reads and writes the environment as this program does', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'statectl-grubenv-'));
  const file = join(dir, 'grubenv');
  writeFileSync(file, writeGrubEnv({ first: 'b', a: '0123456789abcdef', a_left: '2' }));
  expect(execFileSync('grub-editenv', [file, 'list'], { encoding: 'utf8' })).toBe(
    'first=b\na=0123456789abcdef\na_left=2\n',
  );
  execFileSync('grub-editenv', [file, 'set', 'a_left=1', 'note=a\\b']);
  execFileSync('grub-editenv', [file, 'unset', 'first']);
  expect(parseGrubEnv(readFileSync(file))).toEqual({ a: '0123456789abcdef', a_left: '1', note: 'a\\b' });
  rmSync(dir, { recursive: true });
});
