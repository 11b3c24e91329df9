import type { Files } from '../../host/host.ts';
import { BLOCK_BYTES, tarName, tarPadding, tarSize } from '../../signed/plain-tar.ts';

export interface Member {
  readonly name: string;
  readonly sizeBytes: number;
}

type Take = (chunk: Uint8Array) => Promise<void> | void;

/** Bytes of a kept log, as they were before zstd. */
export async function* plainChunks(files: Pick<Files, 'readStream'>, path: string): AsyncGenerator<Uint8Array> {
  const stored = files.readStream(path);
  if (!path.endsWith('.zst')) return yield* stored;
  const [{ createZstdDecompress }, { pipeline, Readable }] = await Promise.all([
    import('node:zlib'),
    import('node:stream'),
  ]);
  const zstd = createZstdDecompress();
  pipeline(Readable.from(stored), zstd, () => {});
  yield* zstd;
}

/** Reads a tar of ours as it comes; `take` says of each member who gets its bytes. Throws an Error where it is cut or none. */
export async function readArchive(
  chunks: AsyncIterable<Uint8Array>,
  take: (member: Member) => Take | undefined,
): Promise<void> {
  let held = Buffer.alloc(0);
  let [data, padding] = [0, 0];
  let to: Take | undefined;
  for await (const chunk of chunks) {
    held = Buffer.concat([held, chunk]);
    for (;;) {
      if (data > 0) {
        const part = held.subarray(0, data);
        if (part.length === 0) break;
        await to?.(part);
        data -= part.length;
        held = held.subarray(part.length);
      } else if (padding > 0) {
        const skipped = Math.min(padding, held.length);
        if (skipped === 0) break;
        padding -= skipped;
        held = held.subarray(skipped);
      } else {
        if (held.length < BLOCK_BYTES) break;
        if (held[0] === 0) return;
        const sizeBytes = tarSize(held, 0);
        if (held.toString('latin1', 257, 262) !== 'ustar' || !Number.isSafeInteger(sizeBytes))
          throw new Error('it is no archive of logs');
        to = take({ name: tarName(held, 0), sizeBytes });
        [data, padding] = [sizeBytes, tarPadding(sizeBytes)];
        held = held.subarray(BLOCK_BYTES);
      }
    }
  }
  throw new Error('it ends in the middle');
}
