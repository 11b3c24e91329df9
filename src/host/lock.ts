import { StatectlError } from '../error.ts';
import type { Files, Host } from './host.ts';
import { processStart } from './kernel/process-start.ts';

const WAIT_MS = 10_000;
const POLL_MS = 100;

const codeOf = (error: unknown): unknown => (error as { code?: unknown } | undefined)?.code;

async function thisProcess(files: Files): Promise<string> {
  const pid = await files.readlink('/proc/self');
  const boot = (await files.readText('/proc/sys/kernel/random/boot_id')).trim();
  const space = await files.readlink('/proc/self/ns/pid');
  return `pid=${pid} start=${await processStart(files, pid)} boot=${boot} space=${space}`;
}

/** True when the holder can no longer run. A holder in another pid namespace (container) cannot be judged: not stale. */
async function isStale(files: Files, holder: string, me: string): Promise<boolean> {
  const word = (text: string, key: string) => new RegExp(`${key}=(\\S+)`).exec(text)?.[1];
  if (word(holder, 'boot') !== word(me, 'boot')) return true;
  if (word(holder, 'space') !== word(me, 'space')) return false;
  return (await processStart(files, word(holder, 'pid') ?? '0')) !== word(holder, 'start');
}

/** True when this process got the name. A symlink is made with its content in one atomic, exclusive call: symlink(2). */
async function take(files: Files, me: string, path: string): Promise<boolean> {
  try {
    await files.symlink(me, path);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

const holderOf = async (files: Files, path: string): Promise<string | undefined> =>
  (await files.stat(path))?.type === 'symlink' ? await files.readlink(path).catch(() => undefined) : undefined;

/** Only one process at a time may break a lock, or the second would remove the first one's new lock. */
async function breakLock(
  { files, clock }: Pick<Host, 'files' | 'clock'>,
  me: string,
  path: string,
  holder: string,
): Promise<void> {
  if (!(await take(files, me, `${path}.break`))) return void (await clock.sleep(POLL_MS));
  try {
    if ((await holderOf(files, path)) === holder) await files.remove(path);
  } finally {
    await files.remove(`${path}.break`);
  }
}

/**
 * Holds a lock, a symlink at this path, until it is disposed; one that a dead process left is taken over.
 * Throws `locked` when another process still holds it after 10 s; `what` says what it is doing.
 */
export async function holdLock(
  host: Pick<Host, 'files' | 'clock'>,
  path: string,
  what: string,
): Promise<AsyncDisposable> {
  const { files, clock } = host;
  const me = await thisProcess(files);
  const deadlineMs = clock.uptimeMs() + WAIT_MS;
  while (!(await take(files, me, path))) {
    const holder = await holderOf(files, path);
    if (holder !== undefined && (await isStale(files, holder, me))) await breakLock(host, me, path, holder);
    else await clock.sleep(POLL_MS);
    if (clock.uptimeMs() >= deadlineMs)
      throw new StatectlError('locked', `another statectl is ${what} (${holder ?? 'unknown'})`, {
        hint: `wait until it has finished; if it is surely gone, remove ${path} and ${path}.break`,
      });
  }
  return { [Symbol.asyncDispose]: () => files.remove(path) };
}
