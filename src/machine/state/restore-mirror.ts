import { reasonOf } from '../../error.ts';
import { readBody } from '../../host/http/read-body.ts';
import type { PlainTree, TreeScan } from '../../host/plain-tree.ts';
import { readAnswer } from '../../protocol/read-answer.ts';
import { MIRROR_LIMITS, MirrorListing } from '../../protocol/state/mirror.ts';
import { type AskState, statePath } from './ask-state.ts';
import { markLoading } from './loading.ts';
import { indexNoted, indexOf, showIndex, withLineFiles } from './mirror/cache-index.ts';
import { type MirrorNote, type NotedFile, readNote, writeNote } from './mirror/mirror-note.ts';
import { viewOf } from './mirror/mirror-view.ts';
import { type MirrorPlan, planMirror } from './mirror/plan-mirror.ts';
import { fetchFromServer, takeFile } from './mirror/take-file.ts';
import type { ItemSession } from './printer-session.ts';
import type { Restore, StateItem } from './restore.ts';

/** A boot waits no longer for gcode: what did not come by then comes later. */
const MOST_MS = 60_000;
/** Of what is free, besides what the files take: the rest is for what the printer makes. */
const SHARE_OF_FREE = 0.9;
/** One says as much as a thousand. */
const MOST_WARNINGS = 5;
/** A power cut costs the digests of so many files, not the files. */
const NOTE_EACH = 64;

/**
 * Makes the folder what the line has, as far as it fits and within a time, the newest first, so that Moonraker finds it whole:
 * it forgets what it knows of files that are not there. What the machine changed without a server stays, and is sent by the agent.
 */
export async function restoreMirror(restore: Restore<StateItem<'mirror'>>): Promise<ItemSession> {
  const { host, task, printer, item, account, head, ask, spool } = restore;
  await using tree = await host.files.openTree(item.path, account);
  await tree.tidy();
  const before = readNote(await tree.readNote(), printer, item.name);
  // What is on an NFS server is brought by the agent alone.
  if (item.source.kind === 'nfs') await markLoading(host, spool);
  if (head === undefined || !ask) {
    if (item.cache) await showIndex(host, spool, indexNoted(before?.files ?? [], (await tree.scan()).files));
    return { base: before?.base ?? null, why: 'no server said what it has: what is there stays' };
  }
  const base = head?.id ?? null;
  const listing = await listingOf(ask, printer, item.name).catch(async (error: unknown) => {
    // The agent asks again.
    await markLoading(host, spool);
    throw error;
  });
  const view = viewOf(listing);
  const scan = await tree.scan();
  const plan = planMirror({
    ...{ view, scan, note: begunFrom(before, listing.id, scan), known: new Map(), pinned: new Set<string>() },
    limitBytes: await roomOf(tree, item.limitBytes, scan.files),
  });
  for (const { path, why } of scan.left.slice(0, MOST_WARNINGS))
    task.warn(`${printer}: ${item.path}/${path} is left out: ${why}`);
  const keep = (files: readonly NotedFile[]): Promise<void> =>
    tree.writeNote(
      writeNote({
        ...{ printer, item: item.name, base: listing.id },
        files: item.cache ? withLineFiles(files, view) : files,
      }),
    );
  await keep(plan.note);
  // What does not come by then comes when it is opened.
  if (item.cache) await showIndex(host, spool, indexOf(view, plan));
  for (const file of [...plan.removes, ...plan.evicts]) await tree.remove(file);
  const noted = new Map(plan.note.map((one) => [one.path, one]));
  for (const { path } of plan.removes) noted.delete(path);
  const isWhole = await takeAll(restore, tree, plan, noted, () => keep([...noted.values()]));
  if (!isWhole && !item.cache) await markLoading(host, spool);
  await keep([...noted.values()]);
  return { base };
}

async function listingOf(ask: AskState, printer: string, item: string): Promise<MirrorListing> {
  const { body } = await ask(statePath(printer, item, 'mirror'));
  return readAnswer('the server', await readBody(body, MIRROR_LIMITS.listingBytes), MirrorListing);
}

/**
 * What a boot begins with of what an earlier one left on a disk. What that one was a branch with, the server has beside the line: the
 * line counts again. And where the line went on meanwhile, nothing is deleted there for what was deleted here. Pure.
 */
function begunFrom(
  before: Pick<MirrorNote, 'base' | 'files'> | undefined,
  line: string | null,
  { files }: Pick<TreeScan, 'files'>,
): readonly NotedFile[] {
  const here = new Set(files.map(({ path }) => path));
  return (before?.files ?? []).flatMap(({ isSent, ...one }) => {
    const isDeleted = !here.has(one.path) && (one.stamp !== undefined || one.version === null);
    if (isDeleted && (isSent || before?.base !== line)) return [];
    return [isSent ? { ...one, line: one.version } : one];
  });
}

/** Gives whether all came that time would have been for. */
async function takeAll(
  { task, printer, item, ask, bound }: Restore<StateItem<'mirror'>>,
  tree: PlainTree,
  { takes, absent }: MirrorPlan,
  noted: Map<string, NotedFile>,
  keep: () => Promise<void>,
): Promise<boolean> {
  if (!ask) return true;
  const fetch = fetchFromServer(ask, printer, item.name);
  const late: AbortSignal = AbortSignal.any([bound, AbortSignal.timeout(MOST_MS)]);
  const signal = AbortSignal.any([task.signal, late]);
  let done = 0;
  let failed = 0;
  for (const take of takes) {
    const { path, version } = take.file;
    if (late.aborted) break;
    try {
      const { stamp } = await takeFile(tree, fetch, take, signal);
      noted.set(path, { ...noted.get(path), path, stamp, version, line: version });
      done += 1;
      if (done % NOTE_EACH === 0) await keep();
    } catch (error) {
      task.signal.throwIfAborted();
      if (late.aborted) break;
      failed += 1;
      if (failed <= MOST_WARNINGS) task.warn(`${printer}: ${reasonOf(error)}`);
      if ((error as { readonly code?: unknown }).code === 'ENOSPC') break;
    }
  }
  const left = takes.length - done;
  if (left > 0)
    task.warn(`${printer}: ${left} of ${takes.length} files of ${item.name} are not here yet: they come later`);
  task.say(
    `${printer}: ${done} files of ${item.name} came${absent.length > 0 ? `, ${absent.length} have no room (limit)` : ''}`,
  );
  return !(late.aborted && left > 0);
}

/** How many bytes may be here: what config.d says, or what the file system has room for. */
export async function roomOf(
  tree: PlainTree,
  limitBytes: number,
  files: readonly { readonly sizeBytes: number }[],
): Promise<number> {
  const hereBytes = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  return Math.min(limitBytes, hereBytes + SHARE_OF_FREE * (await tree.freeBytes()));
}
