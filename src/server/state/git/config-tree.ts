import { createHash } from 'node:crypto';
import { entryOf } from '../../../entry-of.ts';
import { StatectlError } from '../../../error.ts';
import { pathFault } from '../../../print/config-names.ts';
import {
  LARGEST_CONFIG_BYTES,
  LARGEST_CONFIG_FILE_BYTES,
  MOST_CONFIG_FILES,
} from '../../../protocol/state/config-files.ts';
import type { ConfigRepository } from './repository.ts';

/** A file of a commit. */
export interface TreeFile {
  readonly blob: string;
  readonly sizeBytes: number;
  readonly mode: '100644' | '100755';
}

/** What a commit has, by path. */
export interface ConfigTree {
  readonly files: ReadonlyMap<string, TreeFile>;
  /** What is there and no machine gets: links, submodules, what is too large, names that no folder may have. */
  readonly skipped: ReadonlyMap<string, string>;
}

export const EMPTY_TREE: ConfigTree = { files: new Map(), skipped: new Map() };

const WHAT: Readonly<Partial<Record<string, string>>> = { '120000': 'it is a link', '160000': 'it is a submodule' };

/** Names that no machine gets are told, too; of a few objects somebody can make billions. */
const LONGEST_LISTING = 8 << 20;

/** Throws `git-failed`, `state-damaged`. */
export async function readTree(
  { git, path: repository }: ConfigRepository,
  commit: string | undefined,
): Promise<ConfigTree> {
  if (commit === undefined) return EMPTY_TREE;
  const listed = await git.list(['ls-tree', '-r', '-z', '-l', '--full-tree', commit], LONGEST_LISTING);
  if (listed === undefined)
    throw new StatectlError('state-damaged', `${commit} of ${repository} has more files than anybody could list`, {
      hint: `git -C ${repository} log says who pushed it; one after it with fewer puts the line right`,
    });
  const files = new Map<string, TreeFile>();
  const skipped = new Map<string, string>();
  let bytes = 0;
  for (const line of listed.split('\0').filter(Boolean)) {
    const [, mode = '', blob = '', size = '', path = ''] = /^(\d+) \w+ ([0-9a-f]+) +(\d+|-)\t(.*)$/s.exec(line) ?? [];
    const sizeBytes = Number(size);
    const why = isPlain(mode) ? faultOf(path, sizeBytes) : (entryOf(WHAT, mode) ?? 'it is no file');
    const isOne = why === undefined && isPlain(mode);
    if (isOne) bytes += sizeBytes;
    if (isOne && bytes <= LARGEST_CONFIG_BYTES && files.size < MOST_CONFIG_FILES)
      files.set(path, { blob, sizeBytes, mode });
    else
      skipped.set(
        path,
        why ?? `all files together are more than ${MOST_CONFIG_FILES}, or ${LARGEST_CONFIG_BYTES} bytes`,
      );
  }
  return { files, skipped };
}

const isPlain = (mode: string): mode is TreeFile['mode'] => mode === '100644' || mode === '100755';

const faultOf = (path: string, sizeBytes: number): string | undefined =>
  pathFault(path) ??
  (sizeBytes > LARGEST_CONFIG_FILE_BYTES ? `it has more than ${LARGEST_CONFIG_FILE_BYTES} bytes` : undefined);

/** The id that git gives a file: gitformat-pack(5), `blob SIZE` before it. */
export const blobOf = (content: Uint8Array): string =>
  createHash('sha1').update(`blob ${content.length}\0`).update(content).digest('hex');

/** Blobs by their ids. Throws `git-failed`. */
export async function readBlobs(
  { git, path }: ConfigRepository,
  blobs: Iterable<string>,
): Promise<ReadonlyMap<string, Buffer>> {
  const wanted = [...new Set(blobs)];
  const found = new Map<string, Buffer>();
  if (wanted.length === 0) return found;
  const bytes = Buffer.from(
    await git.run(['cat-file', '--batch'], wanted.map((id) => `${id}\n`).join(''), 'latin1'),
    'latin1',
  );
  let at = 0;
  for (const id of wanted) {
    const line = bytes.indexOf('\n', at);
    const [, size] = /^[0-9a-f]+ blob (\d+)$/.exec(bytes.toString('latin1', at, line)) ?? [];
    if (line < 0 || size === undefined)
      throw new StatectlError('git-failed', `${path}: the object ${id} cannot be read`, {
        hint: `git -C ${path} fsck says what is missing; a clone of somebody may have it`,
      });
    const from = line + 1;
    found.set(id, bytes.subarray(from, from + Number(size)));
    at = from + Number(size) + 1;
  }
  return found;
}
