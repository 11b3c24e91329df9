import { createHash, type Hash } from 'node:crypto';
import { isStatectlError, reasonOf, StatectlError } from '../error.ts';
import type { Host } from '../host/host.ts';
import type { DownloadLimits } from '../host/http/download-limits.ts';
import { askedWaitMs, retryAfterMs, ServerBusyError, soonestBusy } from '../host/http/server-busy.ts';
import { retry } from '../host/retry.ts';
import { verifyFile } from './verify-file.ts';

export interface Download {
  /** The same bytes, best server first. */
  readonly urls: readonly string[];
  readonly to: string;
  /** Lower-case hex. */
  readonly sha256: string;
  readonly sizeBytes: number;
  /** Who said the digest; default the signed manifest. */
  readonly saidBy?: string;
}

export interface DownloadReport {
  readonly say: (text: string) => void;
  readonly warn: (text: string) => void;
  readonly signal: AbortSignal;
}

const DEFAULT_LIMITS: DownloadLimits = { connectMs: 2_000, stallMs: 10_000, tries: 8 };
const PROGRESS_EVERY_MS = 2_000;
const ENOUGH_BYTES = 64 * 1024;
/** Failures that asking again does not change. */
const FINAL_CODES = new Set(['download-wrong', 'disk-full', 'disk-failed']);

const codeOf = (error: unknown): string | undefined => (isStatectlError(error) ? error.code : undefined);

/** The bytes that are on disk, and their hash so far. */
interface Part {
  readonly path: string;
  readonly hash: Hash;
  doneBytes: number;
}

/**
 * Fetches a file whose digest is known, hashing as it comes. A broken or stalled transfer goes on where it stopped, at
 * the next URL, also after a reboot. Bytes with another digest are removed. Throws `download-failed`, `download-wrong`,
 * `disk-full`, `disk-failed`.
 */
export async function fetchVerified(
  host: Host,
  download: Download,
  report: DownloadReport,
  limits = DEFAULT_LIMITS,
): Promise<void> {
  if (await isThere(host, download)) return report.say(`${download.to} is there already, SHA-256 as signed`);
  const startedMs = host.clock.uptimeMs();
  const isResumed = (await host.files.stat(partialOf(download))) !== undefined;
  for (let round = 0; ; round += 1) {
    // Nobody can tell which of several servers sent wrong bytes, or whether a power cut left them: each gets to send all of them.
    const urls = download.urls.map(
      (_, index) => download.urls[(index + (isResumed ? Math.max(0, round - 1) : round)) % download.urls.length] ?? '',
    );
    const lastRound = download.urls.length - (isResumed ? 0 : 1);
    try {
      await fetchOnce(host, { ...download, urls }, report, limits, progressLine(download, startedMs, report));
      break;
    } catch (error) {
      if (codeOf(error) !== 'download-wrong' || round >= lastRound) throw error;
      report.warn(`${reasonOf(error)}; fetching it anew`);
    }
  }
  const seconds = Math.max(0.001, (host.clock.uptimeMs() - startedMs) / 1000);
  report.say(
    `${mebibytes(download.sizeBytes)} MiB in ${seconds.toFixed(1)} s, ${mebibytes(download.sizeBytes / seconds)} MiB/s, SHA-256 as signed`,
  );
}

type Progress = (nowMs: number, doneBytes: number) => void;

async function fetchOnce(
  host: Host,
  download: Download,
  report: DownloadReport,
  limits: DownloadLimits,
  progress: Progress,
): Promise<void> {
  const part = await openPartial(host, download);
  let turn = 0;
  try {
    while (part.doneBytes < download.sizeBytes) {
      const tries = limits.tries * download.urls.length;
      await retry(
        host.clock,
        {
          tries,
          baseMs: 1_000,
          maxMs: 30_000,
          signal: report.signal,
          giveUp: (error) => FINAL_CODES.has(codeOf(error) ?? ''),
          onRetry: ({ attempt, of, waitMs, error }) =>
            report.warn(
              `${reasonOf(error)}; try ${attempt + 1} of ${of}, from byte ${part.doneBytes}, in ${(waitMs / 1000).toFixed(1)} s`,
            ),
        },
        async () => {
          const busy: unknown[] = [];
          for (;;) {
            const url = download.urls[turn % download.urls.length] ?? '';
            turn += 1;
            const before = part.doneBytes;
            try {
              return await transfer(host, url, part, download, limits, report.signal, progress);
            } catch (error) {
              if (report.signal.aborted || FINAL_CODES.has(codeOf(error) ?? '')) throw error;
              // Enough came: the count begins anew. A server that lets go after a few bytes each time gets no such patience.
              if (part.doneBytes - before >= ENOUGH_BYTES)
                return report.warn(`${reasonOf(error)}; going on from byte ${part.doneBytes}`);
              if (askedWaitMs(error) === undefined) throw soonestBusy(busy) ?? error;
              busy.push(error);
              if (busy.length >= download.urls.length) throw soonestBusy(busy);
              report.warn(`${reasonOf(error)}; asking the next server at once`);
            }
          }
        },
      ).catch((error) => {
        if (report.signal.aborted || FINAL_CODES.has(codeOf(error) ?? '')) throw error;
        throw new StatectlError('download-failed', `${reasonOf(error)} (${tries} tries in a row)`, {
          cause: error,
          hint: 'is the server up and the image still there? see `statectl image list` on it',
        });
      });
    }
    await finish(host, part, download);
  } catch (error) {
    // Neither wrong bytes nor a full disk's are of use to the next boot.
    if (FINAL_CODES.has(codeOf(error) ?? '')) await host.files.remove(part.path).catch(() => undefined);
    throw error;
  }
}

async function transfer(
  host: Host,
  url: string,
  part: Part,
  { sizeBytes }: Download,
  limits: DownloadLimits,
  signal: AbortSignal,
  progress: Progress,
): Promise<void> {
  const fromBytes = part.doneBytes;
  const headers: Record<string, string> = fromBytes > 0 ? { range: `bytes=${fromBytes}-` } : {};
  const response = await host.http.request(url, {
    headers,
    signal,
    connectTimeoutMs: limits.connectMs,
    idleTimeoutMs: limits.stallMs,
  });
  if (response.status !== 200 && response.status !== 206) {
    for await (const _ of response.body) break;
    const busyMs = retryAfterMs(response);
    if (busyMs !== undefined)
      throw new ServerBusyError(`${url} is busy: it asks to come back in ${Math.round(busyMs / 1000)} s`, busyMs);
    throw new StatectlError('http-status', `${url} answered ${response.status}`);
  }
  // A server that ignores Range sends all of it again: what is there already is skipped, not hashed twice.
  const contentRange = /^bytes (\d+)-/.exec(response.headers['content-range'] ?? '');
  let skipBytes = response.status === 206 ? fromBytes - Number(contentRange?.[1] ?? fromBytes) : fromBytes;
  if (skipBytes < 0) throw new StatectlError('http-range', `${url} skipped bytes that were asked for`);
  const out = await onDisk(part, sizeBytes, host.files.appendStream(part.path));
  try {
    for await (const received of response.body) {
      const chunk = skipBytes > 0 ? received.subarray(Math.min(skipBytes, received.length)) : received;
      skipBytes -= received.length - chunk.length;
      if (chunk.length === 0) continue;
      if (part.doneBytes + chunk.length > sizeBytes)
        throw new StatectlError('download-wrong', `${url} sends more than the ${sizeBytes} bytes of the manifest`, {
          hint: 'the server holds another file under this name',
        });
      // Hashed while a thread writes it.
      const written = onDisk(part, sizeBytes, out.write(chunk));
      part.hash.update(chunk);
      await written;
      part.doneBytes += chunk.length;
      progress(host.clock.uptimeMs(), part.doneBytes);
    }
  } finally {
    await onDisk(part, sizeBytes, out.close());
  }
  if (part.doneBytes < sizeBytes)
    throw new StatectlError('transfer-broken', `${url} ended after ${part.doneBytes} of ${sizeBytes} bytes`);
}

/** What a disk refuses is no other server's to mend. */
async function onDisk<T>({ path }: Part, sizeBytes: number, effect: Promise<T>): Promise<T> {
  try {
    return await effect;
  } catch (cause) {
    if (!(cause instanceof Error) || !('code' in cause)) throw cause;
    if (cause.code === 'ENOSPC')
      throw new StatectlError('disk-full', `no room for ${path}, which needs ${sizeBytes} bytes`, {
        cause,
        hint: 'give the machine more RAM, or a disk with room for the image',
      });
    throw new StatectlError('disk-failed', `${path} cannot be written: ${cause.message}`, {
      cause,
      hint: 'see `dmesg | tail` for what the kernel says of the disk',
    });
  }
}

const partialOf = ({ to }: Download): string => `${to}.part`;

/** What an earlier transfer left counts, and is hashed. */
async function openPartial({ files }: Pick<Host, 'files'>, download: Download): Promise<Part> {
  const path = partialOf(download);
  const hash = createHash('sha256');
  const stat = await files.stat(path);
  if (stat?.type !== 'file') {
    await files.remove(path);
    return { path, hash, doneBytes: 0 };
  }
  for await (const chunk of files.readStream(path)) hash.update(chunk);
  return { path, hash, doneBytes: stat.sizeBytes };
}

/** Whether an earlier boot fetched the whole of it; anything else under its name goes, to make room. */
async function isThere(host: Pick<Host, 'files'>, { to, sha256, sizeBytes }: Download): Promise<boolean> {
  if (!(await host.files.stat(to))) return false;
  try {
    await verifyFile(host, { path: to, sha256, sizeBytes });
    return true;
  } catch {
    await host.files.remove(to);
    return false;
  }
}

async function finish(
  { files }: Pick<Host, 'files'>,
  { path, hash }: Part,
  { to, sha256, saidBy = 'the signed manifest' }: Download,
): Promise<void> {
  const actual = hash.digest('hex');
  if (actual !== sha256)
    throw new StatectlError('download-wrong', `what came for ${to} has SHA-256 ${actual}, ${saidBy} says ${sha256}`, {
      hint: "nothing was mounted; check the server's store with `statectl image show`, and the network for tampering",
    });
  await files.rename(path, to);
}

function progressLine({ sizeBytes }: Download, startedMs: number, { say }: DownloadReport) {
  let nextMs = startedMs + PROGRESS_EVERY_MS;
  return (nowMs: number, doneBytes: number): void => {
    if (nowMs < nextMs) return;
    nextMs = nowMs + PROGRESS_EVERY_MS;
    const perMs = doneBytes / Math.max(1, nowMs - startedMs);
    say(
      `${mebibytes(doneBytes)} of ${mebibytes(sizeBytes)} MiB, ${Math.ceil((sizeBytes - doneBytes) / perMs / 1000)} s left`,
    );
  };
}

const mebibytes = (bytes: number): string => (bytes / 2 ** 20).toFixed(1);
