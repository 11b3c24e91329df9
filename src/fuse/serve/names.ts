import { listUnion, look } from '../union/look.ts';
import { joinPath } from '../union/shown-index.ts';
import { type Attr, attrBody, type Dirent, direntsBody, direntsPlusBody, entryBody, openBody } from '../wire/reply.ts';
import type { RequestOf } from '../wire/request.ts';
import { attrOf, type CacheFolder, childPath, entryOf, found, nodeOf, pathOf } from './cache-folder.ts';
import { Refused } from './refused.ts';

export const lookup = (folder: CacheFolder, { node, name }: RequestOf<'lookup'>): Buffer =>
  entryBody(entryOf(folder, node, name, found(folder, childPath(folder, node, name))));

/** Of what lost its name, as long as it is open. */
export function getattr(folder: CacheFolder, { node: id }: RequestOf<'getattr'>): Buffer {
  return attrBody({ node: id, attr: attrNow(folder, id) });
}

export function attrNow(folder: CacheFolder, id: number): Attr {
  const node = nodeOf(folder, id);
  const path = folder.nodes.pathOf(node);
  if (path !== undefined) {
    const one = found(folder, path);
    if (one.kind !== 'here' || node.inode === undefined || one.stat.inode === node.inode) return attrOf(folder, one);
  }
  if (node.inode === undefined) throw new Refused('ESTALE');
  return folder.handles.reading(node.inode, node).file.stat();
}

export const readlink = (folder: CacheFolder, { node }: RequestOf<'readlink'>): Buffer =>
  Buffer.from(folder.real.readlink(pathOf(folder, node)), 'latin1');

/** Listings that somebody reads, as they were when it was begun. */
export type Listings = Map<bigint, readonly Line[]>;

interface Line {
  readonly name: string;
  readonly type: Attr['type'];
}

const DOTS: readonly Line[] = [
  { name: '.', type: 'dir' },
  { name: '..', type: 'dir' },
];
/** FUSE_UNKNOWN_INO: who lists need not know, and 0 would be no line. */
const UNKNOWN = 0xffffffff;

function linesOf(folder: CacheFolder, node: number): readonly Line[] {
  const path = pathOf(folder, node);
  if (found(folder, path).kind === 'away') throw new Refused('ENOTDIR');
  return [...DOTS, ...listUnion(folder, path)];
}

export function opendir(folder: CacheFolder, listings: Listings, { node, unique }: RequestOf<'opendir'>): Buffer {
  listings.set(unique, linesOf(folder, node));
  return openBody(unique);
}

type ReadDirectory = RequestOf<'readdir' | 'readdirplus'>;

/** One that whoever served before had begun is made again: it is in one order. */
export function readdir(
  folder: CacheFolder,
  listings: Listings,
  { op, node, handle, at, bytes }: ReadDirectory,
): Buffer {
  const lines = listings.get(handle) ?? linesOf(folder, node);
  listings.set(handle, lines);
  const path = pathOf(folder, node);
  const dirents = lines.slice(at).map(
    ({ name, type }, index): Dirent => ({
      ...{ name, type, next: at + index + 1 },
      node: folder.nodes.known(node, name)?.id ?? UNKNOWN,
    }),
  );
  if (op === 'readdir') return direntsBody(dirents, bytes);
  return direntsPlusBody(dirents, bytes, ({ name, next }) => {
    const one = next > DOTS.length ? look(folder, joinPath(path, name)) : undefined;
    return one && entryOf(folder, node, name, one);
  });
}
