import { BLOCK_BYTES } from '../../signed/plain-tar.ts';

/** A file that was found. */
export interface LogFile {
  readonly path: string;
  readonly sizeBytes: number;
}

/** A part of it: a log's end counts. */
export interface TakenFile<Of extends LogFile> {
  readonly file: Of;
  readonly from: number;
  readonly sizeBytes: number;
}

export interface LeftFile {
  readonly path: string;
  readonly why: string;
}

/** The end of one alone is of no use. */
const IS_WHOLE_OR_NOTHING = /\.(?:gz|xz|zst|bz2|lz4|zip|journal~?|db|sqlite)$/;
/** A header, and what its last block is filled with. */
const BESIDE_BYTES = 2 * BLOCK_BYTES;
/** What a header can say: eleven octal digits. */
const MOST_BYTES = 2 ** 33 - 1;
/** The end of a log that is shorter tells nothing. */
const LEAST_BYTES = 4096;

/**
 * What of these files goes into so much room: what is small whole, and of what is large a share each, its end; so one that grew without
 * bound costs the others nothing. Pure.
 */
export function planArchive<Of extends LogFile>(
  files: readonly Of[],
  roomBytes: number,
): { readonly taken: readonly TakenFile<Of>[]; readonly left: readonly LeftFile[] } {
  const taken: TakenFile<Of>[] = [];
  const left: LeftFile[] = [];
  let room = roomBytes;
  const smallestFirst = files.toSorted((a, b) => a.sizeBytes - b.sizeBytes || (a.path < b.path ? -1 : 1));
  for (const [index, file] of smallestFirst.entries()) {
    const share = Math.floor(room / (files.length - index)) - BESIDE_BYTES;
    const sizeBytes = Math.min(file.sizeBytes, share, MOST_BYTES);
    if (sizeBytes < file.sizeBytes && (IS_WHOLE_OR_NOTHING.test(file.path) || sizeBytes < LEAST_BYTES)) {
      left.push({ path: file.path, why: `${file.sizeBytes} bytes have no room` });
      continue;
    }
    taken.push({ file, from: file.sizeBytes - sizeBytes, sizeBytes });
    room -= sizeBytes + BESIDE_BYTES;
  }
  return { taken: taken.toSorted((a, b) => (a.file.path < b.file.path ? -1 : 1)), left };
}
