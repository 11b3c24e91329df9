import { join } from 'node:path';
import { isSea } from 'node:sea';
import { reasonOf, StatectlError } from '../../error.ts';
import { backOffMs } from '../../host/back-off.ts';
import { mayRead } from '../../host/owner.ts';
import type { StateItem } from '../../machine/state/restore.ts';
import { type KeptGeneration, keepGeneration, placesOf } from '../../machine/state/restore-snapshot.ts';
import { sha256Of } from '../../signed/bundle/manifest.ts';
import { writeTar } from '../../signed/plain-tar.ts';
import { bell } from '../servers/bell.ts';
import type { ItemStatus } from './item-status.ts';
import type { KeeperContext } from './keeper.ts';
import { shipGeneration } from './ship-generation.ts';

type Context = KeeperContext<StateItem<'snapshot'>>;

/** A commit is several writes, and a print ends with several commits. */
const TOGETHER_MS = 400;
/** inotify may lose one: so often it is looked whether the files are others. */
const LOOK_MS = 60_000;
const BACK_OFF = { baseMs: 1_000, maxMs: 30_000 };
/** Nobody mends it by asking again: what was refused, or a damaged database. */
const REFUSED_MS = 10 * 60_000;
const COPY_MS = 20_000;
const LARGEST_DATABASE_BYTES = 64 << 20;
const LARGEST_BESIDE_BYTES = 64 << 10;

/** Ships a copy of the databases after each commit, whole: of what was not shipped only the newest. */
export async function keepSnapshot(context: Context, signal: AbortSignal): Promise<never> {
  const { host, item, tell } = context;
  const changed = bell(host.clock);
  let shipped = '';
  let lastMs: number | undefined;
  let failures = 0;
  /** Commits that were seen, and since when one is not shipped. */
  let seen = 0;
  let sinceMs: number | undefined;
  let standing: ItemStatus = { state: 'in-step' };
  /** What the line took, until it is on the disk, too. */
  let toKeep: KeptGeneration | undefined;
  const ahead = (why: { readonly state?: 'fault'; readonly why?: string } = {}): void => {
    sinceMs ??= host.clock.now();
    tell({ state: 'ahead', ahead: 'the newest copy', sinceMs, ...(lastMs !== undefined && { lastMs }), ...why });
  };
  const dirty = (): void => {
    seen += 1;
    if (failures === 0) ahead();
    changed.ring();
  };
  const shipNow = async (): Promise<void> => {
    const atCopy = seen;
    const tar = await copyOf(context, signal);
    const sha256 = tar && sha256Of(tar);
    if (!tar && seen > 0)
      throw new StatectlError('state-failed', `${item.path} has no ${item.files.join(', ')} any more`);
    if (tar && sha256 && sha256 !== shipped) {
      const answer = await shipGeneration(context, tar, signal);
      shipped = sha256;
      lastMs = host.clock.now();
      const { branch, why, lacking = [] } = answer.on === 'branch' ? answer : {};
      standing =
        branch === undefined
          ? { state: 'in-step', lastMs }
          : { state: 'branch', lastMs, branch, lacking, why: why ?? '' };
      toKeep = answer.on === 'line' ? { id: answer.id, sha256 } : undefined;
    }
    failures = 0;
    const unkept = tar && (await keepNow(tar));
    if (seen !== atCopy) return ahead();
    sinceMs = undefined;
    if (tar) tell(unkept === undefined ? standing : { ...standing, why: unkept });
  };
  /** A disk that is full keeps nothing from the server. */
  const keepNow = async (tar: Uint8Array): Promise<string | undefined> => {
    if (context.kept === undefined || !toKeep) return undefined;
    try {
      await keepGeneration(host, context.kept, toKeep, tar);
      toKeep = undefined;
      return undefined;
    } catch (error) {
      return `not on the disk of the machine: ${reasonOf(error)}`;
    }
  };
  const work = async (): Promise<never> => {
    for (let waitMs = 0; ; ) {
      const isRung = (await changed.wait(waitMs, signal)) === 'rung';
      // Each copy is a process: a database that changes all the time makes no more of them while nobody takes one.
      if (failures > 0) await host.clock.sleep(backOffMs(host.clock, failures, BACK_OFF), signal);
      else if (isRung) await host.clock.sleep(TOGETHER_MS, signal);
      waitMs = LOOK_MS;
      await shipNow().catch((error: unknown) => {
        signal.throwIfAborted();
        failures += 1;
        const isFinal = error instanceof StatectlError && FINAL.includes(error.code);
        ahead({ why: reasonOf(error), ...(isFinal && { state: 'fault' }) });
        waitMs = isFinal ? REFUSED_MS : 0;
      });
    }
  };
  return await Promise.race([work(), watchAll(context, dirty, signal)]);
}

const FINAL: readonly string[] = ['state-refused', 'database-damaged', 'generation-too-large', 'state-link'];
/** Where a commit leaves what it did: its journal goes when it is done. */
const WRITTEN = ['', '-journal', '-wal'];

async function watchAll({ host, item, watch }: Context, dirty: () => void, signal: AbortSignal): Promise<never> {
  const names = new Set(item.files.flatMap((file) => WRITTEN.map((end) => file + end)));
  const touched = bell(host.clock);
  const hear = async (): Promise<never> => {
    for await (const name of watch(item.path, signal)) if (name === undefined || names.has(name)) touched.ring();
    signal.throwIfAborted();
    throw new StatectlError('state-failed', `${item.path} went away`);
  };
  // Who reads a database with a write-ahead log touches that, too, as our own copy does: nothing is another by it.
  const look = async (): Promise<never> => {
    for (let seen = await lookOf(host, item); ; ) {
      await touched.wait(LOOK_MS, signal);
      const now = await lookOf(host, item);
      if (now !== seen) dirty();
      seen = now;
    }
  };
  return await Promise.race([hear(), look()]);
}

/** Other after each commit. */
async function lookOf({ files }: Context['host'], item: Context['item']): Promise<string> {
  const paths = item.files.flatMap((file) => ['', '-wal'].map((end) => join(item.path, file + end)));
  const stats = await Promise.all(paths.map((path) => files.stat(path)));
  return stats.map((stat) => (stat?.sizeBytes ? `${stat.sizeBytes} ${stat.mtimeMs}` : '-')).join();
}

/** A generation of what is there now; undefined: there is nothing yet. Throws `database-busy`, `database-damaged`, `state-link`. */
async function copyOf(context: Context, signal: AbortSignal): Promise<Buffer | undefined> {
  const { host, item, spool } = context;
  const { files } = host;
  const aside = join(spool, 'copy');
  const members = new Map<string, Uint8Array>();
  try {
    for (const name of item.files) {
      const from = join(item.path, name);
      const type = (await files.stat(from))?.type;
      if (type === undefined) return undefined;
      if (type !== 'file') throw new StatectlError('state-link', `${from} is a ${type}: it is not shipped`);
      members.set(name, await copyApart(context, from, aside, signal));
    }
    for (const [name, path] of placesOf(item)) {
      if (members.has(name) || (await files.stat(path)) === undefined) continue;
      members.set(name, await readOwn(context, path, LARGEST_BESIDE_BYTES));
    }
    return writeTar(members);
  } finally {
    await files.remove(aside);
  }
}

/** Files of others: nothing that a link leads to, of either kind. */
async function readOwn({ host: { files }, account }: Context, path: string, limitBytes: number): Promise<Buffer> {
  const { bytes, stat, realPath } = await files.readRegular(path, limitBytes);
  if (realPath !== path) throw new StatectlError('state-link', `${path} is ${realPath} by a link: it is not shipped`);
  if (!mayRead(stat, account))
    throw new StatectlError('state-link', `${path} is not for its own user to read: it is not shipped`);
  return bytes;
}

/**
 * The agent runs when nobody else wants to, and Moonraker waits for its lock one second: what holds it does not run so (measured on
 * a busy machine: 1.4 s as the agent, 0.1 s so). The agent's service allows that much (LimitNICE).
 */
const AT_ONCE = ['sh', '-c', 'chrt -o 0 true 2>/dev/null && exec chrt -o 0 "$@"; exec "$@"', 'sh'];

/**
 * In a process of the owner, which opens nothing else: any close() of a file drops SQLite's locks on it. It writes into the one
 * file that it is given: where root cleans up afterwards, nobody else can put anything.
 */
async function copyApart(context: Context, from: string, to: string, signal: AbortSignal): Promise<Buffer> {
  const { host, account, spool } = context;
  const { exec, files } = host;
  await files.mkdir(spool, 0o711);
  await files.write(to, '', { mode: 0o600 });
  const given = await exec.run(['chown', '-h', `${account.uid}:${account.gid}`, to], { signal });
  if (given.exitCode !== 0) throw new StatectlError('state-failed', given.stderr.trim());
  const program = isSea() ? [] : [join(import.meta.dirname, '../../main.ts')];
  const argv = [...AT_ONCE, process.execPath, ...program, 'agent', '--copy-database', from, '--to', to];
  const { exitCode, stderr } = await exec.run(argv, { as: account, timeoutMs: COPY_MS, signal });
  if (exitCode === 0) return readOwn(context, to, LARGEST_DATABASE_BYTES);
  const reason = stderr
    .slice(0, MOST_SAID)
    .trim()
    .replace(/^statectl: /, '');
  throw new StatectlError(CODES.find(([said]) => said.test(reason))?.[1] ?? 'database-busy', reason);
}

const CODES = [
  [/damaged|not a database|malformed/, 'database-damaged'],
  [/larger than can be kept/, 'generation-too-large'],
] as const;
/** It is the owner's process, who may make it say anything. */
const MOST_SAID = 2_000;
