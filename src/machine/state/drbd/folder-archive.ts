import type { PlainTree } from '../../../host/plain-tree.ts';
import { isMirrorPath } from '../../../protocol/state/mirror.ts';
import { hasTarName, readPlainTar, writeTar } from '../../../signed/plain-tar.ts';

/** No server takes a larger one. */
const LARGEST_ARCHIVE_BYTES = 64 << 20;
/** Of a folder that changes all the time the last look counts. */
const TRIES = 3;

export interface FolderArchive {
  readonly tar: Buffer;
  /** What it lacks, and why. */
  readonly left: readonly string[];
}

/**
 * What is in a folder as it was at one instant, if it holds still for that; undefined: there are no files. Throws an Error where
 * there is more than an archive may have.
 */
export async function archiveFolder(tree: PlainTree): Promise<FolderArchive | undefined> {
  for (let tries = 1; ; tries += 1) {
    const { files, left } = await tree.scan();
    const taken = files.filter(({ path }) => hasTarName(path));
    const bytes = taken.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    if (bytes > LARGEST_ARCHIVE_BYTES - taken.length * 1024)
      throw new Error(`${bytes} bytes are more than the ${LARGEST_ARCHIVE_BYTES} that can be kept of it`);
    const members = new Map<string, Uint8Array>();
    for (const file of taken) {
      const bytesOf = await readWhole(tree, file).catch(() => undefined);
      if (bytesOf) members.set(file.path, bytesOf);
    }
    const after = await tree.scan();
    const isStill = stampsOf(after.files) === stampsOf(files);
    if (!isStill && tries < TRIES) continue;
    if (members.size === 0) return undefined;
    return {
      tar: writeTar(members),
      left: [
        ...left.map(({ path, why }) => `${path} (${why})`),
        ...files.filter(({ path }) => !members.has(path)).map(({ path }) => path),
      ],
    };
  }
}

type Files = Awaited<ReturnType<PlainTree['scan']>>['files'];

const stampsOf = (files: Files): string => files.map(({ path, stamp }) => `${path} ${stamp}`).join('\n');

async function readWhole(tree: PlainTree, file: Files[number]): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of tree.read(file)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Puts the files of an archive into a folder that has none of them. Throws an Error where it is no such archive. */
export async function layArchive(tree: PlainTree, tar: Buffer, nowMs: number): Promise<void> {
  const mtimeNs = String(BigInt(Math.trunc(nowMs)) * 1_000_000n);
  for (const [path, bytes] of readPlainTar(tar, isMirrorPath)) {
    await using file = await tree.create();
    await file.write(bytes);
    await file.place(path, mtimeNs);
  }
}
