import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { StatectlError } from '../../error.ts';

/**
 * A list is a file of zstd frames (RFC 8878), which `zstd -dc` prints whole: frames of lines, each of whole lines, then two that
 * are skipped, an index (compressed once more) of the first path of each frame, and a trailer of a fixed size that says where the
 * index is. So a path is found by reading the end, the index and one frame.
 */
const TRAILER_BYTES = 32;
/** Of lines, before they are compressed. */
export const BLOCK_BYTES = 64 << 10;
/** A line is a path of 4096 bytes, four letters each at most, and xattrs of 64 KiB. */
const LONGEST_BLOCK_BYTES = 4 << 20;
/** Of a list, and of its index: more is no list. Some 60 bytes a file, of a million files. */
export const LARGEST_LIST_BYTES = 256 << 20;

const SKIPPED_FRAME = 0x184d2a50;
const MAGIC = 'statectl files';
/** A later one has another trailer, or words without which a line is misread. */
const VERSION = 1;

export interface Block {
  readonly offset: number;
  readonly bytes: number;
  /** The first path in it. */
  readonly path: string;
  readonly entries: number;
}

export const invalid = (why: string, cause?: unknown): StatectlError =>
  new StatectlError('file-list-invalid', `the list of the image's files cannot be used: ${why}`, {
    cause,
    hint: 'take the image from the server anew, or build it again with `statectl build image`',
  });

/** Good for text that is alike: the digests take most of what is left, whatever the level. */
const LEVEL = 12;

export const packed = (text: string): Buffer =>
  zstdCompressSync(Buffer.from(text, 'latin1'), { params: { [constants.ZSTD_c_compressionLevel]: LEVEL } });

export function unpacked(bytes: Buffer): string {
  try {
    return zstdDecompressSync(bytes, { maxOutputLength: LONGEST_BLOCK_BYTES }).toString('latin1');
  } catch (cause) {
    throw invalid(`a part of it is damaged (${(cause as Error).message})`, cause);
  }
}

export function skipped(content: Buffer): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32LE(SKIPPED_FRAME, 0);
  head.writeUInt32LE(content.length, 4);
  return Buffer.concat([head, content]);
}

/** The last bytes of a list: where its index is. */
export function trailerOf(index: { readonly offset: number; readonly bytes: number }): Buffer {
  const content = Buffer.alloc(TRAILER_BYTES - 8);
  content.writeUInt32LE(index.offset, 0);
  content.writeUInt32LE(index.bytes, 4);
  content.writeUInt16LE(VERSION, 8);
  content.write(MAGIC, 10, 'latin1');
  return skipped(content);
}

/** Throws `file-list-invalid`, also for one of a later version. */
export function indexPlace(list: Buffer): { readonly offset: number; readonly bytes: number } {
  if (list.length < TRAILER_BYTES) throw invalid(`it has ${list.length} bytes`);
  const trailer = list.subarray(list.length - TRAILER_BYTES);
  if (trailer.readUInt32LE(0) !== SKIPPED_FRAME || trailer.toString('latin1', 18, TRAILER_BYTES) !== MAGIC)
    throw invalid('it does not end as a list does');
  const version = trailer.readUInt16LE(16);
  if (version !== VERSION) throw invalid(`it is of version ${version}, and this statectl reads version ${VERSION}`);
  const [offset, bytes] = [trailer.readUInt32LE(8), trailer.readUInt32LE(12)];
  // The index is a frame of its own, whose content begins after its head.
  if (offset < 8 || offset + bytes !== list.length - TRAILER_BYTES) throw invalid('its index is not where it says');
  return { offset, bytes };
}
