import type { StreamCompression } from '../decompress.ts';

/** How the parts of an initramfs begin, as the kernel knows them (lib/decompress.c, init/initramfs.c). */
const MAGICS: readonly { readonly compression: StreamCompression; readonly magic: Buffer }[] = [
  { compression: 'zstd', magic: Buffer.from('28b52ffd', 'hex') },
  { compression: 'gzip', magic: Buffer.from('1f8b08', 'hex') },
  { compression: 'xz', magic: Buffer.from('fd377a585a00', 'hex') },
  { compression: 'lz4', magic: Buffer.from('02214c18', 'hex') },
  { compression: 'lzo', magic: Buffer.from('894c5a4f000d0a1a0a', 'hex') },
  { compression: 'bzip2', magic: Buffer.from('BZh') },
  { compression: 'lzma', magic: Buffer.from('5d0000', 'hex') },
];
const CPIO = ['070701', '070702'].map((magic) => Buffer.from(magic));

const startsWith = (data: Buffer, offset: number, magic: Buffer): boolean =>
  data.subarray(offset, offset + magic.length).equals(magic);

/** undefined: no compressed data starts there. */
export const compressionAt = (data: Buffer, offset: number): StreamCompression | undefined =>
  MAGICS.find(({ magic }) => startsWith(data, offset, magic))?.compression;

/** Whether a file that starts so can be an initramfs. Zeros may come first: the kernel skips them. */
export function startsAsInitramfs(data: Buffer): boolean {
  const start = data.findIndex((byte) => byte !== 0);
  return (
    start >= 0 && (CPIO.some((magic) => startsWith(data, start, magic)) || compressionAt(data, start) !== undefined)
  );
}
