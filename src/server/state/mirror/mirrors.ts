import { StatectlError } from '../../../error.ts';
import { formatSize } from '../../../image/format-size.ts';
import type {
  MirrorAnswer,
  MirrorChange,
  MirrorFile,
  MirrorListing,
  PieceAnswer,
} from '../../../protocol/state/mirror.ts';
import type { Standing } from '../../../protocol/state/state.ts';
import { type OpenFile, openFile } from '../../images/blob-file.ts';
import { type Asker, mustBeTrusted } from '../asker.ts';
import type { StateKind, StateStore } from '../kind.ts';
import { mayShip } from '../may-ship.ts';
import type { NodePrinter } from '../node-printer.ts';
import { diskFull, LEAST_FREE, namingFullDisk } from '../snapshot/receive.ts';
import { standingOf } from '../standing.ts';
import { branchesIn, itemUnknown, LINE, lockPrinter } from '../state-folder.ts';
import { applyToBranch, applyToLine } from './apply-changes.ts';
import { contents, type Piece } from './contents.ts';
import { EMPTY_INDEX, indexId, type MirrorIndex, readIndex, writeIndex } from './mirror-index.ts';
import { mirrorKind } from './mirror-kind.ts';
import { bytesOf, contentsOf, type Indexes, makeRoom } from './room.ts';
import type { SourceFolders } from './source-folders.ts';

type MirrorItem = Extract<NodePrinter['items'][number], { readonly kind: 'mirror' }>;

export interface Mirrors extends StateKind {
  /** What the line has, and its source. Throws `printer-unknown`, `item-unknown`, `state-untrusted`. */
  list(printer: string, item: string, asker: Asker): Promise<MirrorListing>;
  /** A content, to be sent. Throws what `list` does, and `file-unknown`. */
  open(printer: string, item: string, sha256: string, asker: Asker): Promise<OpenFile>;
  /** Takes a piece of a file. Throws `printer-unknown`, `item-unknown`, `generation-mismatch`, `generation-too-large`, `state-full`. */
  takePiece(
    printer: string,
    item: string,
    piece: Omit<Piece, 'sender'>,
    standing: Standing,
    asker: Asker,
    body: AsyncIterable<Uint8Array>,
  ): Promise<PieceAnswer>;
  /**
   * Makes room for so many bytes of whole files, whose digests are not known before: gives what takes each, and says its digest.
   * Both throw what `takePiece` does.
   */
  takeWhole(
    printer: string,
    item: string,
    bytes: number,
    standing: Standing,
    asker: Asker,
  ): Promise<(sizeBytes: number, body: AsyncIterable<Uint8Array>) => Promise<string>>;
  /** What a boot did, on the line or as a branch. Throws what `takePiece` does. */
  change(
    printer: string,
    item: string,
    changes: readonly MirrorChange[],
    standing: Standing,
    asker: Asker,
  ): Promise<MirrorAnswer>;
}

/** Class `mirror`: whole files by their digest, and an index of names for the line and for each branch. */
export function mirrors(store: StateStore, folders: SourceFolders): Mirrors {
  const busy = new Set<string>();

  /** Also of who had it once: it may still tell what it did, wherever the printer is now. Throws `printer-unknown`, `item-unknown`. */
  async function quotaOf(printer: string, item: string, standing: Standing, asker: Asker): Promise<number> {
    return (await mayShip(store, printer, { name: item, kind: 'mirror' }, standing, asker)).gcodeQuotaBytes;
  }

  async function indexesOf(printer: string, item: string): Promise<Indexes> {
    const line = (await readIndex(store, printer, LINE, item)) ?? EMPTY_INDEX;
    const branches = new Map<string, MirrorIndex>();
    for (const branch of await branchesIn(store, printer)) {
      const index = await readIndex(store, printer, { part: 'branch', branch }, item);
      if (index) branches.set(branch, index);
    }
    return { line, branches };
  }

  /** Under the printer's lock. Throws `state-full`. */
  async function room(printer: string, item: string, wantedBytes: number, quotaBytes: number, asker: Asker) {
    const here = contents(store, printer, item);
    const before = await indexesOf(printer, item);
    await here.sweep(contentsOf(before));
    const neededBytes = wantedBytes + (await here.comingBytes());
    if (bytesOf(contentsOf(before)) + neededBytes <= quotaBytes) return;
    // For a machine that the network alone knows nothing goes that another one shipped.
    const after = asker.proof === 'network' ? undefined : makeRoom(before, neededBytes, quotaBytes);
    if (!after)
      throw new StatectlError(
        'state-full',
        `${printer} has as much gcode as its quota of ${formatSize(quotaBytes)} lets it have`,
        {
          hint: `delete files on the printer, \`statectl printer drop ${printer} BRANCH\`, or a larger gcodeQuota in system/state.conf`,
        },
      );
    for (const [branch, index] of after.branches) {
      const was = before.branches.get(branch);
      if (index === was) continue;
      if (index.files.length < (was?.files.length ?? 0))
        store.alarm(`${printer} is at its quota of gcode: the files of branch ${branch} went to make room`);
      await writeIndex(store, printer, { part: 'branch', branch }, item, index);
    }
    if (after.line !== before.line) await writeIndex(store, printer, LINE, item, after.line);
    await here.sweep(contentsOf(after));
  }

  return {
    ...mirrorKind(store),

    async head(printer, item) {
      try {
        const index = await readIndex(store, printer, LINE, item);
        return index ? { id: indexId(index), files: index.files.length } : null;
      } catch (error) {
        // The printer boots and prints all the same.
        store.alarm(`${printer}: ${(error as Error).message}`);
        return null;
      }
    },

    async list(printer, item, asker) {
      const { source } = itemOf(printer, item, asker);
      const index = await readIndex(store, printer, LINE, item);
      const { files, hidden } = index ?? EMPTY_INDEX;
      return {
        id: index ? indexId(index) : null,
        files: files.map(({ path, sizeBytes, mtimeNs, sha256, over }) => ({
          ...{ path, sizeBytes, mtimeNs, sha256 },
          ...(over !== undefined && { over }),
        })),
        hidden: [...hidden],
        source: await sourceFiles(source),
      };
    },

    async open(printer, item, sha256, asker) {
      const { source } = itemOf(printer, item, asker);
      const index = (await readIndex(store, printer, LINE, item)) ?? EMPTY_INDEX;
      const kept = index.files.find((one) => one.sha256 === sha256);
      const file = kept
        ? await openFile(contents(store, printer, item).kept(sha256))
        : source.kind === 'folder'
          ? await folders.open(source.name, sha256)
          : undefined;
      if (file && (!kept || file.sizeBytes === kept.sizeBytes)) return file;
      await file?.[Symbol.asyncDispose]();
      if (kept)
        store.alarm(
          `${contents(store, printer, item).kept(sha256)} is not what came as ${kept.path}: the disk changed it`,
        );
      throw new StatectlError('file-unknown', `the line of ${printer} has no such file in ${item}`, {
        hint: 'ask for the listing again: it changed meanwhile',
      });
    },

    async takePiece(printer, item, piece, standing, asker, body) {
      const quotaBytes = await quotaOf(printer, item, standing, asker);
      const sent = { ...piece, sender: asker.node };
      const here = contents(store, printer, item);
      const key = `${printer}/${item}/${piece.sha256}/${asker.node}`;
      if (busy.has(key)) throw new StatectlError('server-busy', 'a piece of this file is being taken already');
      busy.add(key);
      try {
        if ((await store.free()) < LEAST_FREE) throw diskFull();
        if (!(await here.hasBegun(sent)) && (await here.find(piece.sha256)) === undefined) {
          await using _lock = await lockPrinter(store, printer);
          await room(printer, item, piece.sizeBytes, quotaBytes, asker);
        }
        return await here.take(sent, body);
      } catch (error) {
        throw namingFullDisk(error);
      } finally {
        busy.delete(key);
      }
    },

    async takeWhole(printer, item, bytes, standing, asker) {
      const quotaBytes = await quotaOf(printer, item, standing, asker);
      const here = contents(store, printer, item);
      {
        await using _lock = await lockPrinter(store, printer);
        await room(printer, item, bytes, quotaBytes, asker);
        await here.makeFolder();
      }
      return async (sizeBytes, body) => {
        if ((await store.free()) < LEAST_FREE) throw diskFull();
        return await here.takeWhole(sizeBytes, body).catch((error: unknown) => Promise.reject(namingFullDisk(error)));
      };
    },

    async change(printer, item, changes, standing, asker) {
      await quotaOf(printer, item, standing, asker);
      try {
        await using _lock = await lockPrinter(store, printer);
        return await changeNow(printer, item, changes, standing, asker);
      } catch (error) {
        throw namingFullDisk(error);
      }
    },
  };

  /** Under the printer's lock. */
  async function changeNow(
    printer: string,
    item: string,
    changes: readonly MirrorChange[],
    standing: Standing,
    asker: Asker,
  ): Promise<MirrorAnswer> {
    const { node, proof, printer: has } = asker;
    const here = contents(store, printer, item);
    const line = (await readIndex(store, printer, LINE, item)) ?? EMPTY_INDEX;
    const sizes = new Map<string, number>();
    for (const { file } of changes) {
      const found = file && (await here.find(file.sha256));
      // A size that is not its own would show a short file.
      if (file && found === file.sizeBytes) sizes.set(file.sha256, found);
    }
    const context = { node, nowMs: store.host.clock.now(), has: (sha256: string) => sizes.has(sha256) };
    const place = await standingOf(store, printer, item, standing, asker);
    if (place.on === 'line') {
      const applied = applyToLine(line, changes, context);
      for (const sha256 of sizes.keys()) await here.keep(sha256);
      // A boot that has the line makes one of it with its first word, whatever that is.
      const isSame = applied.line === line && line.revision > 0;
      const now = isSame ? line : await writeIndex(store, printer, LINE, item, applied.line);
      return { on: 'line', id: indexId(now), missing: applied.missing };
    }
    const { where, branch: name, why } = place;
    const branch = (await readIndex(store, printer, where, item)) ?? EMPTY_INDEX;
    const mayTake = proof !== 'network' || has?.trust === 'network';
    const applied = applyToBranch({ line, branch, name }, changes, { ...context, mayTake });
    for (const sha256 of sizes.keys()) await here.keep(sha256);
    if (applied.line !== line) await writeIndex(store, printer, LINE, item, applied.line);
    const isSame = applied.branch === branch && branch.revision > 0;
    const now = isSame ? branch : await writeIndex(store, printer, where, item, applied.branch);
    return { on: 'branch', branch: name, why, id: indexId(now), missing: applied.missing };
  }

  async function sourceFiles(source: MirrorItem['source']): Promise<MirrorFile[]> {
    return source.kind === 'folder' ? [...(await folders.list(source.name))] : [];
  }

  function itemOf(printer: string, item: string, asker: Asker): MirrorItem {
    const found = mustBeTrusted(printer, asker).items.find((one) => one.name === item);
    if (found?.kind === 'mirror') return found;
    throw itemUnknown();
  }
}
