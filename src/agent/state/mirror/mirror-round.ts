import { reasonOf } from '../../../error.ts';
import { digestOf } from '../../../host/digest-of.ts';
import { readBody } from '../../../host/http/read-body.ts';
import type { PlainFile, PlainTree, TreeScan } from '../../../host/plain-tree.ts';
import { statePath } from '../../../machine/state/ask-state.ts';
import { indexOf, withLineFiles } from '../../../machine/state/mirror/cache-index.ts';
import { type NotedFile, readNote, writeNote } from '../../../machine/state/mirror/mirror-note.ts';
import { type MirrorView, viewOf } from '../../../machine/state/mirror/mirror-view.ts';
import { type MirrorPlan, planMirror } from '../../../machine/state/mirror/plan-mirror.ts';
import { type FetchFile, fetchFromServer, takeFile } from '../../../machine/state/mirror/take-file.ts';
import type { StateItem } from '../../../machine/state/restore.ts';
import { roomOf } from '../../../machine/state/restore-mirror.ts';
import { readAnswer } from '../../../protocol/read-answer.ts';
import { MIRROR_LIMITS, type MirrorAnswer, MirrorListing } from '../../../protocol/state/mirror.ts';
import type { KeeperContext } from '../keeper.ts';
import type { CacheSide } from './cache-side.ts';
import { whenOpened, whyNot, withGone } from './cache-wishes.ts';
import { type OutsideSource, outsideNoted } from './nfs-source.ts';
import { openFiles } from './open-files.ts';
import { type Pace, pushFiles } from './push-files.ts';
import { queuedFiles } from './queued-files.ts';

export interface MirrorContext extends KeeperContext<StateItem<'mirror'>> {
  /** Where it is shown as a cache. */
  readonly cache?: CacheSide;
}

const NO_WISHES: ReadonlySet<string> = new Set();
/** What is written at this moment is another thing a moment later. */
export const STILL_MS = 500;
/** So much of a file a second, while a print runs. */
const PRINTING_BYTES_PER_SECOND = 2 << 20;
/** When a file was open need not be known better. */
const USED_EACH_MS = 3_600_000;

/** What one look came to. */
export interface RoundResult {
  /** What no server has, or not on the line: how many names, and since when nothing of it was taken. */
  readonly ahead: number;
  /** Something was written a moment ago, or changed while it was looked at: look again soon. */
  readonly isUnsettled: boolean;
  /** Nobody knows yet what the source has. */
  readonly isWaiting: boolean;
  readonly answer?: MirrorAnswer;
  readonly faults: readonly string[];
  /** What is neither sent nor here, and why it need not be. */
  readonly left: readonly string[];
}

/** What a keeper knows from one look to the next. */
export interface MirrorMemory {
  /** When a stamp was seen first, by the clock that nobody sets. */
  readonly seen: Map<string, number>;
  /** SHA-256 by stamp, of what was read. */
  readonly known: Map<string, string>;
  listing?: { readonly etag: string; readonly said: MirrorListing };
}

/**
 * One look at the tree and at the line, and what follows of it: what changed here is sent, then what changed there is taken. It may
 * be stopped at any effect: what was done is seen by the next one.
 */
export async function mirrorRound(
  context: MirrorContext,
  tree: PlainTree,
  memory: MirrorMemory,
  outside: OutsideSource | undefined,
  heard: (scan: TreeScan) => void,
  signal: AbortSignal,
): Promise<RoundResult> {
  const { host, item, printer, cache } = context;
  // Somebody waits: nothing else is done in this look.
  const wishes = (await cache?.wishes()) ?? NO_WISHES;
  const isDemand = wishes.size > 0;
  const pace = paceOf(context, signal);
  let noteText = await tree.readNote();
  const gone = (await cache?.gone()) ?? [];
  const scan = await tree.scan();
  const before = withGone(readNote(noteText, printer, item.name), gone, scan);
  heard(scan);
  if (scan.isCut)
    return {
      ahead: 0,
      isUnsettled: false,
      isWaiting: false,
      left: [],
      faults: [`it has more than ${MIRROR_LIMITS.files} files`],
    };
  const faults: string[] = [];
  const isUnsettled =
    isDemand || (await readChanged(memory, tree, scan, before?.files ?? [], host.clock.uptimeMs(), pace, signal));
  const source = await outside?.list(signal);
  const isWaiting = source !== undefined && source.files === undefined && source.fault === undefined;
  if (source?.fault !== undefined) faults.push(source.fault);
  // A source that is away has what it had: its files go for no other reason.
  const outsideFiles = source && (source.files ?? outsideNoted(before?.files ?? []));
  const view = viewOf(await listingOf(context, memory, signal), outsideFiles);
  const plan = await planned(context, tree, memory, view, scan, before?.files ?? [], wishes, signal);
  const noted = new Map(plan.note.map((one) => [one.path, one]));
  const keep = async (): Promise<void> => {
    const base = memory.listing?.said.id ?? null;
    const files = cache ? withLineFiles([...noted.values()], view) : [...noted.values()];
    const text = writeNote({ printer, item: item.name, base, files });
    if (text === noteText) return;
    await tree.writeNote(text);
    noteText = text;
  };
  // What goes for want of room is noted first: nobody may take it for deleted.
  await keep();
  for (const file of plan.evicts) await tree.remove(file);
  for (const file of plan.removes) if (await tree.remove(file)) noted.delete(file.path);
  await cache?.show(indexOf(view, plan));
  await cache?.forget(gone);
  const pushed = await pushFiles(context, tree, isDemand ? [] : plan.pushes, pace, signal);
  if (pushed.answer?.on === 'branch')
    for (const path of pushed.done) {
      const one = noted.get(path);
      if (one) noted.set(path, { ...one, isSent: true });
    }
  const fetch = fetchFrom(context, outside, isDemand ? async () => {} : pace);
  const brought: string[] = [];
  for (const take of isDemand ? plan.takes.filter(({ file }) => wishes.has(file.path)) : plan.takes) {
    const { path, version } = take.file;
    try {
      const { stamp } = await takeFile(tree, fetch, take, signal);
      noted.set(path, { ...noted.get(path), path, stamp, version, line: version });
      brought.push(path);
      await cache?.answer(path);
    } catch (error) {
      signal.throwIfAborted();
      await cache?.answer(path, reasonOf(error));
      faults.push(`${JSON.stringify(path)} cannot be had: ${reasonOf(error)}`);
    }
  }
  await keep();
  // What is here already, and what nobody has or has room for.
  for (const path of wishes) if (!brought.includes(path)) await cache?.answer(path, whyNot(path, scan, plan));
  if (!isDemand) await cache?.announce(brought, signal);
  faults.push(...pushed.faults.values());
  return {
    ahead: plan.pushes.length - pushed.done.size + plan.unknown.length,
    isUnsettled: isUnsettled || pushed.done.size > 0,
    isWaiting,
    faults,
    left: [
      ...scan.left.map(({ path, why }) => `${JSON.stringify(path)} is left out: ${why}`),
      ...(cache ? whenOpened(plan) : withoutRoom(plan)),
    ],
    ...(pushed.answer && { answer: pushed.answer }),
  };
}

const withoutRoom = ({ absent }: MirrorPlan): readonly string[] =>
  absent.length > 0 ? [`not here for want of room (limit): ${absent.length} of the line`] : [];

/** Reads what changed and stands still; gives whether something does not yet. */
async function readChanged(
  { seen, known }: MirrorMemory,
  tree: PlainTree,
  { files }: TreeScan,
  note: readonly NotedFile[],
  uptimeMs: number,
  pace: Pace,
  signal: AbortSignal,
): Promise<boolean> {
  const noted = new Set(note.map(({ stamp }) => stamp));
  const changed = files.filter(({ stamp }) => !noted.has(stamp));
  const stamps = new Set(changed.map(({ stamp }) => stamp));
  for (const map of [seen, known]) for (const stamp of map.keys()) if (!stamps.has(stamp)) map.delete(stamp);
  let isUnsettled = false;
  for (const file of changed) {
    if (known.has(file.stamp)) continue;
    const sinceMs = seen.get(file.stamp) ?? uptimeMs;
    seen.set(file.stamp, sinceMs);
    if (uptimeMs - sinceMs < STILL_MS) isUnsettled = true;
    else {
      const sha256 = await digestOf(paced(tree.read(file), pace)).catch(() => undefined);
      signal.throwIfAborted();
      if (sha256 === undefined) isUnsettled = true;
      else known.set(file.stamp, sha256);
    }
  }
  return isUnsettled;
}

/** What is printed and queued is only asked for where something of it might be touched or wanted, or a print runs. */
async function planned(
  { host, item, isPrinting, cache }: MirrorContext,
  tree: PlainTree,
  { known }: MirrorMemory,
  view: MirrorView,
  scan: TreeScan,
  note: readonly NotedFile[],
  wanted: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<MirrorPlan> {
  const limitBytes = await roomOf(tree, item.limitBytes, scan.files);
  const nowMs = host.clock.now();
  const plan = planMirror({ view, scan, note, known, limitBytes, wanted, pinned: new Set() });
  const isTouched = plan.removes.length + plan.absent.length > 0 || plan.takes.some(({ over }) => over !== undefined);
  if (!isTouched && !isPrinting()) return plan;
  // What whoever shows a cache has open is no more than what others have open of it.
  const open = await openFiles(host.files, cache ? item.path : tree.realPath);
  const pinned = new Set([...open, ...(await queuedFiles(host, item.path, signal))]);
  const used = note.map((one) =>
    open.has(one.path) && nowMs - (one.usedMs ?? 0) > USED_EACH_MS ? { ...one, usedMs: nowMs } : one,
  );
  return planMirror({ view, scan, note: used, known, limitBytes, wanted, pinned });
}

async function listingOf(
  { ask, printer, item }: MirrorContext,
  memory: MirrorMemory,
  signal: AbortSignal,
): Promise<MirrorListing> {
  const headers = memory.listing ? { 'if-none-match': memory.listing.etag } : {};
  const { status, headers: said, body } = await ask(statePath(printer, item.name, 'mirror'), { headers, signal });
  const bytes = await readBody(body, MIRROR_LIMITS.listingBytes);
  if (status === 304 && memory.listing) return memory.listing.said;
  const listing = readAnswer('the server', bytes, MirrorListing);
  memory.listing = { etag: said.etag ?? '', said: listing };
  return listing;
}

function fetchFrom({ ask, printer, item }: MirrorContext, outside: OutsideSource | undefined, pace: Pace): FetchFile {
  const fromServer = fetchFromServer(ask, printer, item.name, pace);
  return (file, into, signal) =>
    file.from === 'outside' && outside ? outside.fetch(file, into, signal) : fromServer(file, into, signal);
}

function paceOf({ isPrinting, host }: MirrorContext, signal: AbortSignal): Pace {
  return async (bytes) => {
    if (isPrinting()) await host.clock.sleep((bytes / PRINTING_BYTES_PER_SECOND) * 1000, signal);
  };
}

async function* paced(chunks: AsyncIterable<Uint8Array>, pace: Pace): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    yield chunk;
    await pace(chunk.length);
  }
}

/** Files that are not as they were noted: what no server has, where none can be asked. */
export async function changedHere(
  tree: PlainTree,
  printer: string,
  item: string,
): Promise<readonly (PlainFile | NotedFile)[]> {
  const note = readNote(await tree.readNote(), printer, item)?.files ?? [];
  const { files } = await tree.scan();
  const stamps = new Map(note.map((one) => [one.path, one]));
  const there = new Set(files.map(({ path }) => path));
  return [
    ...files.filter(({ path, stamp }) => {
      const one = stamps.get(path);
      return one?.stamp !== stamp || (one.version !== one.line && !one.isSent);
    }),
    ...note.filter(({ path, stamp }) => stamp !== undefined && !there.has(path)),
  ];
}
