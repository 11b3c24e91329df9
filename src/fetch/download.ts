import { createHash, type Hash } from 'node:crypto';
import { reasonOf, StatectlError } from '../error.ts';
import type { Host } from '../host/host.ts';

export interface Download {
  /** The same bytes, best server first. */
  readonly urls: readonly string[];
  readonly to: string;
  /** Lower-case hex. */
  readonly sha256: string;
  readonly sizeBytes: number;
}

export interface DownloadReport {
  readonly say: (text: string) => void;
  readonly warn: (text: string) => void;
  readonly signal: AbortSignal;
}

/** Limits of one transfer; the defaults are those of DESIGN: dead after 2 s, stalled after 10 s. */
export interface DownloadLimits {
  readonly connectMs: number;
  readonly stallMs: number;
  /** Rounds over all URLs without a single new byte. */
  readonly tries: number;
}

const DEFAULT_LIMITS: DownloadLimits = { connectMs: 2_000, stallMs: 10_000, tries: 8 };
const PROGRESS_EVERY_MS = 2_000;
/** An answer that another try cannot change. */
const FINAL_CODES = new Set(['download-wrong', 'disk-full']);

/**
 * Fetches a file whose digest is known, hashing as it comes. A broken or stalled transfer goes on where it stopped, at
 * the next URL; when the digest is wrong the file is removed. Throws `download-failed` or `download-wrong`.
 */
export async function fetchVerified(host: Host, download: Download, report: DownloadReport, limits = DEFAULT_LIMITS): Promise<void> {
  const partial = `${download.to}.part`;
  let hash = createHash('sha256');
  let doneBytes = await hashPartial(host, partial, download, hash);
  if (doneBytes < 0) {
    await host.files.remove(partial);
    hash = createHash('sha256');
    doneBytes = 0;
  }
  const startedMs = host.clock.uptimeMs();
  const progress = progressLine(download, startedMs, report);
  let fruitless = 0;
  for (let attempt = 0; doneBytes < download.sizeBytes; attempt += 1) {
    const url = download.urls[attempt % download.urls.length] ?? '';
    const before = doneBytes;
    try {
      doneBytes = await transfer(host, url, partial, doneBytes, download, hash, limits, report, progress);
    } catch (error) {
      if (report.signal.aborted) throw error;
      if (error instanceof Interrupted) doneBytes = error.doneBytes;
      const cause = error instanceof Interrupted ? error.cause : error;
      if (cause instanceof StatectlError && FINAL_CODES.has(cause.code)) throw cause;
      fruitless = doneBytes > before ? 0 : fruitless + 1;
      if (fruitless >= limits.tries * download.urls.length)
        throw new StatectlError('download-failed', `${url}: ${reasonOf(cause)} (${fruitless} tries without a new byte)`, {
          cause,
          hint: 'is the server up and the image still there? see `statectl image list` on it',
        });
      const waitMs = doneBytes > before ? 0 : Math.round(host.clock.random() * Math.min(30_000, 500 * 2 ** fruitless));
      report.warn(`${reasonOf(cause)}; try ${fruitless + 1} of ${limits.tries * download.urls.length}, from byte ${doneBytes}${waitMs > 0 ? `, in ${(waitMs / 1000).toFixed(1)} s` : ''}`);
      await host.clock.sleep(waitMs, report.signal);
    }
  }
  await finish(host, partial, download, hash.digest('hex'));
  const seconds = Math.max(0.001, (host.clock.uptimeMs() - startedMs) / 1000);
  report.say(`${mebibytes(download.sizeBytes)} MiB in ${seconds.toFixed(1)} s, ${mebibytes(download.sizeBytes / seconds)} MiB/s, SHA-256 as signed`);
}

/** A transfer that ended early; what came until then is on disk and hashed. */
class Interrupted extends Error {
  readonly doneBytes: number;
  constructor(doneBytes: number, cause: unknown) {
    super('interrupted', { cause });
    this.doneBytes = doneBytes;
  }
}

async function transfer(
  host: Host,
  url: string,
  partial: string,
  fromBytes: number,
  { sizeBytes }: Download,
  hash: Hash,
  limits: DownloadLimits,
  { signal }: DownloadReport,
  progress: (nowMs: number, doneBytes: number) => void,
): Promise<number> {
  const headers: Record<string, string> = fromBytes > 0 ? { range: `bytes=${fromBytes}-` } : {};
  const response = await host.http.request(url, { headers, signal, connectTimeoutMs: limits.connectMs, idleTimeoutMs: limits.stallMs });
  if (response.status !== 200 && response.status !== 206) {
    for await (const _ of response.body) break;
    throw new StatectlError('http-status', `${url} answered ${response.status}`);
  }
  // A server that ignores Range sends all of it again: what is there already is skipped, not hashed twice.
  const contentRange = /^bytes (\d+)-/.exec(response.headers['content-range'] ?? '');
  let skipBytes = response.status === 206 ? fromBytes - Number(contentRange?.[1] ?? fromBytes) : fromBytes;
  if (skipBytes < 0) throw new StatectlError('http-range', `${url} skipped bytes that were asked for`);
  let doneBytes = fromBytes;
  await using out = await host.files.appendStream(partial);
  try {
    for await (const received of response.body) {
      const chunk = skipBytes > 0 ? received.subarray(Math.min(skipBytes, received.length)) : received;
      skipBytes -= received.length - chunk.length;
      if (chunk.length === 0) continue;
      if (doneBytes + chunk.length > sizeBytes)
        throw new StatectlError('download-wrong', `${url} sends more than the ${sizeBytes} bytes of the manifest`, { hint: 'the server holds another file under this name' });
      await out.write(chunk).catch((error) => {
        throw error.code === 'ENOSPC' ? new StatectlError('disk-full', `no room for ${url}: ${partial} needs ${sizeBytes} bytes`, { cause: error, hint: 'give the machine more RAM, or a disk with room for the image' }) : error;
      });
      hash.update(chunk);
      doneBytes += chunk.length;
      progress(host.clock.uptimeMs(), doneBytes);
    }
  } catch (error) {
    throw new Interrupted(doneBytes, error);
  }
  if (doneBytes < sizeBytes) throw new Interrupted(doneBytes, new StatectlError('transfer-broken', `${url} ended after ${doneBytes} of ${sizeBytes} bytes`));
  return doneBytes;
}

/** Bytes of an earlier partial download that count, hashed; -1 when it is too long to be one. */
async function hashPartial({ files }: Pick<Host, 'files'>, partial: string, { sizeBytes }: Download, hash: Hash): Promise<number> {
  const stat = await files.stat(partial);
  if (!stat) return 0;
  if (stat.type !== 'file' || stat.sizeBytes > sizeBytes) return -1;
  for await (const chunk of files.readStream(partial)) hash.update(chunk);
  return stat.sizeBytes;
}

async function finish({ files }: Pick<Host, 'files'>, partial: string, { to, sha256 }: Download, actual: string): Promise<void> {
  if (actual !== sha256) {
    await files.remove(partial);
    throw new StatectlError('download-wrong', `what came for ${to} has SHA-256 ${actual}, the signed manifest says ${sha256}`, {
      hint: 'nothing was mounted; check the server\'s store with `statectl image show`, and the network for tampering',
    });
  }
  await files.rename(partial, to);
}

/** Hashes a file that is there already. Throws `image-altered`. */
export async function verifyFile({ files }: Pick<Host, 'files'>, { path, sha256, sizeBytes }: { readonly path: string; readonly sha256: string; readonly sizeBytes: number }): Promise<void> {
  const stat = await files.stat(path);
  const altered = (what: string) => new StatectlError('image-altered', `${path} ${what}`, { hint: 'the copy is damaged; with a server in reach it is fetched anew' });
  if (!stat) throw altered('is missing');
  if (stat.sizeBytes !== sizeBytes) throw altered(`has ${stat.sizeBytes} bytes, the signed manifest says ${sizeBytes}`);
  const hash = createHash('sha256');
  for await (const chunk of files.readStream(path)) hash.update(chunk);
  const actual = hash.digest('hex');
  if (actual !== sha256) throw altered(`has SHA-256 ${actual}, the signed manifest says ${sha256}`);
}

function progressLine({ sizeBytes }: Download, startedMs: number, { say }: DownloadReport) {
  let nextMs = startedMs + PROGRESS_EVERY_MS;
  return (nowMs: number, doneBytes: number): void => {
    if (nowMs < nextMs) return;
    nextMs = nowMs + PROGRESS_EVERY_MS;
    const perMs = doneBytes / Math.max(1, nowMs - startedMs);
    say(`${mebibytes(doneBytes)} of ${mebibytes(sizeBytes)} MiB, ${Math.ceil((sizeBytes - doneBytes) / perMs / 1000)} s left`);
  };
}

const mebibytes = (bytes: number): string => (bytes / 2 ** 20).toFixed(1);
