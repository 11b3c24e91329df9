import { reasonOf, StatectlError } from '../../../error.ts';
import type { PlainTree } from '../../../host/plain-tree.ts';
import { pathFault } from '../../../print/config-names.ts';
import type { ConfigFiles } from '../../../protocol/state/config-files.ts';
import { sha256Of } from '../../../signed/bundle/manifest.ts';
import { type Digests, digestOfLocal, type LocalConfig } from './local-config.ts';

export interface Applying {
  readonly local: LocalConfig;
  /** What the machine had from the server. */
  readonly noted: ReadonlyMap<string, string>;
  readonly digests: Digests;
  /** By the machine's clock. */
  readonly nowMs: number;
  /** Which of those that are different here go: they are kept elsewhere. Default: nothing of it is touched. */
  readonly over?: (path: string) => boolean;
}

/**
 * Puts what the server has in its place, file by file, each whole at once. Gives what is noted then; undefined: the printer changed one of
 * them meanwhile, which has to be shipped first. Throws `config-unwritable`.
 */
export async function applyConfig(
  tree: PlainTree,
  given: ConfigFiles,
  { local, noted, digests, nowMs, over }: Applying,
): Promise<ReadonlyMap<string, string> | undefined> {
  const after = new Map(given.since === null ? [] : noted);
  const mtimeNs = String(BigInt(Math.trunc(nowMs)) * 1_000_000n);
  try {
    for (const { path, content } of given.files) {
      if (pathFault(path) !== undefined) continue;
      const bytes = content === null ? undefined : Buffer.from(content, 'base64');
      const sha256 = bytes && sha256Of(bytes);
      if (sha256 === undefined) after.delete(path);
      else after.set(path, sha256);
      const file = local.files.get(path);
      const has = file && (await digestOfLocal(tree, file, digests));
      if (has === sha256) continue;
      if (has !== noted.get(path) && !over?.(path)) return undefined;
      if (bytes) await writeFile(tree, path, bytes, mtimeNs, file?.stamp);
      else if (file) await tree.remove(file);
    }
  } catch (error) {
    const { code } = (error ?? {}) as { readonly code?: unknown };
    if (code === 'ESTALE' || code === 'EEXIST') return undefined;
    throw new StatectlError('config-unwritable', `cannot write what people changed: ${reasonOf(error)}`, {
      cause: error,
      hint: 'a link or a file may be where a folder should be, or the disk is full',
    });
  }
  return after;
}

/** Throws ESTALE where another file has the name by now. */
export async function writeFile(
  tree: PlainTree,
  path: string,
  bytes: Uint8Array,
  mtimeNs: string,
  over: string | undefined,
): Promise<void> {
  await using fresh = await tree.create();
  await fresh.write(bytes);
  await fresh.place(path, mtimeNs, over);
}
