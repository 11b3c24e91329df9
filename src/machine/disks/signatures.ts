/** What a signature tells: who else lives there. */
export interface Signature {
  /** Of the disk, in bytes. */
  readonly offset: number;
  readonly what: string;
}

/** From the beginning of whatever it is: a disk or a partition. */
const MAGIC: readonly (readonly [what: string, at: number, bytes: string])[] = [
  ['ext2, ext3 or ext4', 1080, '\x53\xef'],
  ['btrfs', 65_600, '_BHRfS_M'],
  ['XFS', 0, 'XFSB'],
  ['LUKS', 0, 'LUKS\xba\xbe'],
  ['LVM', 24, 'LVM2 001'],
  ['LVM', 536, 'LVM2 001'],
  ['LVM', 1048, 'LVM2 001'],
  ['LVM', 1560, 'LVM2 001'],
  ['a member of a RAID', 0, '\xfc\x4e\x2b\xa9'],
  ['a member of a RAID', 4096, '\xfc\x4e\x2b\xa9'],
  ['swap', 4086, 'SWAPSPACE2'],
  ['swap', 4086, 'SWAP-SPACE'],
  ['swap', 65_526, 'SWAPSPACE2'],
  ['squashfs', 0, 'hsqs'],
  ['erofs', 1024, '\xe2\xe1\xf5\xe0'],
  ['f2fs', 1024, '\x10\x20\xf5\xf2'],
  ['NTFS', 3, 'NTFS    '],
  ['exFAT', 3, 'EXFAT   '],
  ['BitLocker', 3, '-FVE-FS-'],
  ['FAT', 54, 'FAT1'],
  ['FAT', 82, 'FAT32   '],
  ['ISO 9660', 32_769, 'CD001'],
  ['UDF', 32_769, 'BEA01'],
  ['UDF', 32_769, 'NSR0'],
  ['HFS+', 1024, 'H+\x00\x04'],
  ['HFS+', 1024, 'HX\x00\x05'],
  ['APFS', 32, 'NXSB'],
  ['ReiserFS', 65_588, 'ReIsEr'],
  ['JFS', 32_768, 'JFS1'],
  ['bcache', 4120, '\xc6\x85\x73\xf6\x4e\x1a\x45\xca\x82\x65\xf5\x7f\x48\xba\x6d\x81'],
  ['bcachefs', 4120, '\xc6\x85\x73\xf6\x66\xce\x90\xa9\xd9\x6a\x60\xcf\x80\x3d\xf7\xef'],
  // Uberblocks of ZFS begin 128 KiB into the first label; either order of bytes.
  ['ZFS', 131_072, '\x0c\xb1\xba\x00'],
  ['ZFS', 131_076, '\x00\xba\xb1\x0c'],
  ['a partition table', 512, 'EFI PART'],
  ['a partition table', 4096, 'EFI PART'],
];

/** So much of a place must be looked at. */
export const LOOKED_AT_BYTES = 132 * 1024;

/** The signature that these bytes of a place have, by name. Pure. */
export function signatureIn(bytes: Buffer): string | undefined {
  for (const [what, at, magic] of MAGIC)
    if (bytes.subarray(at, at + magic.length).equals(Buffer.from(magic, 'latin1'))) return what;
  return isBootSector(bytes) ? 'FAT, or a boot sector' : undefined;
}

/** A jump and the mark at its end: FAT as other programs make it, and what a BIOS starts. */
const isBootSector = (bytes: Buffer): boolean =>
  bytes[510] === 0x55 && bytes[511] === 0xaa && (bytes[0] === 0xeb || bytes[0] === 0xe9);

/** Whether nobody wrote there: flash that was erased is all ones. */
export const isBlank = (bytes: Buffer): boolean => {
  if (bytes.equals(Buffer.alloc(bytes.length))) return true;
  for (const byte of bytes) if (byte !== 0x00 && byte !== 0xff) return false;
  return true;
};
