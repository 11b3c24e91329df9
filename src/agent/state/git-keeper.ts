import { join } from 'node:path';
import { isStatectlError, reasonOf } from '../../error.ts';
import { backOffMs } from '../../host/back-off.ts';
import type { PlainTree } from '../../host/plain-tree.ts';
import { applyConfig } from '../../machine/state/git/apply-config.ts';
import { type ConfigNote, readNote, writtenNote } from '../../machine/state/git/config-note.ts';
import { type ConfigAsk, currentConfig, fetchConfig, sendConfig } from '../../machine/state/git/exchange-config.ts';
import { writeKept } from '../../machine/state/git/kept-config.ts';
import {
  type Digests,
  type LocalChange,
  type LocalConfig,
  localChanges,
  lookAtConfig,
  readLocal,
} from '../../machine/state/git/local-config.ts';
import { keepDamaged } from '../../machine/state/git/repair-config.ts';
import type { StateItem } from '../../machine/state/restore.ts';
import { MAIN_CONFIG } from '../../print/config-names.ts';
import { isConfigText } from '../../print/printer-config.ts';
import { bell } from '../servers/bell.ts';
import { type ConfigStanding, configStatus } from './git-status.ts';
import type { ItemStatus } from './item-status.ts';
import type { KeeperContext } from './keeper.ts';
import { watchFolders } from './watch-folders.ts';

type Context = KeeperContext<StateItem<'git'>>;

/** Size, time and inode stand still so long: it was written. */
const STILL_MS = 100;
/** A file that is written all the time is shipped as it is after this, if it can be read at all. */
const MOST_STILL_MS = 5_000;
/** inotify may lose one. */
const SCAN_MS = 60_000;
/** Whether people changed something: a look at one file of the server. */
const POLL_MS = 5_000;
const BACK_OFF = { baseMs: 1_000, maxMs: 30_000 };
/** Nobody mends it by asking again. */
const REFUSED_MS = 10 * 60_000;

/** Ships what SAVE_CONFIG and people at the printer write, as soon as it stands still, and takes what people push, while nothing prints. */
export async function keepGit(context: Context, signal: AbortSignal): Promise<never> {
  const { host, item, account, tell } = context;
  await using tree = await host.files.openTree(item.path, account);
  await tree.tidy();
  const changed = bell(host.clock);
  const keeper = configKeeper(context, tree, signal);
  let told = '';
  const tellOnce = (status: ItemStatus): void => {
    const text = JSON.stringify(status);
    if (text !== told) tell(status);
    told = text;
  };
  const watching = watchFolders(context, () => changed.ring(), signal);
  const work = async (): Promise<never> => {
    let failures = 0;
    let isRung = true;
    let scannedMs = Number.NEGATIVE_INFINITY;
    for (;;) {
      let waitMs = POLL_MS;
      try {
        const isDue = isRung || failures > 0 || host.clock.uptimeMs() - scannedMs >= SCAN_MS;
        if (isDue) {
          scannedMs = host.clock.uptimeMs();
          watching.follow((await keeper.ship()).folders);
        }
        await keeper.follow();
        failures = 0;
        tellOnce(keeper.status());
      } catch (error) {
        signal.throwIfAborted();
        failures += 1;
        const code = isStatectlError(error) ? error.code : '';
        const isRefused = code === 'state-refused';
        tellOnce(keeper.status({ why: reasonOf(error), isFault: isRefused || code === 'config-unwritable' }));
        waitMs = isRefused ? REFUSED_MS : backOffMs(host.clock, failures, BACK_OFF);
      }
      isRung = (await changed.wait(waitMs, signal)) === 'rung';
    }
  };
  return await Promise.race([work(), watching.done]);
}

/** What is known of one config while it is kept. */
function configKeeper(context: Context, tree: PlainTree, signal: AbortSignal) {
  const { host, printer, item, apart, standing, ask, began, kept } = context;
  const server: ConfigAsk = { ask, printer, item: item.name, signal };
  const digests: Digests = new Map();
  let note: ConfigNote | undefined;
  let local: LocalConfig | undefined;
  let waiting: readonly LocalChange[] = [];
  let sinceMs: number | undefined;
  let lastMs: number | undefined;
  let branch: ConfigStanding['branch'];
  let held: string | undefined;
  let unkept: string | undefined;
  let staged = false;

  async function noteNow(): Promise<ConfigNote> {
    note ??= readNote(await tree.readNote());
    note ??= { ...standing, id: began.base, files: new Map(), on: standing.lease === 0 ? 'branch' : 'line' };
    return note;
  }

  async function keepNote(next: ConfigNote): Promise<void> {
    note = next;
    await tree.writeNote(writtenNote(next));
  }

  /** For a boot that no server answers: with what is not shipped yet. */
  async function keepOnDisk(now: LocalConfig): Promise<void> {
    if (kept === undefined) return;
    const files = new Map<string, Buffer>();
    for (const file of now.files.values()) files.set(file.path, await readLocal(tree, file));
    const main = files.get(MAIN_CONFIG);
    // What a moment of writing left is not what to go back to.
    if (main && !isConfigText(main)) return;
    try {
      await writeKept(host.files, kept, { note: await noteNow(), files });
      unkept = undefined;
    } catch (error) {
      // A disk that is full or broken keeps nothing from the server.
      unkept = `nothing of it is kept on this machine's disk: ${reasonOf(error)}`;
    }
  }

  /** Until nothing changes for a moment. */
  async function lookStill(): Promise<LocalConfig> {
    const untilMs = host.clock.uptimeMs() + MOST_STILL_MS;
    let before = await lookAtConfig(tree, apart);
    for (;;) {
      await host.clock.sleep(STILL_MS, signal);
      const now = await lookAtConfig(tree, apart);
      const isSame = stampsOf(now) === stampsOf(before);
      if ((isSame && !isBetween(now)) || host.clock.uptimeMs() >= untilMs) return now;
      before = now;
    }
  }

  /** SAVE_CONFIG has printer.cfg away between two renames. */
  const isBetween = (now: LocalConfig): boolean =>
    !now.files.has(MAIN_CONFIG) && !now.left.has(MAIN_CONFIG) && note?.files.has(MAIN_CONFIG) === true;

  /** A printer.cfg that is no config is never shipped: the last good one stays what the next boot gets. */
  function withoutBadMain(changes: readonly LocalChange[]): readonly LocalChange[] {
    const main = changes.find(({ path }) => path === MAIN_CONFIG);
    held = undefined;
    if (!main || (main.bytes && isConfigText(main.bytes))) return changes;
    const what = main.bytes === undefined ? 'is gone' : main.bytes.length === 0 ? 'is empty' : 'is no config';
    held = `${MAIN_CONFIG} ${what}: the last good one stays on the server`;
    return changes.filter((one) => one !== main);
  }

  async function ship(): Promise<LocalConfig> {
    const now = await lookStill();
    local = now;
    const before = await noteNow();
    const changes = await localChanges(tree, now, before.files, digests);
    waiting = withoutBadMain(changes);
    if (waiting.length === 0) {
      sinceMs = undefined;
      return now;
    }
    sinceMs ??= host.clock.now();
    // Before anything is asked of a server: the plug may be pulled while it is away.
    await keepOnDisk(now);
    const taken = await sendConfig(server, standing, before.id, waiting);
    const files = new Map(before.files);
    for (const { path, bytes } of waiting) {
      const digest = digests.get(path)?.sha256;
      if (bytes && digest !== undefined) files.set(path, digest);
      else files.delete(path);
    }
    await keepNote({ ...before, ...standing, id: taken.id, files, on: taken.on });
    branch = taken.on === 'branch' ? { branch: taken.branch ?? '', why: taken.why ?? '' } : undefined;
    lastMs = host.clock.now();
    waiting = [];
    sinceMs = undefined;
    await keepOnDisk(now);
    return now;
  }

  /** What people pushed; not while something prints, and only on the line. */
  async function follow(): Promise<void> {
    const before = await noteNow();
    if (before.on === 'branch' || standing.lease === 0 || waiting.length > 0 || !local) return;
    const id = await currentConfig(server);
    staged = id !== null && id !== before.id;
    if (!staged || context.isPrinting()) return;
    const given = await fetchConfig(server, before.id);
    // It may have begun meanwhile, and somebody may have written: that is shipped first.
    if (context.isPrinting()) return;
    const now = await lookAtConfig(tree, apart);
    if (stampsOf(now) !== stampsOf(local)) return;
    // A printer.cfg that is no config is what nobody wants: it gives way to one of a person's, and is kept.
    const isMended = held !== undefined && given.files.some(({ path }) => path === MAIN_CONFIG);
    const bad = isMended ? now.files.get(MAIN_CONFIG) : undefined;
    if (bad)
      await keepDamaged(
        host.files,
        join(context.kept ?? context.spool, 'damaged'),
        MAIN_CONFIG,
        await readLocal(tree, bad),
        host.clock.now(),
      );
    const files = await applyConfig(tree, given, {
      ...{ local: now, noted: before.files, digests, nowMs: host.clock.now() },
      over: (path) => isMended && path === MAIN_CONFIG,
    });
    if (!files) return;
    await keepNote({ ...before, id: given.id, files });
    staged = false;
    if (isMended) held = undefined;
    local = await lookAtConfig(tree, apart);
    await keepOnDisk(local);
  }

  const status = (failure?: ConfigStanding['failure']): ItemStatus =>
    configStatus({
      left: [...(local?.left ?? [])].map(([path, why]) => ({ path, why, wasKept: note?.files.has(path) === true })),
      waiting: waiting.map(({ path }) => path),
      ...{ sinceMs, lastMs, branch, held, unkept, staged, failure },
    });

  return { ship, follow, status };
}

const stampsOf = ({ files, left }: LocalConfig): string =>
  JSON.stringify([[...files.values()].map(({ path, stamp }) => [path, stamp]), [...left]]);
