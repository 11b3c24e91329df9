import { StatectlError } from '../../../error.ts';
import { findBootconfig } from './segments.ts';

const BLOCK_BYTES = 512;
/** The kernel's legacy lz4 reader takes four zero bytes as the end of its blocks (lib/decompress_unlz4.c). */
const LZ4_END_BYTES = 4;
const LZ4_LEGACY_MAGIC = 0x184c2102;

/** Zeros to the next multiple of 512, and at least `leastBytes`. */
function padding(sizeBytes: number, leastBytes: number): Buffer {
  return Buffer.alloc(Math.ceil((sizeBytes + leastBytes) / BLOCK_BYTES) * BLOCK_BYTES - sizeBytes);
}

const padded = (part: Buffer): readonly Buffer[] => {
  const isLz4 = part.length >= 4 && part.readUInt32LE(0) === LZ4_LEGACY_MAGIC;
  return [part, padding(part.length, isLz4 ? LZ4_END_BYTES : 0)];
};

/** The tail for a file whose size is a multiple of 4: zeros count as data and leave the sum as it is. */
function bootconfigTail(data: Buffer): Buffer {
  const zeros = Buffer.alloc((4 - (data.length % 4)) % 4);
  const numbers = Buffer.alloc(8);
  numbers.writeUInt32LE(data.length + zeros.length, 0);
  numbers.writeUInt32LE(
    data.reduce((sum, byte) => (sum + byte) >>> 0, 0),
    4,
  );
  return Buffer.concat([data, zeros, numbers, Buffer.from('#BOOTCONFIG\n')]);
}

function refuseBootconfig(part: Buffer): void {
  if (findBootconfig(part))
    throw new StatectlError('bootconfig-not-last', 'only the last part of an initramfs may end with a bootconfig', {
      hint: 'remove it with `bootconfig -d`, and add it to the finished image',
    });
}

/**
 * One image of several segments, each padded with zeros to 512 bytes. A part is one archive, compressed or not; a
 * bootconfig at the end of the last stays last. Throws `bootconfig-not-last`, `bootconfig-damaged`.
 */
export function joinSegments(parts: readonly Buffer[]): Buffer {
  for (const part of parts.slice(0, -1)) refuseBootconfig(part);
  const bootconfig = findBootconfig(parts.at(-1) ?? Buffer.alloc(0));
  const bodies = parts.map((part, index) => (index === parts.length - 1 ? part.subarray(0, bootconfig?.offset) : part));
  const tail = bootconfig ? [bootconfigTail(bootconfig.data)] : [];
  return Buffer.concat([...bodies.flatMap(padded), ...tail]);
}

/**
 * A finished image with one more segment, whose files win over earlier ones; the image's bootconfig stays last.
 * Throws `bootconfig-not-last`, `bootconfig-damaged`.
 */
export function appendSegment(image: Buffer, cpio: Buffer): Buffer {
  refuseBootconfig(cpio);
  const bootconfig = findBootconfig(image);
  const body = image.subarray(0, bootconfig?.offset);
  const tail = bootconfig ? [bootconfigTail(bootconfig.data)] : [];
  // What the last segment of a foreign image is, is not known here: it may be lz4.
  return Buffer.concat([body, padding(body.length, LZ4_END_BYTES), ...padded(cpio), ...tail]);
}
