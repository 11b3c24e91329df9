import { isStatectlError, reasonOf, StatectlError } from '../error.ts';
import type { Host } from '../host/host.ts';
import type { DownloadLimits } from '../host/http/download-limits.ts';
import { readBody } from '../host/http/read-body.ts';
import { retryAfterMs, ServerBusyError } from '../host/http/server-busy.ts';
import { parseRecords } from '../host/record.ts';
import type { TaskContext } from '../host/task-context.ts';
import { detailOf } from '../protocol/problem.ts';
import { LARGEST_BUNDLE_BYTES } from '../signed/bundle/archive.ts';
import { askAgain } from './ask-again.ts';
import { askAll } from './ask-all.ts';

/** What is asked of servers: what this machine is to be. */
export interface BundleQuestion {
  /** The same question to each server. */
  readonly urls: readonly string[];
  /** Asked where none of `urls` says anything of use. */
  readonly lastUrls?: readonly string[];
  /** The digest of the content that this machine has. */
  readonly known?: string;
  /** A folder for the answers. */
  readonly to: string;
  readonly limits: DownloadLimits;
  /** How long silent servers are asked again; default as often as `limits` says. */
  readonly seconds?: number;
}

/** What a server said when it was asked for the bundle: `answers.json` beside the bundles that came, in order. */
export type BundleAnswer =
  | {
      readonly url: string;
      readonly status: number;
      readonly detail: string;
      /** Of a server that is too busy to answer now. */
      readonly retryAfterMs?: number;
    }
  | { readonly url: string; readonly failure: string };

/** An answer, although a useless one: asking again would bring as much again. */
const TOO_LARGE = 413;

export const answersPath = (folder: string): string => `${folder}/answers.json`;

/**
 * Asks all good servers at once, the others where those say nothing of use, again while every one is silent or busy, and
 * leaves what they say for the boot to judge.
 */
export async function askForBundle(
  step: BundleQuestion,
  host: Pick<Host, 'files' | 'http' | 'clock'>,
  boot: TaskContext,
): Promise<void> {
  const { files, clock } = host;
  await files.remove(step.to);
  await files.mkdir(step.to, 0o700);
  const answers: BundleAnswer[] = [];
  const servers = { first: step.urls, last: step.lastUrls ?? [] };
  const ask = async (signal: AbortSignal) => {
    /** A full disk is no server's fault, and no other answer hides it. */
    const own: unknown[] = [];
    const { unasked } = await askAll(servers, async (url, at) => {
      answers[at] ??= { url, failure: `${url} did not answer in time` };
      const answer = await askOne(step, url, at, host, signal).catch((error: unknown) => {
        own.push(error);
        throw error;
      });
      answers[at] = answer;
      const trouble = worthAsking(answer);
      if (trouble) throw trouble;
    }).finally(() => {
      if (own.length > 0) throw own[0];
    });
    // What the others said when they were asked last is of no interest any more.
    answers.length = step.urls.length + servers.last.length - unasked.length;
  };
  const late = new StatectlError('servers-silent', `no server answered in ${step.seconds} s`);
  const { tries } = step.limits;
  try {
    await askAgain(clock, { tries, seconds: step.seconds, late }, boot, ask);
  } catch (error) {
    if (boot.signal.aborted || !isStatectlError(error) || !ASK_AGAIN.has(error.code)) throw error;
  }
  await files.write(answersPath(step.to), JSON.stringify(answers));
}

const ASK_AGAIN = new Set(['servers-silent', 'server-busy']);

/** Why this server should be asked once more; undefined for one that said what it had to say. */
function worthAsking(answer: BundleAnswer): StatectlError | undefined {
  if ('failure' in answer) return new StatectlError('servers-silent', answer.failure);
  if (answer.retryAfterMs === undefined) return undefined;
  return new ServerBusyError(`${new URL(answer.url).origin} is busy${answer.detail}`, answer.retryAfterMs);
}

async function askOne(
  { known, to, limits }: BundleQuestion,
  url: string,
  at: number,
  { files, http }: Pick<Host, 'files' | 'http'>,
  signal: AbortSignal,
): Promise<BundleAnswer> {
  let status: number;
  let body: Buffer;
  let busyMs: number | undefined;
  try {
    const response = await http.request(url, {
      signal,
      headers: known ? { 'if-none-match': `"${known}"` } : {},
      connectTimeoutMs: limits.connectMs,
      idleTimeoutMs: limits.stallMs,
    });
    ({ status } = response);
    busyMs = retryAfterMs(response);
    body = await readBody(response.body, LARGEST_BUNDLE_BYTES);
  } catch (error) {
    signal.throwIfAborted();
    if (isStatectlError(error) && error.code === 'answer-too-large')
      return { url, status: TOO_LARGE, detail: `: ${error.message}` };
    return { url, failure: reasonOf(error) };
  }
  if (status === 200) await files.write(bundleAnswer(to, at), body, { mode: 0o600 });
  const detail = status === 200 ? '' : detailOf(body);
  return { url, status, detail, ...(busyMs !== undefined && { retryAfterMs: busyMs }) };
}

/** The answer of the server that stands there in the list. */
export const bundleAnswer = (folder: string, at: number): string => `${folder}/${at}.tar.zst`;

/** What was said, in the order of asking. */
export const readBundleAnswers = async (
  { files }: Pick<Host, 'files'>,
  folder: string,
): Promise<readonly BundleAnswer[]> =>
  parseRecords<BundleAnswer>(await files.readText(answersPath(folder)), { url: 'text' });
