import type { FileType } from '../host.ts';
import { systemError } from '../system-error.ts';

/** What a path names. One shape for all types: only directories have entries, only symlinks a target. */
export interface Inode {
  readonly type: FileType;
  mode: number;
  readonly uid: number;
  readonly gid: number;
  mtimeMs: number;
  data: Buffer;
  readonly target: string;
  readonly entries: Map<string, Inode>;
  readonly rdev: { readonly major: number; readonly minor: number };
}

/** Where a path ends: the directory, the name in it, and what is there. */
export interface Place {
  readonly parent: Inode;
  readonly name: string;
  readonly inode: Inode | undefined;
  /** The directories walked through, the root first, `parent` last. */
  readonly above: readonly Inode[];
}

const USUAL_MODES: Readonly<Partial<Record<FileType, number>>> = { dir: 0o755, symlink: 0o777 };

export const makeInode = (type: FileType, fields: Partial<Inode> = {}): Inode => ({
  type,
  mode: USUAL_MODES[type] ?? 0o644,
  uid: 0,
  gid: 0,
  mtimeMs: 0,
  data: Buffer.alloc(0),
  target: '',
  entries: new Map(),
  rdev: { major: 0, minor: 0 },
  ...fields,
});

/** path_resolution(7): the kernel gives up after so many. */
const MOST_SYMLINKS = 40;

const partsOf = (path: string): string[] => path.split('/').filter((part) => part !== '' && part !== '.');

/**
 * Resolves a path as path_resolution(7) does. The last name may be missing; a symlink there is followed on `follow`, also
 * to where a dangling one points. Throws ENOENT, ENOTDIR, ELOOP.
 */
export function walk(root: Inode, path: string, last: 'follow' | 'nofollow', call: string): Place {
  let above: Inode[] = [root];
  let parts = partsOf(path);
  let symlinks = 0;
  const folderOnly = path.endsWith('/');
  for (;;) {
    const name = parts.shift();
    const parent = above.at(-1) ?? root;
    if (name === undefined) return { parent: above.at(-2) ?? root, name: '', inode: parent, above: above.slice(0, -1) };
    if (name === '..') {
      if (above.length > 1) above.pop();
      continue;
    }
    const inode = parent.entries.get(name);
    const isLast = parts.length === 0;
    if (inode?.type === 'symlink' && (!isLast || last === 'follow' || folderOnly)) {
      symlinks += 1;
      if (symlinks > MOST_SYMLINKS) throw systemError('ELOOP', call, path);
      if (inode.target.startsWith('/')) above = [root];
      parts = [...partsOf(inode.target), ...parts];
      continue;
    }
    if (inode !== undefined && inode.type !== 'dir' && (!isLast || folderOnly))
      throw systemError('ENOTDIR', call, path);
    if (isLast) return { parent, name, inode, above };
    if (inode === undefined) throw systemError('ENOENT', call, path);
    above.push(inode);
  }
}

/** The inode at a path, symlinks followed; ENOENT when nothing is there. */
export function find(root: Inode, path: string, last: 'follow' | 'nofollow', call: string): Inode {
  const { inode } = walk(root, path, last, call);
  if (inode === undefined) throw systemError('ENOENT', call, path);
  return inode;
}

export function totalBytes(inode: Inode): number {
  let sum = inode.data.length;
  for (const entry of inode.entries.values()) sum += totalBytes(entry);
  return sum;
}
