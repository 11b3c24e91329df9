/** One extended attribute: name and value, each letter a byte. */
export type Xattr = readonly [name: string, value: string];

/** Sockets are in no tree: they are made by whoever listens, and tar(1) knows none. */
export type EntryType = 'file' | 'dir' | 'symlink' | 'char' | 'block' | 'fifo';

/**
 * One name in the tree of a whole system. Names are bytes, of which some are no UTF-8: each letter of `path`, `target` and
 * `hardLink` is one (latin1).
 */
export interface TreeEntry {
  /** Absolute in the tree, free of `.` and `..`; `/` is its root. */
  readonly path: string;
  readonly type: EntryType;
  /** Permission bits only (0o7777). */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Of a regular file; absent where a tree is read and another name of it came before. */
  readonly sizeBytes?: number;
  /** Of its content, lower-case hex; absent as the size is. */
  readonly sha256?: string;
  /** The first name of the same file in the order of the tree; absent where this is the first, or the only one. */
  readonly hardLink?: string;
  /** Of a symbolic link. */
  readonly target?: string;
  /** Of a device node. */
  readonly rdev?: { readonly major: number; readonly minor: number };
  /** By name, bytewise; absent where there are none. */
  readonly xattrs?: readonly Xattr[];
}

/**
 * The order of a tree: a folder, then all below it, names of one folder bytewise; a walk that sorts each folder (tar --sort=name)
 * comes by them so. Negative where `a` is first.
 */
export function compareInTree(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at += 1) {
    const [left, right] = [a.charCodeAt(at), b.charCodeAt(at)];
    if (left === right) continue;
    // What ends here is before what goes on.
    return (left === SLASH ? 0 : left) - (right === SLASH ? 0 : right);
  }
  return a.length - b.length;
}
const SLASH = 47;

/** Whether a path is the folder itself or anything below it. */
export const isWithin = (folder: string, path: string): boolean =>
  folder === '/' || path === folder || (path.startsWith(folder) && path.charCodeAt(folder.length) === SLASH);

/** For a person: as text where it is UTF-8, else each byte that is none as `\xff`. Not printable yet. */
export function shownName(bytes: string): string {
  const buffer = Buffer.from(bytes, 'latin1');
  const text = buffer.toString('utf8');
  if (Buffer.from(text, 'utf8').equals(buffer)) return text;
  return bytes.replace(/[\x80-\xff]/g, (byte) => `\\x${byte.charCodeAt(0).toString(16)}`);
}
