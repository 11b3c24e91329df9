import { execFileSync, spawnSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { linuxHost } from '../../../src/host/linux/host.ts';
import { crc32 } from '../../../src/machine/disks/crc32.ts';
import { identify } from '../../../src/machine/disks/identify-disk.ts';
import { readContent } from '../../../src/machine/disks/read-disk.ts';

const [KIB, MIB] = [1024, 2 ** 20];
/** libblkid looks for ZFS on nothing smaller than 64 MiB. */
const SIZE = 72 * MIB;

/** A disk as a file, empty but for what `make` puts there. */
class FileDisk {
  readonly folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'statectl-signature-'));
  readonly file = join(this.folder, 'disk');

  constructor(sizeBytes = SIZE) {
    writeFileSync(this.file, '');
    truncateSync(this.file, sizeBytes);
  }

  write(offset: number, ...parts: readonly (string | Uint8Array)[]): void {
    const bytes = Buffer.concat(parts.map((part) => Buffer.from(part as string, 'latin1')));
    const file = openSync(this.file, 'r+');
    writeSync(file, bytes, 0, bytes.length, offset);
    closeSync(file);
  }

  read(offset: number, length: number): Buffer {
    const bytes = Buffer.alloc(length);
    const file = openSync(this.file, 'r');
    readSync(file, bytes, 0, length, offset);
    closeSync(file);
    return bytes;
  }

  run(command: string, input = ''): void {
    execFileSync('sh', ['-c', command.replaceAll('@', this.file)], { input, stdio: 'pipe' });
  }

  /** What libblkid says, which is not asked by the product. */
  blkid(): string {
    const words = ['-p', '-o', 'value', '-s', 'TYPE', '-s', 'PTTYPE', this.file];
    return spawnSync('blkid', words, { encoding: 'utf8' }).stdout.trim().split('\n').join(' ');
  }

  content = (sizeBytes = SIZE) => readContent(linuxHost(), { device: this.file, sizeBytes, sectorBytes: 512 });

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true });
  }
}

const le32 = (...numbers: readonly number[]) => {
  const bytes = Buffer.alloc(4 * numbers.length);
  for (const [index, number] of numbers.entries()) bytes.writeUInt32LE(number, 4 * index);
  return bytes;
};
const be32 = (...numbers: readonly number[]) => Buffer.from(le32(...numbers)).swap32();

/** md(4), version 1: the place where it stands is in it. */
const md1 = (at: number) => (disk: FileDisk) => {
  disk.write(at, le32(0xa92b4efc, 1, 0, 0), 'an-uuid-of-a-md!', 'name');
  disk.write(at + 144, le32(at / 512, 0));
};
const md090 = (disk: FileDisk) =>
  disk.write(SIZE - 64 * KIB, le32(0xa92b4efc, 0, 90, 0, 0, 0x11223344, 0, 1, 2, 3, 2, 2, 0, 5, 6, 7));
const zfs = (label: number) => (disk: FileDisk) => {
  const at = [0, 256 * KIB, SIZE - 512 * KIB, SIZE - 256 * KIB][label] ?? 0;
  for (let slot = 5; slot < 12; slot += 1)
    disk.write(at + 128 * KIB + slot * KIB, le32(0x00bab10c, 0, 5000, 0, slot, 0));
};
/** GPT with other entries than usual. */
const gptWith = (entryBytes: number) => (disk: FileDisk) => {
  disk.run("printf 'label: gpt\\n,4M\\n,\\n' | sfdisk -q @");
  for (const lba of [1, SIZE / 512 - 1]) {
    const header = disk.read(lba * 512, 512);
    const at = Number(header.readBigUInt64LE(72)) * 512;
    const before = disk.read(at, 16 * KIB);
    const entries = Buffer.alloc(16 * KIB);
    for (let index = 0; index < 2; index += 1) before.copy(entries, index * entryBytes, index * 128, index * 128 + 128);
    header.writeUInt32LE((16 * KIB) / entryBytes, 80);
    header.writeUInt32LE(entryBytes, 84);
    header.writeUInt32LE(crc32(entries), 88);
    header.writeUInt32LE(0, 16);
    header.writeUInt32LE(crc32(header.subarray(0, 92)), 16);
    disk.write(at, entries);
    disk.write(lba * 512, header);
  }
};
const run = (command: string, input?: string) => (disk: FileDisk) => disk.run(command, input);
const put =
  (...writes: readonly (readonly [at: number, ...parts: readonly (string | Uint8Array)[]])[]) =>
  (disk: FileDisk) => {
    for (const [at, ...parts] of writes) disk.write(at, ...parts);
  };

type Made = readonly [title: string, make: (disk: FileDisk) => void, blkid: string | undefined, what: string];

/** What stands where a disk or a partition begins: what libblkid calls it (undefined: it asks for more than stands there), and we do. */
const AT_BEGINNING: readonly Made[] = [
  ['ext2', run('mkfs.ext2 -q -F @'), 'ext2', 'ext2, ext3 or ext4'],
  ['ext4', run('mkfs.ext4 -q -F @'), 'ext4', 'ext2, ext3 or ext4'],
  ['a journal of ext4', run('mke2fs -q -F -O journal_dev @'), 'jbd', 'ext2, ext3 or ext4'],
  ['FAT12', run('mkfs.vfat -F 12 -s 64 @'), 'vfat', 'FAT'],
  ['FAT32', run('mkfs.vfat -F 32 -s 1 @'), 'vfat', 'FAT'],
  [
    'FAT without its name',
    (disk) => {
      disk.run('mkfs.vfat @');
      disk.write(54, '\0'.repeat(40));
      disk.write(510, '\0\0');
    },
    undefined,
    'FAT',
  ],
  ...[4096, 8192, 16_384, 65_536].map(
    (page): Made => [`swap with pages of ${page}`, run(`mkswap -p ${page} @`), 'swap', 'swap'],
  ),
  ['a hibernated system', put([4086, 'S1SUSPEND']), 'swsuspend', 'a hibernated system'],
  ['minix', run('mkfs.minix @'), 'minix', 'minix'],
  ['minix 3', run('mkfs.minix -3 @'), 'minix', 'minix'],
  ['bfs', run('mkfs.bfs @'), 'bfs', 'BFS'],
  [
    'cramfs',
    run('mkdir @.d && mkfs.cramfs @.d @.c >/dev/null && dd if=@.c of=@ conv=notrunc status=none'),
    'cramfs',
    'cramfs',
  ],
  [
    'squashfs',
    run('mkdir @.d && mksquashfs @.d @.c -quiet -no-progress && dd if=@.c of=@ conv=notrunc status=none'),
    'squashfs',
    'squashfs',
  ],
  ['LUKS', put([0, 'LUKS\xba\xbe\0\x01']), 'crypto_LUKS', 'LUKS'],
  ['LUKS 2 whose first header is gone', put([0x4000, 'SKUL\xba\xbe\0\x02']), undefined, 'LUKS'],
  ['md 1.1', md1(0), 'linux_raid_member', 'a member of a RAID'],
  ['md 1.2', md1(4096), 'linux_raid_member', 'a member of a RAID'],
  ['ZFS', zfs(0), 'zfs_member', 'ZFS'],
  ['ISO 9660', put([32_768, '\x01CD001\x01'], [34_816, '\xffCD001\x01']), 'iso9660', 'ISO 9660'],
  [
    'ReiserFS',
    put([65_536, le32(12_288, 12_000, 0x8d), Buffer.alloc(32), le32(0), '\0\x10\0\0'], [65_588, 'ReIsEr2Fs']),
    undefined,
    'ReiserFS',
  ],
  ['HFS+', put([1024, 'H+\0\x04']), undefined, 'HFS'],
  ['NTFS', put([3, 'NTFS    ']), undefined, 'NTFS'],
  ['exFAT', put([3, 'EXFAT   ']), undefined, 'exFAT'],
  ['XFS', put([0, 'XFSB']), undefined, 'XFS'],
  ['a journal of XFS', put([512, be32(0xfeedbabe, 1, 2)]), undefined, 'XFS'],
  ['APFS', put([32, 'NXSB']), undefined, 'APFS'],
  ['UFS', put([8192 + 1372, '\x54\x19\x01\x00']), 'ufs', 'UFS'],
  ['UBI', put([0, 'UBI#']), 'ubi', 'UBI'],
  ['VDO', put([0, 'dmvdo001']), 'vdo', 'VDO'],
  ['f2fs', put([1024, '\x10\x20\xf5\xf2\x01\0']), undefined, 'f2fs'],
  ['DRBD by its proxy', put([0, 'DRBDdlh*']), undefined, 'DRBD'],
  ['Oracle ASM', put([32, 'ORCLDISK']), 'oracleasm', 'Oracle ASM'],
  ['dm-integrity', put([0, 'integrt\0\x01']), undefined, 'dm-integrity'],
  ['bcache', put([4096 + 24, '\xc6\x85\x73\xf6\x4e\x1a\x45\xca\x82\x65\xf5\x7f\x48\xba\x6d\x81']), undefined, 'bcache'],
];

/** What a disk has as a whole. */
const OF_DISK: readonly Made[] = [
  ['md 0.90', md090, 'linux_raid_member', 'a member of a RAID'],
  ['md 1.0', md1(SIZE - 8 * KIB), 'linux_raid_member', 'a member of a RAID'],
  [
    'a RAID of Intel',
    put([SIZE - 1024, 'Intel Raid ISM Cfg Sig. 1.3.00']),
    'isw_raid_member',
    'a member of a RAID of Intel',
  ],
  ['a RAID of LSI', put([SIZE - 512, '$XIDE$']), 'lsi_mega_raid_member', 'a member of a RAID of LSI'],
  [
    'a RAID of Promise',
    put([SIZE - 3087 * 512, 'Promise Technology, Inc.']),
    'promise_fasttrack_raid_member',
    'a member of a RAID of Promise',
  ],
  ['a RAID of DDF', put([SIZE - 512, '\xde\x11\xde\x11']), undefined, 'a member of a RAID (DDF)'],
  ['DRBD', put([SIZE - 4 * KIB + 60, be32(0x8374026b)]), undefined, 'DRBD'],
  ['the last label of ZFS', zfs(3), undefined, 'ZFS'],
  ['the last label but one of ZFS', zfs(2), undefined, 'ZFS'],
  ['an MBR', run('sfdisk -q @', 'label: dos\n,8M,c,*\n,\n'), 'dos', 'an MBR partition table'],
  [
    'an MBR whose partition is as large as its disk',
    put([446, '\0\0\x02\0\x07\xff\xff\xff', le32(1, SIZE / 512 - 1)], [510, '\x55\xaa']),
    'dos',
    'an MBR partition table',
  ],
  ['a table of Sun', run('sfdisk -q @', 'label: sun\n,\n'), 'sun', 'a partition table'],
  ['a table of SGI', run('sfdisk -q @', 'label: sgi\n,\n'), 'sgi', 'a partition table'],
  ['a boot sector alone', put([0, '\xfa\x33\xc0'], [510, '\x55\xaa']), undefined, 'a boot sector'],
  [
    'a stick that is a CD too',
    put(
      [32_768, '\x01CD001\x01'],
      [34_816, '\xffCD001\x01'],
      [446, '\x80\0\0\0\x17\0\0\0', le32(0, 4096)],
      [510, '\x55\xaa'],
    ),
    undefined,
    'ISO 9660',
  ],
];

const TABLE = 'a partition table that statectl did not make';
/** Tables that are GPT, as odd as they may be. */
const GPT: readonly (readonly [string, (disk: FileDisk) => void])[] = [
  ['128 entries', run("printf 'label: gpt\\n,4M\\n,\\n' | sfdisk -q @")],
  ['4 entries', run("printf 'label: gpt\\ntable-length: 4\\n,4M\\n,\\n' | sfdisk -q @")],
  ['256 entries', run("printf 'label: gpt\\ntable-length: 256\\n,4M\\n,\\n' | sfdisk -q @")],
  ['entries of 256 bytes', gptWith(256)],
  ['entries of 512 bytes', gptWith(512)],
  [
    'an MBR that names its partitions, too',
    (disk) => {
      disk.run("printf 'label: gpt\\n,4M\\n,\\n' | sfdisk -q @");
      disk.write(462, '\x80\0\0\0\x0c\0\0\0', le32(2048, 8192));
    },
  ],
];

it.each([...AT_BEGINNING, ...OF_DISK])(
  'a disk with %s is somebody’s, and is called so',
  async (_title, make, blkid, what) => {
    using disk = new FileDisk();
    make(disk);
    if (blkid !== undefined) expect(disk.blkid().split(' ')).toContain(blkid);
    expect(identify(await disk.content())).toEqual({ kind: 'foreign', what });
  },
);

it.each(AT_BEGINNING)(
  'a disk without a table on which %s begins a MiB after its beginning is not empty',
  async (_title, make, _blkid, what) => {
    using made = new FileDisk(SIZE - 8 * MIB);
    make(made);
    using disk = new FileDisk();
    disk.write(MIB, made.read(0, MIB));
    expect(identify(await disk.content())).toEqual({
      kind: 'damaged',
      what: `no partition table, but ${what} at ${MIB} bytes`,
    });
  },
);

describe.each(GPT)('a GPT with %s', (_title, make) => {
  it('is somebody’s, and so is what one copy of it is left of', async () => {
    using disk = new FileDisk();
    make(disk);
    expect(disk.blkid()).toMatch(/gpt|PMBR|dos/);
    expect(identify(await disk.content())).toMatchObject({ kind: 'foreign', what: expect.stringContaining(TABLE) });
    for (const at of [SIZE - MIB, 0]) {
      using half = new FileDisk();
      half.write(0, disk.read(0, SIZE));
      half.write(at, Buffer.alloc(MIB));
      expect(identify(await half.content())).toMatchObject({ kind: 'foreign', what: expect.stringContaining(TABLE) });
    }
  });
});

it.each([
  ['one MiB', MIB, '\x0d\xd0\x01\xc0', 'VMFS_volume_member'],
  ['two MiB', 2 * MIB, '\x5e\xf1\xab\x2f', 'VMFS'],
])('VMFS, which begins %s into its disk, keeps that from being made', async (_title, at, magic, called) => {
  using disk = new FileDisk();
  disk.write(at, magic);
  expect(disk.blkid()).toContain(called);
  expect(identify(await disk.content()).kind).toBe('damaged');
});

it('a disk that LVM has, and the same after its first MiB is gone, is not empty', async () => {
  using disk = new FileDisk();
  disk.run('l=$(losetup --find --show @) && pvcreate -q -q -ff -y $l >/dev/null; s=$?; losetup --detach $l; exit $s');
  expect(disk.blkid()).toBe('LVM2_member');
  expect(identify(await disk.content())).toEqual({ kind: 'foreign', what: 'LVM' });
});

it('a file system whose magic alone is gone, as wipefs(8) leaves it, is somebody’s', async () => {
  using disk = new FileDisk();
  disk.run('mkfs.ext4 -q -F @');
  disk.write(1080, '\0\0');
  expect(disk.blkid()).toBe('');
  expect(identify(await disk.content())).toEqual({ kind: 'foreign', what: 'data that is of no known kind' });
});
