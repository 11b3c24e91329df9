import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Guide } from '../../fixtures/reader/guide.ts';

const run = (...argv: readonly string[]): string =>
  execFileSync(argv[0] as string, argv.slice(1), { encoding: 'utf8' }).trim();
/** Another may take the free one first. */
const canLoop = process.getuid?.() === 0 && spawnSync('losetup', ['--find']).status === 0;
const starts = (...names: string[]) => names.every((name) => spawnSync(name, ['--version']).error === undefined);
/** A kernel without FAT mounts another file system, made in the place of the one that was made as written. */
const knowsFat = readFileSync('/proc/filesystems', 'utf8').includes('vfat');

const guide = new Guide('docs/start/usb-stick.md', import.meta.url);
const BOOT_LOADER = '/usr/lib/systemd/boot/efi/systemd-bootx64.efi';

let dir: string;
/** What stands for the partitions of the stick, by their number. */
const loops = new Map<number, string>();

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'statectl-stick-'));
  for (const name of ['mnt', 'out/lab']) mkdirSync(join(dir, name), { recursive: true });
  for (const name of ['vmlinuz', 'initramfs.img', 'root.squashfs'])
    writeFileSync(join(dir, 'out/lab', name), `the ${name}`);
  writeFileSync(join(dir, 'systemd-boot'), 'a boot loader');
  writeFileSync(join(dir, 'stick'), '');
  run('truncate', '-s', '512M', join(dir, 'stick'));
});
afterAll(() => {
  spawnSync('umount', [join(dir, 'mnt')]);
  for (const loop of loops.values()) spawnSync('losetup', ['-d', loop]);
  rmSync(dir, { recursive: true, force: true });
});

/** A stick in a file has no device for each partition. */
function partition(number: number): string {
  const { sectorsize = 512, partitions } = JSON.parse(run('sfdisk', '--json', join(dir, 'stick'))).partitiontable;
  const { start, size } = partitions[number - 1];
  const loop =
    loops.get(number) ??
    run(
      ...['losetup', '--find', '--show', '--offset', String(start * sectorsize)],
      ...['--sizelimit', String(size * sectorsize), join(dir, 'stick')],
    );
  loops.set(number, loop);
  return loop;
}

/** Types a line as it stands, where things are here. */
function type(line: string): void {
  const text = line
    .replaceAll(/\/dev\/sdX(\d)/g, (_, number) => partition(Number(number)))
    .replaceAll('/dev/sdX', join(dir, 'stick'))
    .replaceAll('/mnt', join(dir, 'mnt'))
    .replaceAll(BOOT_LOADER, join(dir, 'systemd-boot'))
    .replaceAll('sudo ', '')
    .replace(/(?<=&& )mount (\S+)/, (mount, device) => (knowsFat ? mount : `mkfs.ext4 -qF ${device} && ${mount}`));
  const { status, stderr } = spawnSync('sh', ['-ec', text], { cwd: dir, encoding: 'utf8' });
  expect({ line, status, stderr: status === 0 ? '' : stderr }).toEqual({ line, status: 0, stderr: '' });
}

describe.skipIf(!canLoop || !starts('sfdisk', 'mkfs.vfat', 'mkfs.ext4'))('docs/start/usb-stick.md', () => {
  it('makes a stick from which firmware starts the boot loader, that the kernel, and that finds the system', () => {
    for (const command of guide.commands) type(command);
    expect(guide.untyped).toEqual([]);
    const table = JSON.parse(run('sfdisk', '--json', join(dir, 'stick'))).partitiontable;
    expect(table.label).toBe('gpt');
    // The type of an EFI system partition (UEFI 2.10, 5.3.3).
    expect(table.partitions[0].type).toBe('C12A7328-F81F-11D2-BA4B-00A0C93EC93B');
    expect(table.partitions[1].name).toBe('system');
    run('mount', '-o', 'ro', partition(1), join(dir, 'mnt'));
    const on = (path: string) => readFileSync(join(dir, 'mnt', path), 'utf8');
    expect(on('EFI/BOOT/BOOTX64.EFI')).toBe('a boot loader');
    const entry = on('loader/entries/lab.conf');
    expect(entry).toContain('options root=PARTLABEL=system\n');
    for (const [, file = ''] of entry.matchAll(/^(?:linux|initrd) \/(\S+)$/gm)) expect(on(file)).toBe(`the ${file}`);
    expect(run('head', '-c', String('the root.squashfs'.length), partition(2))).toBe('the root.squashfs');
  });
});
