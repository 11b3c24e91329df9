import { reasonOf } from '../../error.ts';
import { backOffMs } from '../../host/back-off.ts';
import { loadingEnded } from '../../machine/state/loading.ts';
import { bell } from '../servers/bell.ts';
import type { ItemStatus } from './item-status.ts';
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

const namesOf = (count: number): string => `${count} ${count === 1 ? 'file' : 'files'}`;

const shortOf = ([first = '', ...more]: readonly string[]): string =>
  more.length > 0 ? `${first}; ${more.length} more` : first;

/** Keeps a folder in step with its line: what the printer does is sent, what others do is taken, whole files at a time. */
export async function keepMirror(context: MirrorContext, signal: AbortSignal): Promise<never> {
  const { host, item, account, tell, printer, spool } = context;
  const changed = bell(host.clock);
  const memory: MirrorMemory = { seen: new Map(), known: new Map() };
  const outside = item.source.kind === 'nfs' ? nfsSource(context, item.source.from, changed) : undefined;
  using watched = watchFolders(context, item.path, changed);
  {
    await using tree = await host.files.openTree(item.path, account);
    await tree.tidy();
  }
  let failures = 0;
  let sinceMs: number | undefined;
  let lastMs: number | undefined;
  let branch: Pick<ItemStatus, 'branch' | 'why'> | undefined;
  for (let waitMs = 0; ; ) {
    if ((await changed.wait(waitMs, signal)) === 'rung') await host.clock.sleep(TOGETHER_MS, signal);
    // By its name each time: somebody may have put another folder there.
    await using tree = await host.files.openTree(item.path, account);
    try {
      const heard = ({ folders }: { readonly folders: readonly string[] }) => watched.follow(folders);
      const round = await mirrorRound(context, tree, memory, outside, heard, signal);
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
      failures += 1;
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
    }
  }
}
