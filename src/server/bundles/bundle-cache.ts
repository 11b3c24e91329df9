import { join } from 'node:path';
import { reasonOf, StatectlError } from '../../error.ts';
import { sha256Of } from '../../signed/bundle/manifest.ts';
import { bundlesPath, type Store } from '../store/store.ts';

/** The last bundle of every machine, for those who ask again: the same content keeps its number. */
export interface BundleCache {
  /** undefined when the last one of this machine had other content, or was altered on the disk. */
  get(machine: string, contentDigest: string): Promise<Buffer | undefined>;
  put(machine: string, contentDigest: string, archive: Buffer): Promise<void>;
}

interface Cached {
  readonly name: string;
  readonly sizeBytes: number;
}

/** MACHINE-CONTENT-ARCHIVE.tar.zst, three SHA-256: nothing a machine says becomes part of a path. */
const NAME = /^([0-9a-f]{64})-[0-9a-f]{64}-[0-9a-f]{64}\.tar\.zst$/;

/** Opens `bundles/cache`. Beyond `limitBytes` the machines that asked longest ago go: they get a new number, nothing else. */
export async function openBundleCache(store: Store, limitBytes: number): Promise<BundleCache> {
  const { files } = store.host;
  const folder = join(bundlesPath(store), 'cache');
  /** By machine, who asked longest ago first. */
  const index = new Map<string, Cached>();
  let totalBytes = 0;

  const forget = async (key: string): Promise<void> => {
    const cached = index.get(key);
    if (cached === undefined) return;
    index.delete(key);
    totalBytes -= cached.sizeBytes;
    await files.remove(join(folder, cached.name));
  };
  const remember = async (key: string, cached: Cached): Promise<void> => {
    index.set(key, cached);
    totalBytes += cached.sizeBytes;
    for (const oldest of index.keys()) if (totalBytes > limitBytes && oldest !== key) await forget(oldest);
  };

  await files.mkdir(folder, 0o755).catch((cause: unknown) => {
    throw new StatectlError('state-unusable', `the folder ${folder} cannot be used: ${reasonOf(cause)}`, {
      cause,
      hint: 'move away what is in its place: what is kept there is made again',
    });
  });
  const found: { readonly name: string; readonly key: string; readonly sizeBytes: number; readonly mtimeMs: number }[] =
    [];
  for (const name of await files.list(folder)) {
    const stat = await files.stat(join(folder, name));
    const key = NAME.exec(name)?.[1];
    if (key !== undefined && stat !== undefined) found.push({ name, key, ...stat });
  }
  for (const { key, name, sizeBytes } of found.sort((a, b) => a.mtimeMs - b.mtimeMs)) {
    // Two of one machine: the power went between the newer and the removal of the older.
    await forget(key);
    await remember(key, { name, sizeBytes });
  }

  return {
    async get(machine, contentDigest) {
      const key = sha256Of(machine);
      const cached = index.get(key);
      if (cached === undefined || !cached.name.startsWith(`${key}-${contentDigest}-`)) return undefined;
      const archive = await files.read(join(folder, cached.name)).catch(() => undefined);
      if (archive === undefined || !cached.name.endsWith(`-${sha256Of(archive)}.tar.zst`)) return undefined;
      // Unless another took its place meanwhile, it is now the one that was asked for last.
      if (index.get(key) === cached && index.delete(key)) index.set(key, cached);
      return archive;
    },
    async put(machine, contentDigest, archive) {
      const key = sha256Of(machine);
      const name = `${key}-${contentDigest}-${sha256Of(archive)}.tar.zst`;
      await files.write(join(folder, name), archive);
      if (index.get(key)?.name !== name) await forget(key);
      await remember(key, { name, sizeBytes: archive.length });
    },
  };
}
