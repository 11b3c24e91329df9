import { join } from 'node:path';
import { StatectlError } from '../../../error.ts';
import { recordOrNone } from '../../../host/record.ts';
import type { Hidden, MirrorFile } from '../../../protocol/state/mirror.ts';
import type { Store } from '../../store/store.ts';
import { generationId } from '../snapshot/generation.ts';
import { type HistoryPart, itemPath } from '../state-folder.ts';

/** A file of a mirror, and whose it is. */
export interface IndexFile extends MirrorFile {
  readonly node: string;
  /** Of one that came into the line from a branch by itself. */
  readonly branch?: string;
}

/** What was replaced or deleted, kept as long as there is room, and time. */
export interface RemovedFile extends IndexFile {
  readonly removedAtMs: number;
}

/** What a history has of a mirror: `index.json`; contents are below `files` of the line, by digest. */
export interface MirrorIndex {
  /** Rises with each change. */
  readonly revision: number;
  readonly atMs: number;
  readonly files: readonly IndexFile[];
  readonly hidden: readonly Hidden[];
  /** The oldest first. */
  readonly removed: readonly RemovedFile[];
  /** Of a branch: what was deleted there, and is on the line all the same. */
  readonly deleted: readonly string[];
}

export const EMPTY_INDEX: MirrorIndex = { revision: 0, atMs: 0, files: [], hidden: [], removed: [], deleted: [] };

export const indexId = ({ revision, atMs }: MirrorIndex): string => generationId(revision, atMs);

const indexPath = (store: Store, printer: string, where: HistoryPart, item: string): string =>
  join(itemPath(store, printer, where, item), 'index.json');

const SHAPE = {
  revision: 'number',
  atMs: 'number',
  files: 'list',
  hidden: 'list',
  removed: 'list',
  deleted: 'list',
} as const;

/**
 * undefined: there is none yet. Of one that the disk changed the one before counts. Throws `state-damaged` where that is none,
 * too: nobody may take it for an empty one, whose contents would go.
 */
export async function readIndex(
  store: Store,
  printer: string,
  where: HistoryPart,
  item: string,
): Promise<MirrorIndex | undefined> {
  const { files } = store.host;
  const path = indexPath(store, printer, where, item);
  if ((await files.stat(path)) === undefined) return undefined;
  for (const one of [path, beforePath(path)]) {
    const index = recordOrNone<MirrorIndex>(await files.readText(one).catch(() => undefined), SHAPE);
    if (index) return index;
  }
  throw new StatectlError('state-damaged', `${path} is no index of a mirror: the disk changed it`, {
    hint: `the contents are beside it, below files/; look at the disk, and move ${path} away to begin anew`,
  });
}

const beforePath = (path: string): string => `${path}.before`;

/** Gives it the next revision. */
export async function writeIndex(
  store: Store,
  printer: string,
  where: HistoryPart,
  item: string,
  index: MirrorIndex,
): Promise<MirrorIndex> {
  const { files, clock } = store.host;
  const written: MirrorIndex = { ...index, revision: index.revision + 1, atMs: clock.now() };
  await files.mkdir(itemPath(store, printer, where, item), 0o700);
  const path = indexPath(store, printer, where, item);
  const before = await readIndex(store, printer, where, item);
  if (before) await files.write(beforePath(path), `${JSON.stringify(before)}\n`, { mode: 0o600 });
  await files.write(path, `${JSON.stringify(written)}\n`, { mode: 0o600 });
  return written;
}
