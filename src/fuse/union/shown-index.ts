import type { CacheIndex, CacheName } from '../../protocol/state/cache.ts';

/** A file that the server has. */
export interface LineFile {
  readonly sizeBytes: number;
  readonly modifiedNs: bigint;
  readonly version: string;
}

/** What the server has, by paths below the root (latin1: a character a byte), the root as ''. */
export interface ShownIndex {
  file(path: string): LineFile | undefined;
  /** Whether something lies below it. */
  isFolder(path: string): boolean;
  /** Names in a folder. */
  names(path: string): ReadonlyMap<string, 'file' | 'dir'>;
  /** Files below a folder. */
  below(path: string): readonly (readonly [path: string, file: LineFile])[];
  /** It was deleted here: it is not shown any more. */
  hide(path: string): void;
}

const NONE: ReadonlyMap<string, 'file' | 'dir'> = new Map();

/** Folder and name of a path; of one in the root the folder is ''. */
function splitPath(path: string): { readonly folder: string; readonly name: string } {
  const at = path.lastIndexOf('/');
  return { folder: path.slice(0, Math.max(at, 0)), name: path.slice(at + 1) };
}

export const joinPath = (folder: string, name: string): string => (folder === '' ? name : `${folder}/${name}`);

/** `gone`: what was deleted here of what it has. */
export function shownIndex({ files }: CacheIndex, gone: readonly CacheName[]): ShownIndex {
  const deleted = new Set(gone.map(({ path, version }) => `${version} ${path}`));
  const shown = new Map<string, LineFile>();
  const folders = new Map<string, Map<string, 'file' | 'dir'>>();
  function enter(path: string, type: 'file' | 'dir'): void {
    const { folder, name } = splitPath(path);
    const names = folders.get(folder);
    if (names?.has(name)) return;
    if (names) names.set(name, type);
    else folders.set(folder, new Map([[name, type]]));
    if (folder !== '') enter(folder, 'dir');
  }
  function leave(path: string): void {
    const { folder, name } = splitPath(path);
    const names = folders.get(folder);
    names?.delete(name);
    if (names?.size !== 0) return;
    folders.delete(folder);
    if (folder !== '') leave(folder);
  }
  for (const { path, sizeBytes, mtimeNs, version } of files) {
    if (deleted.has(`${version} ${path}`)) continue;
    const bytes = Buffer.from(path).toString('latin1');
    shown.set(bytes, { sizeBytes, modifiedNs: BigInt(mtimeNs), version });
    enter(bytes, 'file');
  }
  return {
    file: (path) => shown.get(path),
    isFolder: (path) => folders.has(path),
    names: (path) => folders.get(path) ?? NONE,
    below: (path) => [...shown].filter(([one]) => one.startsWith(`${path}/`)),
    hide(path) {
      if (shown.delete(path)) leave(path);
    },
  };
}
