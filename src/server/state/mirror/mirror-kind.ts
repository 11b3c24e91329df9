import type { Store } from '../../store/store.ts';
import type { StateFile, StateKind } from '../kind.ts';
import { LINE } from '../state-folder.ts';
import { contents } from './contents.ts';
import { EMPTY_INDEX, indexId, type MirrorIndex, readIndex, writeIndex } from './mirror-index.ts';
import { bytesOf, contentsOf } from './room.ts';

/** What an admin may do with the files of a printer: tell of them, take those of a branch, export them. */
export const mirrorKind = (store: Store): Omit<StateKind, 'head'> => ({
  async summary(printer, where, item) {
    const index = await readIndex(store, printer, where, item);
    if (!index) return undefined;
    const bytes = bytesOf(contentsOf({ line: index, branches: new Map() }));
    const summary = { id: indexId(index), atMs: index.atMs, kept: index.files.length, bytes };
    if (where.part !== 'branch') return summary;
    const line = (await readIndex(store, printer, LINE, item)) ?? EMPTY_INDEX;
    const onLine = new Map(line.files.map(({ path, sha256 }) => [path, sha256]));
    const lacking = index.files.filter(({ path, sha256 }) => onLine.get(path) !== sha256).map(({ path }) => path);
    return { ...summary, lacking };
  },

  /** Its files take the place of those of the line, which go to what is removed; what it deleted is deleted. The branch stays. */
  async take(printer, branch, item) {
    const own = await readIndex(store, printer, { part: 'branch', branch }, item);
    if (!own) return undefined;
    const line = (await readIndex(store, printer, LINE, item)) ?? EMPTY_INDEX;
    await writeIndex(store, printer, LINE, item, withBranch(line, own, branch, store.host.clock.now()));
    return indexId(own);
  },

  /** Files by their names; what was replaced or deleted in `removed/NUMBER-MS/`. `index.json` says whose they are, and names what the disk lost. */
  async *export(printer, where, item): AsyncGenerator<StateFile> {
    const index = await readIndex(store, printer, where, item);
    if (!index) return;
    const { files } = store.host;
    const { kept } = contents(store, printer, item);
    const named = [
      ...index.files.map((file) => ({ ...file, to: `files/${file.path}` })),
      ...index.removed.map((file, at) => {
        const folder = `${String(at).padStart(4, '0')}-${file.removedAtMs}`;
        return { ...file, to: `removed/${folder}/${file.path}` };
      }),
    ];
    for (const { sha256, sizeBytes, to } of named) {
      const stat = await files.stat(kept(sha256));
      // What the disk lost keeps nothing else from being had.
      if (stat?.type === 'file' && stat.sizeBytes === sizeBytes)
        yield { path: to, content: files.readStream(kept(sha256)) };
    }
    yield { path: 'index.json', content: Buffer.from(`${JSON.stringify(index, null, 2)}\n`) };
  },
});

/** Pure. */
function withBranch(line: MirrorIndex, own: MirrorIndex, branch: string, nowMs: number): MirrorIndex {
  const taken = new Set([...own.files.map(({ path }) => path), ...own.deleted]);
  const clashes = (path: string): boolean =>
    taken.has(path) || own.files.some((one) => one.path.startsWith(`${path}/`) || path.startsWith(`${one.path}/`));
  const replaced = line.files.filter(({ path }) => clashes(path));
  return {
    ...line,
    files: [...line.files.filter((one) => !replaced.includes(one)), ...own.files.map((one) => ({ ...one, branch }))],
    hidden: [...line.hidden.filter(({ path }) => !taken.has(path)), ...own.hidden],
    removed: [...line.removed, ...replaced.map((one) => ({ ...one, removedAtMs: nowMs }))],
  };
}
