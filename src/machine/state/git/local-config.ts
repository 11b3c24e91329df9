import type { PlainFile, PlainTree } from '../../../host/plain-tree.ts';
import { chooseConfig } from '../../../print/choose-config.ts';
import { CONFIG_BOUNDS } from '../../../protocol/state/config-files.ts';
import { sha256Of } from '../../../signed/bundle/manifest.ts';

/** The files of a config as they lie there, not read yet. */
export interface LocalConfig {
  readonly files: ReadonlyMap<string, PlainFile>;
  /** What is there and no state: links, what is too large; and why. */
  readonly left: ReadonlyMap<string, string>;
  /** All names that are there, noise too. */
  readonly names: ReadonlySet<string>;
  readonly folders: readonly string[];
  /** Not all of it was looked at: what is not named may be there all the same. */
  readonly isCut: boolean;
}

/** A change of the printer's; undefined: the file is gone. */
export interface LocalChange {
  readonly path: string;
  readonly bytes: Buffer | undefined;
  readonly mtimeMs: number;
}

/** What was read once, by the stamp of the file. */
export type Digests = Map<string, { readonly stamp: string; readonly sha256: string }>;

/** `apart`: paths below it that are another item's. Throws what a file system has against it. */
export async function lookAtConfig(tree: PlainTree, apart: readonly string[]): Promise<LocalConfig> {
  const scan = await tree.scan();
  const names = new Set(scan.files.map(({ path }) => path));
  const isOthers = (path: string) => apart.some((other) => path === other || path.startsWith(`${other}/`));
  const { files, left } = chooseConfig(scan.files, apart, CONFIG_BOUNDS);
  const noFiles = scan.left.filter(({ path }) => !isOthers(path)).map(({ path, why }) => [path, why] as const);
  return { files, left: new Map([...noFiles, ...left]), names, folders: scan.folders, isCut: scan.isCut };
}

/** Throws ESTALE where it is another file by now. */
export async function readLocal(tree: PlainTree, file: PlainFile): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of tree.read(file)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** The digest of a file as it is; read only where its stamp is another. Throws ESTALE. */
export async function digestOfLocal(tree: PlainTree, file: PlainFile, digests: Digests): Promise<string> {
  const known = digests.get(file.path);
  if (known?.stamp === file.stamp) return known.sha256;
  const sha256 = sha256Of(await readLocal(tree, file));
  digests.set(file.path, { stamp: file.stamp, sha256 });
  return sha256;
}

/** What is not as the note has it. Throws ESTALE. */
export async function localChanges(
  tree: PlainTree,
  local: LocalConfig,
  noted: ReadonlyMap<string, string>,
  digests: Digests,
): Promise<readonly LocalChange[]> {
  const changes: LocalChange[] = [];
  for (const file of local.files.values()) {
    if ((await digestOfLocal(tree, file, digests)) === noted.get(file.path)) continue;
    changes.push({
      path: file.path,
      bytes: await readLocal(tree, file),
      mtimeMs: Number(BigInt(file.mtimeNs) / 1_000_000n),
    });
  }
  if (local.isCut) return changes;
  for (const path of noted.keys())
    if (!local.files.has(path) && !local.left.has(path)) changes.push({ path, bytes: undefined, mtimeMs: 0 });
  return changes;
}
