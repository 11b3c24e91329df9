import { StatectlError } from '../../error.ts';

/** The numbers of one ELF file, in its own word size and byte order. Reading past the end throws a RangeError. */
function fieldsOf(buffer: Uint8Array) {
  const view = new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
  const is64 = view.getUint8(4) === 2;
  const little = view.getUint8(5) === 1;
  const u16 = (at: number): number => view.getUint16(at, little);
  const u32 = (at: number): number => view.getUint32(at, little);
  /** A field whose place depends on the word size, and is a word itself. */
  const word = (base: number, at32: number, at64: number): number =>
    is64 ? Number(view.getBigUint64(base + at64, little)) : u32(base + at32);
  const bytes = (start: number, length: number): Uint8Array => {
    if (start + length > buffer.length) throw new RangeError(`bytes ${start} to ${start + length} are missing`);
    return buffer.subarray(start, start + length);
  };
  const text = (start: number): string => {
    const end = buffer.indexOf(0, start); // -1 too when it starts after the end
    if (start < 0 || end < 0) throw new RangeError(`the text at byte ${start} has no end`);
    return new TextDecoder().decode(buffer.subarray(start, end));
  };
  return { is64, little, u16, u32, word, bytes, text };
}

export type Fields = ReturnType<typeof fieldsOf>;

export const isElf = (buffer: Uint8Array): boolean =>
  buffer[0] === 0x7f && buffer[1] === 0x45 && buffer[2] === 0x4c && buffer[3] === 0x46;

/** Runs a reading of `buffer`, with an error that an operator understands when bytes are missing. */
export function readFields<T>(name: string, buffer: Uint8Array, read: (fields: Fields) => T): T {
  try {
    return read(fieldsOf(buffer));
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new StatectlError(
      'elf-truncated',
      `${name} is a damaged ELF file of ${buffer.length} bytes: ${cause.message}`,
      {
        cause,
        hint: 'copy or install the file again; the disk or the download may have been cut short',
      },
    );
  }
}
