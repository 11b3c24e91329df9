import { join } from 'node:path';
import { isStatectlError, reasonOf, StatectlError } from '../../../error.ts';
import type { RunResult } from '../../../host/host.ts';
import type { NotedFile } from '../../../machine/state/mirror/mirror-note.ts';
import type { OutsideFile } from '../../../machine/state/mirror/mirror-view.ts';
import type { FetchFile } from '../../../machine/state/mirror/take-file.ts';
import { isMirrorPath, MIRROR_LIMITS } from '../../../protocol/state/mirror.ts';
import type { Bell } from '../../servers/bell.ts';
import type { KeeperContext } from '../keeper.ts';

/** Files that a machine gets from elsewhere than its server. */
export interface OutsideSource {
  /** What it has, as far as it is known; `fault`: why it cannot be asked now. It is never waited for long. */
  list(signal: AbortSignal): Promise<{ readonly files: readonly OutsideFile[] | undefined; readonly fault?: string }>;
  readonly fetch: FetchFile;
}

const LOOK_EACH_MS = 60_000;
/** What is known by then counts; the rest is heard when it comes. */
const WAIT_MS = 2_000;
const LIST_MS = 60_000;
/** Of a copy: besides the time of a slow line. */
const COPY_MS = 60_000;
const SLOWEST_BYTES_PER_MS = 64;

/**
 * A mount of its own, in a mount namespace of its own: who hangs in it is this child, and what is left of it goes with it. `soft`:
 * the kernel gives up after `retrans` tries of `timeo` tenths of a second each.
 */
const MOUNT = `mount -t nfs -o ro,soft,timeo=50,retrans=2,retry=0,nolock,nosuid,nodev,noexec "$1" "$2" && cd "$2" || exit 32`;
/** Seconds are all that stat(1) of busybox says. Hidden folders are snapshots of the server; a name with a line break would be two. */
const LIST = `${MOUNT}
find . -mindepth 1 -name '.*' -prune -o -type f ! -name '*
*' -exec stat -c '%s %Y %n' {} +`;
const COPY = `${MOUNT}
same() { [ -f "$3" ] && [ ! -h "$3" ] && [ "$(stat -c '%s %Y' "$3")" = "$4" ]; }
same "$@" || exit 33
cat "$3" > "$5" || exit 34
same "$@" || exit 33`;

const LINE = /^(\d{1,15}) (-?\d{1,12}) \.\/(.+)$/;
const VERSION = /^nfs-(\d{1,15})-(-?\d{1,12})$/;

const fileOf = (path: string, size: string, seconds: string): OutsideFile => ({
  path,
  sizeBytes: Number(size),
  mtimeNs: `${BigInt(seconds) * 1_000_000_000n}`,
  version: `nfs-${size}-${seconds}`,
});

/** What a source had when it was asked last, by what was noted then. */
export const outsideNoted = (note: readonly NotedFile[]): readonly OutsideFile[] =>
  note.flatMap(({ path, line }) => {
    const [, size, seconds] = VERSION.exec(line ?? '') ?? [];
    return size === undefined || seconds === undefined ? [] : [fileOf(path, size, seconds)];
  });

/** `HOST:/PATH`, which is only read. Every touch of it is a child's with a time limit. Rings when it has been looked at. */
export function nfsSource(
  { host, spool }: Pick<KeeperContext<unknown>, 'host' | 'spool'>,
  from: string,
  looked: Bell,
): OutsideSource {
  const { exec, files, clock } = host;
  const mountPoint = join(spool, 'nfs');
  let known: readonly OutsideFile[] | undefined;
  let fault: string | undefined;
  let looking: { readonly done: Promise<void>; untilMs: number } | undefined;

  async function run(script: string, words: readonly string[], timeoutMs: number, signal: AbortSignal) {
    await files.mkdir(mountPoint, 0o700);
    const argv = ['unshare', '-m', 'sh', '-c', script, 'sh', from, mountPoint, ...words];
    let result: RunResult;
    try {
      result = await exec.run(argv, { timeoutMs, signal, env: { LC_ALL: 'C' } });
    } catch (error) {
      if (!isStatectlError(error) || error.code !== 'program-timeout') throw error;
      throw failed(`it did not answer in ${Math.round(timeoutMs / 1000)} s`, error);
    }
    if (result.exitCode === 33) throw failed('the file changed while it was copied');
    if (result.exitCode !== 0) throw failed(result.stderr.trim().split('\n').at(-1) || `status ${result.exitCode}`);
    return result.stdout;
  }
  const failed = (why: string, cause?: unknown): StatectlError =>
    new StatectlError('source-failed', `nfs:${from} cannot be read: ${why}`, {
      cause,
      hint: 'what is here already stays; the machine needs mount.nfs (nfs-common, nfs-utils) and the server to answer',
    });

  async function look(signal: AbortSignal): Promise<void> {
    const text = await run(LIST, [], LIST_MS, signal);
    const found = text.split('\n').flatMap((line) => {
      const [, size, seconds, path] = LINE.exec(line) ?? [];
      if (size === undefined || seconds === undefined || path === undefined) return [];
      // What is no UTF-8 was made readable on its way, and is no name any more.
      return isMirrorPath(path) && !path.includes('\ufffd') ? [fileOf(path, size, seconds)] : [];
    });
    if (found.length > MIRROR_LIMITS.files) throw failed(`it has more than ${MIRROR_LIMITS.files} files`);
    known = found;
  }

  return {
    async list(signal) {
      if (!looking || looking.untilMs <= clock.uptimeMs()) {
        const done = look(signal).then(
          () => {
            fault = undefined;
          },
          (error: unknown) => {
            fault = reasonOf(error);
          },
        );
        const turn = { done, untilMs: Number.POSITIVE_INFINITY };
        looking = turn;
        void done.then(() => {
          turn.untilMs = clock.uptimeMs() + LOOK_EACH_MS;
          looked.ring();
        });
      }
      const enough = new AbortController();
      await Promise.race([looking.done, clock.sleep(WAIT_MS, enough.signal).catch(() => undefined)]);
      enough.abort();
      signal.throwIfAborted();
      return { files: known, ...(fault !== undefined && { fault }) };
    },
    async fetch({ path, version, sizeBytes }, into, signal) {
      // Who did not answer a moment ago is not asked file by file.
      if (fault !== undefined) throw new StatectlError('source-failed', fault);
      const [, size, seconds] = VERSION.exec(version) ?? [];
      const words = [`./${path}`, `${size} ${seconds}`, into.path];
      await run(COPY, words, COPY_MS + sizeBytes / SLOWEST_BYTES_PER_MS, signal);
      const copied = await into.measure();
      if (copied !== sizeBytes) throw failed(`${copied} of ${sizeBytes} bytes of ${JSON.stringify(path)} came`);
    },
  };
}
