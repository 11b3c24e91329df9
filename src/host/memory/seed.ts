import { dirname } from 'node:path/posix';
import type { FileType } from '../host.ts';
import { type Inode, makeInode, walk } from './tree.ts';

/** What a seed may say beyond its text or bytes. */
interface SeedFields {
  /** Default `file`, or `symlink` where there is a target. */
  readonly type?: FileType;
  readonly data?: string | Uint8Array;
  readonly target?: string;
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly rdev?: { readonly major: number; readonly minor: number };
}

/** A file that is there from the start: its text or bytes, or more about it. */
export type Seed = string | Uint8Array | SeedFields;

function growFolder(root: Inode, path: string, mtimeMs: number): void {
  if (dirname(path) === path) return;
  growFolder(root, dirname(path), mtimeMs);
  const { parent, name, inode } = walk(root, path, 'follow', 'mkdir');
  if (inode === undefined) parent.entries.set(name, makeInode('dir', { mtimeMs }));
}

/** Puts one file into the tree, and the folders above where they are missing. */
export function plant(root: Inode, path: string, seed: Seed, mtimeMs: number): void {
  const fields: SeedFields = typeof seed === 'string' || seed instanceof Uint8Array ? { data: seed } : seed;
  const { data = '', target, type = target === undefined ? 'file' : 'symlink', ...given } = fields;
  growFolder(root, dirname(path), mtimeMs);
  const { parent, name, inode } = walk(root, path, 'nofollow', 'open');
  // A folder that came to be as the parent of an earlier seed keeps what is in it.
  const entries = inode?.type === 'dir' && type === 'dir' ? inode.entries : new Map<string, Inode>();
  const made = makeInode(type, { ...given, data: Buffer.from(data), target: target ?? '', entries, mtimeMs });
  if (inode !== root) parent.entries.set(name, made);
}
