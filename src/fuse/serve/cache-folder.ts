import type { Account } from '../../host/host.ts';
import type { CacheName } from '../../protocol/state/cache.ts';
import type { RealFolder } from '../real-folder.ts';
import { type Found, look } from '../union/look.ts';
import type { Node, Nodes } from '../union/nodes.ts';
import { joinPath, type ShownIndex } from '../union/shown-index.ts';
import type { Attr, Entry } from '../wire/reply.ts';
import type { Handles } from './handles.ts';
import { Refused } from './refused.ts';

/** All that a cache is while it is served. */
export interface CacheFolder {
  readonly real: RealFolder;
  readonly nodes: Nodes;
  readonly handles: Handles;
  /** Whose the files are that the server has. */
  readonly account: Account;
  index: ShownIndex;
  /** What was written here since the index was made. */
  readonly changed: ChangedPaths;
  /** What went from here before the server was known to have it: an index that was begun before may name it. */
  readonly removed: Map<string, Pick<Attr, 'sizeBytes' | 'modifiedNs'>>;
  /** Somebody waits for a file that is not here. */
  readonly wanted: (wish: Wish) => void;
  /** A random name that nothing has. */
  readonly newId: () => string;
}

export interface ChangedPaths extends ReadonlySet<string> {
  /** Another process remembers it, too. */
  add(path: string): void;
}

/** An `open` that waits. */
export interface Wish extends CacheName {
  readonly unique: bigint;
  readonly node: number;
  /** The answer, once it is here; undefined: it is not, or not any more. */
  readonly again: () => Buffer | undefined;
}

export function nodeOf({ nodes }: Pick<CacheFolder, 'nodes'>, id: number): Node {
  const node = nodes.get(id);
  if (!node) throw new Refused('ESTALE');
  return node;
}

/** The path of what has a name. Throws ESTALE. */
export function pathOf(folder: Pick<CacheFolder, 'nodes'>, id: number): string {
  const path = folder.nodes.pathOf(nodeOf(folder, id));
  if (path === undefined) throw new Refused('ESTALE');
  return path;
}

/** The path of a name in a folder. */
export const childPath = (folder: Pick<CacheFolder, 'nodes'>, parent: number, name: string): string =>
  joinPath(pathOf(folder, parent), name);

export function found(folder: CacheFolder, path: string): Found {
  const one = look(folder, path);
  if (!one) throw new Refused('ENOENT');
  return one;
}

/** What only the server has looks as it will when it is here. */
export function attrOf({ real, account }: CacheFolder, one: Found): Attr {
  if (one.kind === 'here') return one.stat;
  const root = real.stat('');
  const times = (ns: bigint) => ({ accessedNs: ns, modifiedNs: ns, changedNs: ns });
  if (one.kind === 'folder')
    return { type: 'dir', sizeBytes: 0, mode: 0o755, ...account, links: 2, ...times(root?.modifiedNs ?? 0n) };
  return {
    ...{ type: 'file', sizeBytes: one.file.sizeBytes, mode: 0o644, ...account, links: 1 },
    ...times(one.file.modifiedNs),
  };
}

/** Tells the kernel of a name. */
export function entryOf(folder: CacheFolder, parent: number, name: string, one: Found): Entry {
  const inode = one.kind === 'here' && one.stat.type === 'file' ? one.stat.inode : undefined;
  return { node: folder.nodes.enter(parent, name, inode).id, attr: attrOf(folder, one) };
}
