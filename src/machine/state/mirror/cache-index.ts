import type { Files } from '../../../host/host.ts';
import type { PlainFile } from '../../../host/plain-tree.ts';
import type { CacheIndex } from '../../../protocol/state/cache.ts';
import { cacheFolders } from './cache-folders.ts';
import type { NotedFile } from './mirror-note.ts';
import type { MirrorView } from './mirror-view.ts';
import type { MirrorPlan } from './plan-mirror.ts';

/** What the line has, but for names of which this machine has something else: those are shown as they are here. Pure. */
export function indexOf(
  { files }: MirrorView,
  { note, takes, absent, unknown }: Pick<MirrorPlan, 'note' | 'takes' | 'absent' | 'unknown'>,
): CacheIndex {
  const shown = new Set([
    ...note.filter(({ path, version }) => version === files.get(path)?.version).map(({ path }) => path),
    ...[...takes.map(({ file }) => file), ...absent].map(({ path }) => path),
  ]);
  for (const { path } of unknown) shown.delete(path);
  return {
    files: [...files.values()]
      .filter(({ path }) => shown.has(path))
      .map(({ path, sizeBytes, mtimeNs, version }) => ({ path, sizeBytes, mtimeNs, version })),
  };
}

/** The same of what was noted, where no server says what it has: what was changed here since is this machine's. Pure. */
export function indexNoted(note: readonly NotedFile[], here: readonly PlainFile[]): CacheIndex {
  const stamps = new Map(here.map(({ path, stamp }) => [path, stamp]));
  return {
    files: note.flatMap(({ path, stamp, version, line, lineFile }) =>
      lineFile && version !== null && version === line && stamps.get(path) === stamp
        ? [{ path, version, ...lineFile }]
        : [],
    ),
  };
}

/** What the line has of each name, beside what is noted of it: without a server it is shown all the same. Pure. */
export const withLineFiles = (note: readonly NotedFile[], { files }: MirrorView): readonly NotedFile[] =>
  note.map((one) => {
    const file = files.get(one.path);
    if (!file || file.version !== one.line) return one;
    return { ...one, lineFile: { sizeBytes: file.sizeBytes, mtimeNs: file.mtimeNs } };
  });

/** Whoever shows the folder goes by it from now on. */
export async function showIndex(
  { files }: { readonly files: Pick<Files, 'mkdir' | 'write'> },
  spool: string,
  index: CacheIndex,
): Promise<void> {
  const { shared } = cacheFolders(spool);
  await files.mkdir(shared, 0o700);
  await files.write(`${shared}/index.json`, JSON.stringify(index), { mode: 0o600 });
}
