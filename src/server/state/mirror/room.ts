import type { IndexFile, MirrorIndex } from './mirror-index.ts';

/** All indexes of a mirror: of the line, and of each branch by name. */
export interface Indexes {
  readonly line: MirrorIndex;
  readonly branches: ReadonlyMap<string, MirrorIndex>;
}

const all = ({ line, branches }: Indexes): readonly MirrorIndex[] => [line, ...branches.values()];

/** What is kept, each content once. */
export function contentsOf(indexes: Indexes): ReadonlyMap<string, number> {
  const files = all(indexes).flatMap((index): readonly IndexFile[] => [...index.files, ...index.removed]);
  return new Map(files.map(({ sha256, sizeBytes }) => [sha256, sizeBytes]));
}

export const bytesOf = (contents: ReadonlyMap<string, number>): number =>
  [...contents.values()].reduce((sum, bytes) => sum + bytes, 0);

/**
 * The indexes with so much less in them that `wantedBytes` more fit: what was removed goes first, the oldest of all, then what
 * branches have, the oldest branch first; what the line has stays. undefined: it does not fit. Pure.
 */
export function makeRoom(indexes: Indexes, wantedBytes: number, quotaBytes: number): Indexes | undefined {
  let { line } = indexes;
  const branches = new Map(indexes.branches);
  const fits = (): boolean => bytesOf(contentsOf({ line, branches })) + wantedBytes <= quotaBytes;
  const oldest = all(indexes)
    .flatMap((index) => index.removed)
    .toSorted((a, b) => a.removedAtMs - b.removedAtMs);
  for (const gone of oldest) {
    if (fits()) return { line, branches };
    const without = (index: MirrorIndex): MirrorIndex =>
      index.removed.includes(gone) ? { ...index, removed: index.removed.filter((one) => one !== gone) } : index;
    line = without(line);
    for (const [name, index] of branches) branches.set(name, without(index));
  }
  for (const [name, index] of [...branches].toSorted(([, a], [, b]) => a.atMs - b.atMs)) {
    if (fits()) break;
    branches.set(name, { ...index, files: [] });
  }
  return fits() ? { line, branches } : undefined;
}
