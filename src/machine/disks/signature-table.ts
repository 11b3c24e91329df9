/** What is known by bytes at a fixed place: what it is, where from the beginning of a disk or partition, and which bytes. */
export type Magic = readonly [what: string, at: number, bytes: string];

const KIB = 1024;
/** Swap and pictures of a hibernation end the first page, whose size is the processor's. */
const PAGES = [4, 8, 16, 32, 64].map((kib) => kib * KIB);

const atEach = (what: string, places: readonly number[], ...bytes: readonly string[]): readonly Magic[] =>
  places.flatMap((at) => bytes.map((each): Magic => [what, at, each]));

/**
 * All that libblkid of util-linux 2.38 knows by such bytes, the usual first: file systems, what RAID and volume managers put first,
 * encryption, swap, tables of partitions. `test/contract/disks/signatures.test.ts` holds it to blkid(8).
 */
export const MAGIC: readonly Magic[] = [
  ['ext2, ext3 or ext4', 1080, '\x53\xef'],
  ['btrfs', 65_600, '_BHRfS_M'],
  ['XFS', 0, 'XFSB'],
  ...atEach('LUKS', [0], 'LUKS\xba\xbe'),
  ...atEach('LUKS', [0x4000, 0x8000, 0x10000, 0x20000, 0x40000], 'SKUL\xba\xbe'),
  ...atEach('LVM', [24, 536, 1048, 1560], 'LVM2 001'),
  ...atEach('a member of a RAID', [0, 4096], '\xfc\x4e\x2b\xa9', '\xa9\x2b\x4e\xfc'),
  ...atEach(
    'swap',
    PAGES.map((page) => page - 10),
    ...['SWAPSPACE2', 'SWAP-SPACE'],
  ),
  ...atEach(
    'a hibernated system',
    PAGES.map((page) => page - 10),
    ...['S1SUSPEND', 'S2SUSPEND', 'ULSUSPEND', 'LINHIB0001'],
  ),
  ['a hibernated system', 0, '\xed\xc3\x02\xe9\x98\x56\xe5\x0c'],
  ...atEach('squashfs', [0], 'hsqs', 'sqsh'),
  ['erofs', 1024, '\xe2\xe1\xf5\xe0'],
  ['f2fs', 1024, '\x10\x20\xf5\xf2'],
  ['NTFS', 3, 'NTFS    '],
  ['exFAT', 3, 'EXFAT   '],
  ['ReFS', 3, 'ReFS\0'],
  ['BitLocker', 3, '-FVE-FS-'],
  ...atEach('FAT', [54], 'FAT12   ', 'FAT16   ', 'FAT     ', 'MSDOS'),
  ...atEach('FAT', [82], 'FAT32   ', 'MSWIN'),
  ['ISO 9660', 32_769, 'CD001'],
  ['ISO 9660', 32_777, 'CDROM'],
  ...atEach('UDF', [32_769], 'BEA01', 'BOOT2', 'CDW02', 'NSR02', 'NSR03', 'TEA01'),
  ...atEach('HFS', [1024], 'H+\0', 'HX\0', 'BD'),
  ['APFS', 32, 'NXSB'],
  ...atEach('ReiserFS', [8212, 8244, 65_588], 'ReIsEr'),
  ['Reiser4', 65_536, 'ReIsEr4'],
  ['JFS', 32_768, 'JFS1'],
  ['bcache', 4120, '\xc6\x85\x73\xf6\x4e\x1a\x45\xca\x82\x65\xf5\x7f\x48\xba\x6d\x81'],
  ['bcachefs', 4120, '\xc6\x85\x73\xf6\x66\xce\x90\xa9\xd9\x6a\x60\xcf\x80\x3d\xf7\xef'],
  ['Stratis', 516, '!Stra0tis\x86\xff\x02^\x41rh'],
  ['Stratis', 4612, '!Stra0tis\x86\xff\x02^\x41rh'],
  ['VDO', 0, 'dmvdo001'],
  ['DRBD', 0, '$DRBDmgr=q'],
  ['DRBD', 0, 'DRBDdlh*'],
  ['Ceph', 0, 'bluestore block device'],
  ['a snapshot of device-mapper', 0, 'SnAp'],
  ['dm-verity', 0, 'verity\0\0'],
  ['dm-integrity', 0, 'integrt\0'],
  ...atEach('UBI', [0], 'UBI#', '\x31\x18\x10\x06'),
  // These begin one and two MiB into a disk of theirs.
  ...atEach('VMFS', [0], '\x0d\xd0\x01\xc0', '\x5e\xf1\xab\x2f'),
  ...atEach('GFS', [65_536], '\x01\x16\x19\x70'),
  ...atEach('OCFS2', [1024, 2048, 4096, 8192], 'OCFSV2'),
  ['OCFS', 8192, 'OracleCFS'],
  ['Oracle ASM', 32, 'ORCLDISK'],
  ...atEach('VxFS', [1024], '\xf5\xfc\x01\xa5'),
  ...atEach('VxFS', [8192], '\xa5\x01\xfc\xf5'),
  ...atEach('cramfs', [0], '\x45\x3d\xcd\x28', '\x28\xcd\x3d\x45'),
  ['romfs', 0, '-rom1fs-'],
  ...atEach('BeFS', [32, 544], 'BFS1', '1SFB'),
  ['BFS', 0, '\xce\xfa\xad\x1b'],
  ['zonefs', 0, 'SFOZ'],
  ['EXFS', 0, 'EXFS'],
  ['mpool', 0, 'mpoolDev'],
  ['NSS', 4096, 'SPB5'],
  ['HPFS', 8192, '\x49\xe8\x95\xf9'],
  ['Xenix', 2048, '+UD'],
  ['Xenix', 2048, 'DU+'],
  ...atEach(
    'System V',
    [0, 9, 15, 18].flatMap((block) => [block * KIB + 504, block * KIB + 1016]),
    ...['\x20\x7e\x18\xfd', '\xfd\x18\x7e\x20'],
  ),
  ...atEach(
    'UFS',
    [0, 8, 64, 256].map((kib) => kib * KIB + 1372),
    ...['\x54\x19\x01\x00', '\x19\x01\x54\x19', '\x57\x19\x01\x00', '\x12\x56\x19\x00', '\x94\x19\x23\x05'],
    ...['\x00\x01\x19\x54', '\x19\x54\x01\x19', '\x00\x01\x19\x57', '\x00\x19\x56\x12', '\x05\x23\x19\x94'],
    ...['\x95\x21\x61\x00', '\x00\x61\x21\x95'],
  ),
  ...atEach('a member of a RAID', [4640], '\xf0\x16\x78\x5a', '\xfd\x16\x78\x5a'),
  ...atEach('a partition table', [512, 1024, 2048, 4096], 'EFI PART'),
  ['a partition table', 0, '\x0b\xe5\xa9\x41'],
  ['a partition table', 0, '\xc9\xc2\xd4\xc1'],
  ['a partition table', 508, '\xda\xbe'],
  ['a partition table', 524, '\xee\xde\x0d\x60'],
  ['a partition table', 29_174, '\x0d\x60\xe5\xca'],
  ...atEach('a partition table', [64, 128, 512], '\x57\x45\x56\x82'),
  // Two bytes, and what has them by chance is not touched either.
  ['nilfs2', 1030, '\x34\x34'],
  ...atEach('minix', [1040], '\x7f\x13', '\x8f\x13', '\x13\x7f', '\x13\x8f', 'h$', 'x$', '$h', '$x'),
  ...atEach('minix', [1048], 'ZM', 'MZ'),
  ['LVM', 0, 'HM'],
  ['a partition table', 0, 'ER'],
];

const wholes = (bytes: number, unit: number): number => Math.floor(bytes / unit) * unit;

/** What stands at the end of a disk: where, by its size, as each counts it, and which bytes. */
export const MAGIC_AT_END: readonly (readonly [what: string, at: (sizeBytes: number) => number, bytes: string])[] = [
  ...['\xfc\x4e\x2b\xa9', '\xa9\x2b\x4e\xfc'].flatMap((magic) => [
    // md 0.90, and 1.0.
    ['a member of a RAID', (size: number) => wholes(size, 64 * KIB) - 64 * KIB, magic] as const,
    ['a member of a RAID', (size: number) => wholes(size, 4 * KIB) - 8 * KIB, magic] as const,
  ]),
  ['a member of a RAID of Intel', (size) => size - 1024, 'Intel Raid ISM Cfg Sig. '],
  ['a member of a RAID (DDF)', (size) => size - 512, '\xde\x11\xde\x11'],
  ['a member of a RAID of LSI', (size) => size - 512, '$XIDE$'],
  ['a member of a RAID of nVidia', (size) => size - 1024, 'NVIDIA'],
  ['a member of a RAID of JMicron', (size) => size - 512, 'JM'],
  ['a member of a RAID of Promise', (size) => size - 3087 * 512, 'Promise Technology, Inc.'],
  ['DRBD', (size) => wholes(size, 4 * KIB) - 4 * KIB + 60, '\x83\x74\x02'],
];
