import { reasonOf } from '../../error.ts';
import { backOffMs } from '../../host/back-off.ts';
import { loadingEnded } from '../../machine/state/loading.ts';
import type { StateItem } from '../../machine/state/restore.ts';
import { bell } from '../servers/bell.ts';
import type { ItemStatus } from './item-status.ts';
import type { KeeperContext } from './keeper.ts';
import { cacheSide } from './mirror/cache-side.ts';
import { placeOf } from './mirror/mirror-place.ts';
import { changedHere, type MirrorContext, type MirrorMemory, mirrorRound, STILL_MS } from './mirror/mirror-round.ts';
import { nfsSource } from './mirror/nfs-source.ts';
import { watchFolders } from './mirror/watch-folders.ts';

/** A change is several events. */
const TOGETHER_MS = 200;
/** inotify may lose one, and the line may change: so often both are looked at. */
const LOOK_MS = 60_000;
/** So often a server is asked before Moonraker starts with what is here. */
const MOST_FAILURES = 3;
const BACK_OFF = { baseMs: 1_000, maxMs: 30_000 };

/** Until the signal, or until it goes: then each look says. */
async function hear(changes: AsyncIterable<unknown>, ring: () => void | Promise<void>): Promise<void> {
  try {
    for await (const _ of changes) await ring();
  } catch {}
}

const namesOf = (count: number): string => `${count} ${count === 1 ? 'file' : 'files'}`;

const shortOf = ([first = '', ...more]: readonly string[]): string =>
  more.length > 0 ? `${first}; ${more.length} more` : first;

/** Keeps a folder in step with its line: what the printer does is sent, what others do is taken, whole files at a time. */
export async function keepMirror(alone: KeeperContext<StateItem<'mirror'>>, signal: AbortSignal): Promise<never> {
  const { host, item, account, tell, printer, spool } = alone;
  const { root, isCache } = await placeOf(host, item, spool, signal);
  const cache = isCache ? await cacheSide(host, { spool, root, place: item.path }) : undefined;
  const context: MirrorContext = { ...alone, ...(cache && { cache }) };
  const changed = bell(host.clock);
  const memory: MirrorMemory = { seen: new Map(), known: new Map() };
  const outside = item.source.kind === 'nfs' ? nfsSource(context, item.source.from, changed) : undefined;
  using watched = watchFolders(context, root, changed);
  {
    await using tree = await host.files.openTree(root, account);
    await tree.tidy();
  }
  // What is brought beforehand gives way to what somebody waits for.
  let beforehand = new AbortController();
  if (cache) {
    void hear(context.watch(cache.wants, signal), async () => {
      if ((await cache.wishes()).size === 0) return;
      changed.ring();
      beforehand.abort(new Error('somebody waits for a file'));
    });
    void hear(context.watch(cache.goneFolder, signal), changed.ring);
  }
  let failures = 0;
  let sinceMs: number | undefined;
  let lastMs: number | undefined;
  let branch: Pick<ItemStatus, 'branch' | 'why'> | undefined;
  for (let waitMs = 0; ; ) {
    const isRung = (await changed.wait(waitMs, signal)) === 'rung';
    const wishes = (await cache?.wishes()) ?? new Set();
    if (isRung && wishes.size === 0) await host.clock.sleep(TOGETHER_MS, signal);
    // By its name each time: somebody may have put another folder there.
    await using tree = await host.files.openTree(root, account);
    const own = new AbortController();
    if (wishes.size === 0) beforehand = own;
    // No AbortSignal.any: the agent's own signal lives for months.
    const stop = () => own.abort(signal.reason);
    signal.addEventListener('abort', stop, { once: true });
    try {
      const heard = ({ folders }: { readonly folders: readonly string[] }) => watched.follow(folders);
      const round = await mirrorRound(context, tree, memory, outside, heard, own.signal);
      failures = 0;
      if (!round.isWaiting) await loadingEnded(host, spool);
      if (round.answer) {
        lastMs = host.clock.now();
        branch = round.answer.on === 'branch' ? { branch: round.answer.branch, why: round.answer.why } : undefined;
      }
      sinceMs = round.ahead > 0 ? (sinceMs ?? host.clock.now()) : undefined;
      const [fault] = round.faults;
      const words = [...round.faults, ...round.left];
      tell({
        state: fault !== undefined ? 'fault' : round.ahead > 0 ? 'ahead' : branch ? 'branch' : 'in-step',
        ...(round.ahead > 0 && { ahead: namesOf(round.ahead), ...(sinceMs !== undefined && { sinceMs }) }),
        ...(lastMs !== undefined && { lastMs }),
        ...branch,
        ...(words.length > 0 && { why: shortOf(words) }),
      });
      waitMs = round.isUnsettled ? STILL_MS : LOOK_MS;
    } catch (error) {
      signal.throwIfAborted();
      if (own.signal.aborted) continue;
      failures += 1;
      for (const path of (await cache?.wishes()) ?? []) await cache?.answer(path, reasonOf(error));
      // Nobody is there who could bring more.
      if (failures === MOST_FAILURES) await loadingEnded(host, spool);
      const here = await changedHere(tree, printer, item.name);
      if (here.length > 0) sinceMs ??= host.clock.now();
      // Without a server nothing is wrong where nothing changed.
      tell({
        ...(here.length > 0
          ? { state: 'ahead', ahead: namesOf(here.length) }
          : { state: branch ? 'branch' : 'in-step' }),
        ...(sinceMs !== undefined && { sinceMs }),
        ...(lastMs !== undefined && { lastMs }),
        ...branch,
        why: reasonOf(error),
      });
      waitMs = backOffMs(host.clock, failures, BACK_OFF);
    } finally {
      signal.removeEventListener('abort', stop);
    }
  }
}
