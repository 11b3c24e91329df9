import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { reasonOf, StatectlError } from '../../error.ts';
import { type Members, readPlainTar, writeTar } from '../plain-tar.ts';

export type { Members };

/** Packed as well as unpacked. */
export const LARGEST_BUNDLE_BYTES = 16 << 20;

/** Names say content, not places: `files/SHA256`. So none leads anywhere, however it is unpacked. */
const NAME = /^(?:[a-z]+(?:\.[a-z]+)*|files\/[0-9a-f]{64})$/;

/** `bundle-damaged`: these bytes are no bundle, or no longer. */
export const damaged = (why: string, cause?: unknown): StatectlError =>
  new StatectlError('bundle-damaged', `the bundle is damaged: ${why}`, {
    cause,
    hint: 'was the transfer cut short? It is fetched anew at the next boot',
  });

/** Throws `bundle-damaged`. */
export function readTar(tar: Buffer): Members {
  try {
    return readPlainTar(tar, (name) => NAME.test(name));
  } catch (cause) {
    throw damaged(reasonOf(cause), cause);
  }
}

/** Throws `bundle-too-large`. */
export function packMembers(members: Members): Buffer {
  const tar = writeTar(members);
  if (tar.length > LARGEST_BUNDLE_BYTES)
    throw new StatectlError(
      'bundle-too-large',
      `it has ${tar.length} bytes, a bundle at most ${LARGEST_BUNDLE_BYTES}`,
      {
        hint: 'put large files into the image',
      },
    );
  return zstdCompressSync(tar);
}

/** Throws `bundle-damaged`, also for what would unpack to more than a bundle may have. */
export function unpackMembers(archive: Uint8Array): Members {
  let tar: Buffer;
  try {
    tar = zstdDecompressSync(archive, { maxOutputLength: LARGEST_BUNDLE_BYTES });
  } catch (cause) {
    throw damaged(reasonOf(cause), cause);
  }
  return readTar(tar);
}
