import type { ReadStream } from 'node:fs';

/** A regular file of a tree. */
export interface PlainFile {
  /** Below the root of the tree, without a slash at its start. */
  readonly path: string;
  readonly sizeBytes: number;
  /** Unix nanoseconds, in decimal: programs compare times of files to the last digit. */
  readonly mtimeNs: string;
  /** Another one whenever anything of the file is: size, times, inode. */
  readonly stamp: string;
}

/** What is in a tree. */
export interface TreeScan {
  readonly files: readonly PlainFile[];
  /** What is left out, and why: links, pipes, other file systems, names that are no text. */
  readonly left: readonly { readonly path: string; readonly why: string }[];
  /** Folders in it, the root as ''. */
  readonly folders: readonly string[];
  /** There is more of it than is looked at: what was not found may be there all the same. */
  readonly isCut: boolean;
}

/** A file that nobody sees yet, on the file system of its tree. Disposed, it is gone, if it was not placed. */
export interface NewFile extends AsyncDisposable {
  readonly sizeBytes: number;
  /** For a program of ours that fills it instead, and is done. */
  readonly path: string;
  /** How much a program put into it. */
  measure(): Promise<number>;
  write(chunk: Uint8Array): Promise<void>;
  /**
   * Gives it its time, its owner and its name, once every byte is on the disk: folders are made, and what has the name now goes
   * if it has the stamp `over` (undefined: nothing may have it). Gives what is there then. Throws EEXIST, ENOTDIR, ELOOP.
   */
  place(path: string, mtimeNs: string, over?: string): Promise<PlainFile>;
}

/** It is closed at the end of its stream, or when it is disposed. */
export interface OpenPlainFile extends AsyncDisposable {
  readonly sizeBytes: number;
  /** From `start` to `end`, both inclusive. */
  stream(start: number, end: number): ReadStream;
}

/**
 * A folder of a stranger's that whole files are read from and put into. Nothing in it leads out of it: each folder is opened by
 * itself, no link is followed, and only what its owner could read is read.
 */
export interface PlainTree extends AsyncDisposable {
  /** Bounded in depth and number. What begins with `.statectl-` is ours, and left out. */
  scan(): Promise<TreeScan>;
  /** Chunks of a file that has this stamp, at its start and at its end. Throws ESTALE where it is another one. */
  read(file: Pick<PlainFile, 'path' | 'stamp'>, start?: number, end?: number): AsyncIterable<Uint8Array>;
  /** The file with this stamp, open, however its name changes now. Throws ESTALE. */
  open(file: Pick<PlainFile, 'path' | 'stamp'>): Promise<OpenPlainFile>;
  /** undefined: no regular file has the name. */
  look(path: string): Promise<PlainFile | undefined>;
  create(): Promise<NewFile>;
  /** Removes what was not finished, by one that is no more. */
  tidy(): Promise<void>;
  /** The file with this stamp, and the folders that are empty then. Gives whether it went. */
  remove(file: Pick<PlainFile, 'path' | 'stamp'>): Promise<boolean>;
  /** What the one who keeps the tree noted in it, where its owner cannot write; it goes with the tree. */
  readNote(): Promise<string | undefined>;
  writeNote(text: string): Promise<void>;
  /** Bytes that the file system has room for. */
  freeBytes(): Promise<number>;
  /** Where it really is: no part of it is a link. */
  readonly realPath: string;
}

/** The most of a tree that is looked at. */
export const TREE_LIMITS = { files: 20_000, namesBytes: 4 << 20, depth: 16, left: 100 } as const;
