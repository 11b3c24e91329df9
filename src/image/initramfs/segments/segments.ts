import { isStatectlError, StatectlError } from '../../../error.ts';
import { type Decompress, MAX_UNPACKED_BYTES, type StreamCompression, unpackStream } from '../../decompress.ts';
import { decompressWithPrograms } from '../../decompress-programs.ts';
import { type CpioArchive, type CpioMember, readCpio } from '../cpio/cpio-read.ts';
import { compressionAt } from '../initramfs-magic.ts';

/**
 * An initramfs as the kernel reads it: `("\0" | cpio | compressed cpio)*`, then perhaps a bootconfig.
 * Sources: buffer-format.rst, init/initramfs.c (unpack_to_rootfs) and init/main.c (get_boot_config_from_initrd).
 */

export type Compression = 'none' | StreamCompression;

export interface Segment {
  /** In the image. */
  readonly offset: number;
  /** In the image, without the padding that follows. */
  readonly sizeBytes: number;
  readonly compression: Compression;
  /** The same as `sizeBytes` when nothing is compressed. */
  readonly unpackedBytes: number;
  /** False when an archive ends without its trailer: the kernel accepts that, but it may have been cut off. */
  readonly hasTrailer: boolean;
  readonly entries: readonly CpioMember[];
}

/** Kernel arguments at the very end of an image (Documentation/admin-guide/bootconfig.rst). */
export interface Bootconfig {
  readonly offset: number;
  /** With its trailer: from `offset` to the end of the file. */
  readonly sizeBytes: number;
  /** The text with its closing NULs. */
  readonly data: Buffer;
}

export interface Initramfs {
  readonly segments: readonly Segment[];
  readonly bootconfig: Bootconfig | undefined;
}

const BOOTCONFIG_MAGIC = '#BOOTCONFIG\n';
/** GRUB may align an initrd to 4, so the kernel looks for the magic up to three bytes before the end. */
const BOOTCONFIG_SLACK_BYTES = 3;
const ASCII_0 = 0x30;
/** Each compressed one may cost a program that unpacks it. */
const MOST_SEGMENTS = 250;

/** The kernel reads only the legacy format. */
const LZ4_FRAME_MAGIC = 0x184d2204;

const damaged = (message: string, hint = 'build the image again, or fetch it anew', cause?: unknown) =>
  new StatectlError('initramfs-damaged', message, { hint, cause });

function detect(image: Buffer, offset: number): StreamCompression {
  const found = compressionAt(image, offset);
  if (found) return found;
  if (image.length - offset >= 4 && image.readUInt32LE(offset) === LZ4_FRAME_MAGIC)
    throw damaged(
      `at byte ${offset} is an lz4 frame, and the kernel reads only the legacy format`,
      'compress it with `lz4 -l`',
    );
  const bytes = image.subarray(offset, offset + 6).toString('hex');
  throw damaged(`at byte ${offset} is neither a cpio archive nor compressed data (it starts ${bytes})`);
}

/** Throws `bootconfig-damaged` where the kernel would not take it, and then find junk at the end of the archives. */
export function findBootconfig(image: Buffer): Bootconfig | undefined {
  const searchFrom = Math.max(image.length - BOOTCONFIG_MAGIC.length - BOOTCONFIG_SLACK_BYTES, 0);
  const found = image.subarray(searchFrom).indexOf(BOOTCONFIG_MAGIC);
  const magicAt = searchFrom + found;
  if (found < 0 || magicAt < 8) return undefined;
  const fail = (why: string) =>
    new StatectlError('bootconfig-damaged', `the bootconfig that ends at byte ${image.length} is damaged: ${why}`, {
      hint: 'remove it with `bootconfig -d`, and add it again',
    });
  const dataBytes = image.readUInt32LE(magicAt - 8);
  const offset = magicAt - 8 - dataBytes;
  if (offset < 0) throw fail(`it claims ${dataBytes} bytes`);
  const data = image.subarray(offset, magicAt - 8);
  let sum = 0;
  for (const byte of data) sum = (sum + byte) >>> 0;
  if (sum !== image.readUInt32LE(magicAt - 4)) throw fail('the checksum does not match');
  return { offset, sizeBytes: image.length - offset, data };
}

function readAligned(buffer: Buffer, offset: number): CpioArchive {
  if (offset % 4 === 0) return readCpio(buffer, offset);
  throw damaged(`the cpio archive at byte ${offset} is not at a multiple of 4, so the kernel stops there`);
}

type Contents = Pick<Segment, 'entries' | 'hasTrailer'>;

/** The archives in a compressed stream, usually one. */
function readArchives(data: Buffer): Contents {
  const entries: CpioMember[] = [];
  let hasTrailer = true;
  for (let at = 0; at < data.length; ) {
    if (data[at] === 0) {
      at += 1;
      continue;
    }
    const archive = readAligned(data, at);
    for (const member of archive.members) entries.push(member);
    hasTrailer &&= archive.hasTrailer;
    at = archive.endOffset;
  }
  return { entries, hasTrailer };
}

async function readCompressed(
  image: Buffer,
  offset: number,
  decompress: Decompress,
  mostBytes: number,
): Promise<Segment> {
  const compression = detect(image, offset);
  const { data, sizeBytes } = await unpackStream(compression, image, offset, decompress, mostBytes);
  try {
    return { offset, sizeBytes, compression, unpackedBytes: data.length, ...readArchives(data) };
  } catch (error) {
    if (!isStatectlError(error)) throw error;
    throw damaged(`in the ${compression} data at byte ${offset}, once unpacked: ${error.message}`, error.hint, error);
  }
}

function readUncompressed(image: Buffer, offset: number): Segment {
  const { members, endOffset, hasTrailer } = readAligned(image, offset);
  const sizeBytes = endOffset - offset;
  return { offset, sizeBytes, compression: 'none', unpackedBytes: sizeBytes, hasTrailer, entries: members };
}

/**
 * Every segment, in order; all compressed ones together unpack to `mostBytes` at most. Members' data stays where it is: in the image, or in what was unpacked from it.
 * Throws `initramfs-damaged`, `initramfs-bomb` and `cpio-damaged` with a byte's offset, `bootconfig-damaged`,
 * `program-missing`.
 */
export async function readSegments(
  image: Buffer,
  decompress: Decompress = decompressWithPrograms,
  mostBytes: number = MAX_UNPACKED_BYTES,
): Promise<Initramfs> {
  const bootconfig = findBootconfig(image);
  const archives = image.subarray(0, bootconfig?.offset);
  const segments: Segment[] = [];
  let leftBytes = mostBytes;
  for (let at = 0; at < archives.length; ) {
    if (archives[at] === 0) {
      at += 1;
      continue;
    }
    if (segments.length === MOST_SEGMENTS)
      throw damaged(`it has more than ${MOST_SEGMENTS} parts`, 'do not trust this image: no boot loader joins so many');
    const isPlain = archives[at] === ASCII_0;
    const segment = isPlain
      ? readUncompressed(archives, at)
      : await readCompressed(archives, at, decompress, leftBytes);
    if (!isPlain) leftBytes -= segment.unpackedBytes;
    segments.push(segment);
    at = segment.offset + segment.sizeBytes;
  }
  return { segments, bootconfig };
}
