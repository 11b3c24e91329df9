import { createHash, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { StatectlError } from '../../../error.ts';
import { digestOf } from '../../../host/digest-of.ts';
import type { PieceAnswer } from '../../../protocol/state/mirror.ts';
import type { Store } from '../../store/store.ts';
import { itemPath, LINE, listed, printerPath } from '../state-folder.ts';

/** What nobody goes on with takes its room so long. */
const IDLE_MS = 24 * 3_600_000;
const FULL = ['ENOSPC', 'EDQUOT'];
const DIGEST = /^[0-9a-f]{64}$/;
/** `SHA256.SIZE.SENDER`: what is on its way, by what it will be. */
const PART = /^([0-9a-f]{64})\.(\d{1,15})\.[0-9a-f]{16}$/;

/** A piece of a file, and where in it. */
export interface Piece {
  readonly sha256: string;
  readonly sizeBytes: number;
  readonly atBytes: number;
  /** Who sends it: what two send is two. */
  readonly sender: string;
}

/**
 * Whole contents of a mirror by their digest: `line/ITEM/files/SHA256`, for the line and its branches. What comes in pieces
 * gathers below `uploads/ITEM/`, and is `SHA256` there when it is whole and no index has it yet.
 */
export function contents(store: Store, printer: string, item: string) {
  const { files, clock } = store.host;
  const kept = (sha256: string): string => join(itemPath(store, printer, LINE, item), 'files', digest(sha256));
  const uploads = join(printerPath(store, printer), 'uploads', item);
  const uploaded = (sha256: string): string => join(uploads, digest(sha256));
  const partOf = ({ sha256, sizeBytes, sender }: Piece): string => {
    const who = createHash('sha256').update(sender).digest('hex').slice(0, 16);
    return join(uploads, `${digest(sha256)}.${sizeBytes}.${who}`);
  };
  const sizeOf = async (path: string): Promise<number | undefined> => {
    const stat = await files.stat(path);
    return stat?.type === 'file' ? stat.sizeBytes : undefined;
  };

  /** The size of a content; undefined: it is not here. */
  const find = async (sha256: string): Promise<number | undefined> =>
    (await sizeOf(kept(sha256))) ?? (await sizeOf(uploaded(sha256)));

  return {
    kept,
    find,

    /** Bytes that are on their way, as many as there will be. */
    async comingBytes(): Promise<number> {
      let bytes = 0;
      for (const name of await listed(store, uploads)) {
        const [, , size] = PART.exec(name) ?? [];
        bytes += size === undefined ? ((await sizeOf(join(uploads, name))) ?? 0) : Number(size);
      }
      return bytes;
    },

    hasBegun: async (piece: Piece): Promise<boolean> => (await sizeOf(partOf(piece))) !== undefined,

    /** Takes a piece to where it belongs; the last one makes it whole. Throws `generation-mismatch`, `generation-too-large`. */
    async take(piece: Piece, body: AsyncIterable<Uint8Array>): Promise<PieceAnswer> {
      const { sha256, sizeBytes, atBytes } = piece;
      if ((await find(sha256)) !== undefined) return { haveBytes: sizeBytes, isWhole: true };
      const part = partOf(piece);
      let haveBytes = (await sizeOf(part)) ?? 0;
      if (haveBytes !== atBytes) return { haveBytes, isWhole: false };
      await files.mkdir(uploads, 0o700);
      try {
        await using stream = await files.appendStream(part);
        for await (const chunk of body) {
          if (haveBytes + chunk.length > sizeBytes) throw tooLarge(sizeBytes);
          await stream.write(chunk);
          haveBytes += chunk.length;
        }
        await stream.close();
      } catch (error) {
        // Half of a file is the first to go where the disk has no room.
        if (FULL.includes(String((error as { readonly code?: unknown }).code))) await files.remove(part);
        throw error;
      }
      if (haveBytes < sizeBytes) return { haveBytes, isWhole: false };
      if ((await digestOf(files.readStream(part))) !== sha256) {
        await files.remove(part);
        throw new StatectlError('generation-mismatch', `the ${sizeBytes} bytes that came have another SHA-256`, {
          hint: 'the file changed while it was sent, or on its way; nothing of it is kept: send it again',
        });
      }
      await files.rename(part, uploaded(sha256));
      return { haveBytes, isWhole: true };
    },

    /** For `takeWhole`. */
    makeFolder: (): Promise<void> => files.mkdir(uploads, 0o700),

    /** Takes a whole file of which nobody said the digest; gives that. Throws `generation-mismatch` where it has another size. */
    async takeWhole(sizeBytes: number, body: AsyncIterable<Uint8Array>): Promise<string> {
      const part = join(uploads, `whole.${randomBytes(8).toString('hex')}`);
      const hash = createHash('sha256');
      let haveBytes = 0;
      try {
        await using stream = await files.appendStream(part);
        for await (const chunk of body) {
          haveBytes += chunk.length;
          if (haveBytes > sizeBytes) break;
          hash.update(chunk);
          await stream.write(chunk);
        }
        await stream.close();
        if (haveBytes !== sizeBytes)
          throw new StatectlError('generation-mismatch', `it has not the ${sizeBytes} bytes that were announced`);
        const sha256 = hash.digest('hex');
        if ((await find(sha256)) === undefined) await files.rename(part, uploaded(sha256));
        return sha256;
      } finally {
        await files.remove(part);
      }
    },

    /** Puts what is whole where it is kept. */
    async keep(sha256: string): Promise<void> {
      if ((await sizeOf(kept(sha256))) !== undefined) return;
      await files.mkdir(join(itemPath(store, printer, LINE, item), 'files'), 0o700);
      await files.rename(uploaded(sha256), kept(sha256));
    },

    /** Removes what no index has, and what nobody goes on with. */
    async sweep(wanted: ReadonlyMap<string, number>): Promise<void> {
      const folder = join(itemPath(store, printer, LINE, item), 'files');
      for (const name of await listed(store, folder)) if (!wanted.has(name)) await files.remove(join(folder, name));
      for (const name of await listed(store, uploads)) {
        const stat = await files.stat(join(uploads, name));
        if (stat && clock.now() - stat.mtimeMs > IDLE_MS) await files.remove(join(uploads, name));
      }
    },
  };
}

const tooLarge = (sizeBytes: number): StatectlError =>
  new StatectlError('generation-too-large', `more came than the ${sizeBytes} bytes that were announced`);

/** Only a digest becomes a path. */
function digest(text: string): string {
  if (DIGEST.test(text)) return text;
  throw new StatectlError('file-unknown', 'that is not the SHA-256 of a file');
}
