import type { MirrorFile, MirrorListing } from '../../../protocol/state/mirror.ts';

/** A file of a source that the server knows nothing of: its version is what tells one content from the next. */
export interface OutsideFile extends Pick<MirrorFile, 'path' | 'sizeBytes' | 'mtimeNs'> {
  readonly version: string;
}

/** A file as a machine is to have it. */
export interface ViewFile extends OutsideFile {
  readonly from: 'server' | 'outside';
}

/** All that a mirror is to have, by name. */
export interface MirrorView {
  readonly files: ReadonlyMap<string, ViewFile>;
  /** What a change of this name is told to the server with. */
  lies(path: string): { readonly was: string | null; readonly over?: string };
}

/**
 * What the line has, laid over its source: what the printer changed or deleted of the source counts as long as the source has the
 * version that was changed. Pure.
 */
export function viewOf(
  { files: line, hidden, source }: MirrorListing,
  outside: readonly OutsideFile[] = [],
): MirrorView {
  const below = new Map<string, ViewFile>();
  for (const { path, sizeBytes, mtimeNs, sha256 } of source)
    below.set(path, { path, sizeBytes, mtimeNs, version: sha256, from: 'server' });
  for (const { path, sizeBytes, mtimeNs, version } of outside)
    below.set(path, { path, sizeBytes, mtimeNs, version, from: 'outside' });
  const own = new Map(line.map((file) => [file.path, file]));
  const files = new Map(below);
  for (const { path, over } of hidden) if (below.get(path)?.version === over) files.delete(path);
  for (const { path, sizeBytes, mtimeNs, sha256, over } of line)
    if (over === undefined || below.get(path)?.version === over)
      files.set(path, { path, sizeBytes, mtimeNs, version: sha256, from: 'server' });
  return {
    files,
    lies(path) {
      const over = below.get(path)?.version;
      return { was: own.get(path)?.sha256 ?? null, ...(over !== undefined && { over }) };
    },
  };
}
