import { promisify } from 'node:util';
import { crc32, inflateRaw, zstdDecompress } from 'node:zlib';
import { isStatectlError, reasonOf, StatectlError } from '../error.ts';

/**
 * Compressed streams inside a longer file: how many bytes belong to one, and what they unpack to. As in the kernel
 * (lib/decompress*.c) a stream is one gzip member, zstd frame, xz stream or chain of legacy lz4 blocks.
 */

/** What Node cannot unpack by itself. */
export type ForeignCompression = 'xz' | 'lz4' | 'lzo' | 'bzip2' | 'lzma';
export type StreamCompression = 'gzip' | 'zstd' | ForeignCompression;

/**
 * Unpacks one whole stream, of `mostBytes` at most. For bzip2 and lzma, data that follows the stream must be ignored.
 */
export type Decompress = (kind: ForeignCompression, data: Buffer, mostBytes?: number) => Promise<Buffer>;

export interface UnpackedStream {
  readonly data: Buffer;
  /** Length of the compressed stream. */
  readonly sizeBytes: number;
}

/** More than all streams of any initramfs unpack to: the kernel unpacks into RAM. */
export const MAX_UNPACKED_BYTES = 2 * 1024 ** 3;
const LZ4_LEGACY_MAGIC = 0x184c2102;
/** LZ4_COMPRESSBOUND of the 8 MiB that a legacy block holds: a larger number is not a block's size. */
const LZ4_MAX_BLOCK_BYTES = 0x80_0000 + Math.floor(0x80_0000 / 255) + 16;
const XZ_CHECK_BYTES = [0, 4, 4, 4, 8, 8, 8, 16, 16, 16, 32, 32, 32, 64, 64, 64] as const;

const broken = (kind: StreamCompression, offset: number, why: string, cause?: unknown) =>
  new StatectlError('initramfs-damaged', `the ${kind} data that starts at byte ${offset} is damaged: ${why}`, {
    cause,
    hint: 'build the image again, or fetch it anew',
  });

/** A few bytes that unpack to more than any machine has. */
const bomb = (kind: StreamCompression, offset: number, cause?: unknown): StatectlError =>
  new StatectlError(
    'initramfs-bomb',
    `with the ${kind} data that starts at byte ${offset} this unpacks to more than any machine boots`,
    { cause, hint: `do not trust this image: all of it may unpack to ${MAX_UNPACKED_BYTES / 1024 ** 3} GiB` },
  );

/** What zlib says at `maxOutputLength`, and execa at `maxBuffer`. */
const isTooLong = (error: unknown): boolean => {
  const { code, isMaxBuffer } = (error ?? {}) as { code?: unknown; isMaxBuffer?: unknown };
  return code === 'ERR_BUFFER_TOO_LARGE' || isMaxBuffer === true;
};

/** Node takes no chunk that is longer than the whole may be. */
const chunkBytes = (mostBytes: number): number => Math.max(64, Math.min(1 << 20, mostBytes));

/** Reads numbers one after the other, and throws where the file ends first. */
function cursorAt(image: Buffer, kind: StreamCompression, start: number) {
  let at = start;
  const error = (why: string, cause?: unknown) => broken(kind, start, why, cause);
  const skip = (sizeBytes: number) => {
    const missing = at + sizeBytes - image.length;
    if (missing > 0) throw error(`it is cut off at byte ${image.length}, ${missing} bytes or more are missing`);
    at += sizeBytes;
  };
  return {
    error,
    skip,
    at: () => at,
    little: (sizeBytes: number) => {
      skip(sizeBytes);
      return image.readUIntLE(at - sizeBytes, sizeBytes);
    },
    big: (sizeBytes: number) => {
      skip(sizeBytes);
      return image.readUIntBE(at - sizeBytes, sizeBytes);
    },
    pastNul: () => {
      const nul = image.indexOf(0, at);
      skip((nul < 0 ? image.length : nul) + 1 - at);
    },
    /** To a multiple of four from the stream's start. */
    align: () => skip((4 - ((at - start) % 4)) % 4),
  };
}

/** RFC 8878, 3.1.1: a header, blocks that tell their sizes, a checksum. */
function zstdFrameEnd(image: Buffer, offset: number): number {
  const cursor = cursorAt(image, 'zstd', offset);
  cursor.skip(4);
  const descriptor = cursor.little(1);
  const isSingleSegment = (descriptor & 0x20) !== 0;
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3] ?? 0;
  const contentSizeBytes = [isSingleSegment ? 1 : 0, 2, 4, 8][descriptor >> 6] ?? 0;
  cursor.skip((isSingleSegment ? 0 : 1) + dictionaryBytes + contentSizeBytes);
  for (let isLast = false; !isLast; ) {
    const header = cursor.little(3);
    const type = (header >> 1) & 3;
    if (type === 3) throw cursor.error(`a block of unknown type before byte ${cursor.at()}`);
    cursor.skip(type === 1 ? 1 : header >> 3);
    isLast = (header & 1) === 1;
  }
  cursor.skip((descriptor & 4) === 0 ? 0 : 4);
  return cursor.at();
}

/** tukaani.org/xz/xz-file-format.txt. Block headers need not tell a size, but the last filter is LZMA2, whose chunks do. */
function xzStreamEnd(image: Buffer, offset: number): number {
  const cursor = cursorAt(image, 'xz', offset);
  cursor.skip(7);
  const checkBytes = XZ_CHECK_BYTES[cursor.little(1) & 15] ?? 0;
  cursor.skip(4);
  for (let words = cursor.little(1); words !== 0; words = cursor.little(1)) {
    cursor.skip((words + 1) * 4 - 1);
    for (let control = cursor.little(1); control !== 0; control = cursor.little(1)) {
      if (control > 2 && control < 0x80) throw cursor.error(`an unknown LZMA2 chunk before byte ${cursor.at()}`);
      if (control >= 0x80) cursor.skip(2);
      const sizeBytes = cursor.big(2) + 1;
      cursor.skip(sizeBytes + (control >= 0xc0 ? 1 : 0));
    }
    cursor.align();
    cursor.skip(checkBytes);
  }
  const number = () => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = cursor.little(1);
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  };
  for (let records = number(); records > 0; records--) {
    number();
    number();
  }
  cursor.align();
  cursor.skip(4 + 10);
  if (cursor.little(2) !== 0x5a59) throw cursor.error(`no footer before byte ${cursor.at()}`);
  return cursor.at();
}

/** A magic, then blocks with their sizes, to the first number that is none: four zero bytes of padding, for the kernel. */
function lz4LegacyEnd(image: Buffer, offset: number): number {
  const cursor = cursorAt(image, 'lz4', offset);
  while (image.length - cursor.at() >= 4) {
    const sizeBytes = cursor.little(4);
    if (sizeBytes === LZ4_LEGACY_MAGIC) continue;
    if (sizeBytes === 0 || sizeBytes > LZ4_MAX_BLOCK_BYTES) return cursor.at() - 4;
    cursor.skip(sizeBytes);
  }
  return cursor.at();
}

/**
 * lzop's format (lib/decompress_unlzo.c, and lzop-1.04/src/conf.h): a header, then blocks with both their sizes, to a size of
 * zero. The kernel takes no checksums in them; what other flags add is skipped.
 */
function lzoEnd(image: Buffer, offset: number): number {
  const cursor = cursorAt(image, 'lzo', offset);
  cursor.skip(9);
  const version = cursor.big(2);
  cursor.skip(version >= 0x940 ? 2 + 2 + 1 + 1 : 2 + 1);
  const flags = cursor.big(4);
  cursor.skip(((flags & 0x800) !== 0 ? 4 : 0) + 4 + 4 + (version >= 0x940 ? 4 : 0));
  cursor.skip(cursor.big(1));
  cursor.skip(4);
  if ((flags & 0x40) !== 0) cursor.skip(cursor.big(4) + 4);
  const plainSums = ((flags & 1) !== 0 ? 4 : 0) + ((flags & 0x100) !== 0 ? 4 : 0);
  const packedSums = ((flags & 2) !== 0 ? 4 : 0) + ((flags & 0x200) !== 0 ? 4 : 0);
  for (let plainBytes = cursor.big(4); plainBytes !== 0; plainBytes = cursor.big(4)) {
    const packedBytes = cursor.big(4);
    // A block that would grow is stored, with one sum instead of two.
    cursor.skip(plainSums + (packedBytes < plainBytes ? packedSums : 0) + packedBytes);
  }
  return cursor.at();
}

/** RFC 1952. Only inflating finds the end of deflated data, so length and content come together. */
async function gunzipMember(image: Buffer, offset: number, mostBytes: number): Promise<UnpackedStream> {
  const cursor = cursorAt(image, 'gzip', offset);
  cursor.skip(3);
  const flags = cursor.little(1);
  cursor.skip(6);
  if ((flags & 4) !== 0) cursor.skip(cursor.little(2));
  if ((flags & 8) !== 0) cursor.pastNul();
  if ((flags & 16) !== 0) cursor.pastNul();
  if ((flags & 2) !== 0) cursor.skip(2);
  const options = { info: true, chunkSize: chunkBytes(mostBytes), maxOutputLength: mostBytes };
  const { buffer, engine } = await (
    promisify(inflateRaw)(image.subarray(cursor.at()), options) as Promise<unknown> as Promise<{
      buffer: Buffer;
      engine: { bytesWritten: number };
    }>
  ).catch((error: unknown) => {
    if (isTooLong(error)) throw bomb('gzip', offset, error);
    throw cursor.error(`${reasonOf(error)} (the file ends at byte ${image.length})`, error);
  });
  cursor.skip(engine.bytesWritten);
  if (cursor.little(4) !== crc32(buffer)) throw cursor.error('the checksum does not match');
  if (cursor.little(4) !== buffer.length % 2 ** 32) throw cursor.error('the length does not match');
  return { data: buffer, sizeBytes: cursor.at() - offset };
}

const STREAM_END = { zstd: zstdFrameEnd, xz: xzStreamEnd, lz4: lz4LegacyEnd, lzo: lzoEnd };

/**
 * Unpacks the stream at `offset`. Only bzip2 and lzma do not tell where they end: they take the rest of the file.
 * Throws `initramfs-damaged` with the byte's offset, `initramfs-bomb` beyond `mostBytes`, and what `decompress` throws.
 */
export async function unpackStream(
  kind: StreamCompression,
  image: Buffer,
  offset: number,
  decompress: Decompress,
  mostBytes: number = MAX_UNPACKED_BYTES,
): Promise<UnpackedStream> {
  if (mostBytes <= 0) throw bomb(kind, offset);
  if (kind === 'gzip') return gunzipMember(image, offset, mostBytes);
  const end = kind === 'bzip2' || kind === 'lzma' ? image.length : STREAM_END[kind](image, offset);
  const stream = image.subarray(offset, end);
  try {
    const data =
      kind === 'zstd'
        ? await promisify(zstdDecompress)(stream, { chunkSize: chunkBytes(mostBytes), maxOutputLength: mostBytes })
        : await decompress(kind, stream, mostBytes);
    if (data.length > mostBytes) throw bomb(kind, offset);
    return { data, sizeBytes: stream.length };
  } catch (error) {
    if (isStatectlError(error) && ['program-missing', 'initramfs-bomb'].includes(error.code)) throw error;
    if (isTooLong(error)) throw bomb(kind, offset, error);
    throw broken(kind, offset, reasonOf(error), error);
  }
}
