import type { Attr } from '../wire/reply.ts';
import { joinPath, type LineFile, type ShownIndex } from './shown-index.ts';

/** What lstat(2) says of a file here. */
export interface RealStat extends Attr {
  readonly inode: bigint;
}

/** What looks at the folder that is here. Paths are bytes (latin1) below it, its own ''. */
export interface LookReal {
  stat(path: string): RealStat | undefined;
  list(path: string): readonly { readonly name: string; readonly type: Attr['type'] }[];
}

/** What a path is to whoever looks. */
export type Found =
  | { readonly kind: 'here'; readonly stat: RealStat }
  /** Only the server has it, or what is here is not what it has: it is to be brought. */
  | { readonly kind: 'away'; readonly file: LineFile }
  /** A folder of the server's. */
  | { readonly kind: 'folder' };

export interface UnionState {
  readonly real: LookReal;
  readonly index: ShownIndex;
  /** What was written here since the index was made. */
  readonly changed: ReadonlySet<string>;
}

/** utimes(2) is called with a number of seconds, which has no more digits. */
const SAME_NS = 1_000n;

/** Whether a file here is the one of the index. */
export const isSame = ({ sizeBytes, modifiedNs }: Pick<Attr, 'sizeBytes' | 'modifiedNs'>, file: LineFile): boolean => {
  const apart = modifiedNs - file.modifiedNs;
  return sizeBytes === file.sizeBytes && apart < SAME_NS && -apart < SAME_NS;
};

/** Ours, in the root. */
export const isOurs = (path: string): boolean => path.startsWith('.statectl-');

/**
 * A file here counts where the server has none, where it is what the server has, and where it was written here. Else it is damaged,
 * or older: nobody is shown a file that is not whole.
 */
export function look({ real, index, changed }: UnionState, path: string): Found | undefined {
  if (isOurs(path)) return undefined;
  const stat = real.stat(path);
  const file = index.file(path);
  if (stat) {
    if (stat.type !== 'file' || !file || changed.has(path)) return { kind: 'here', stat };
    // The time of the index is the one that was shown before it was brought, to the last digit.
    if (isSame(stat, file)) return { kind: 'here', stat: { ...stat, modifiedNs: file.modifiedNs } };
    return { kind: 'away', file };
  }
  if (file) return { kind: 'away', file };
  return index.isFolder(path) ? { kind: 'folder' } : undefined;
}

/** Names in a folder, each once, in one order. */
export function listUnion(
  { real, index }: UnionState,
  path: string,
): readonly { readonly name: string; readonly type: Attr['type'] }[] {
  const names = new Map<string, Attr['type']>(index.names(path));
  for (const { name, type } of real.list(path)) if (!isOurs(joinPath(path, name))) names.set(name, type);
  return [...names].map(([name, type]) => ({ name, type })).toSorted((a, b) => (a.name < b.name ? -1 : 1));
}
