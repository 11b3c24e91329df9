import { isStatectlError, reasonOf, StatectlError } from '../error.ts';
import type { Host } from '../host/host.ts';
import type { DownloadLimits } from '../host/http/download-limits.ts';
import { readBody } from '../host/http/read-body.ts';
import { retryAfterMs, ServerBusyError } from '../host/http/server-busy.ts';
import { parseRecord } from '../host/record.ts';
import type { TaskContext } from '../host/task-context.ts';
import { BootAnswer } from '../protocol/boot-answer.ts';
import { detailOf } from '../protocol/problem.ts';
import { readAnswer } from '../protocol/read-answer.ts';
import { askAgain } from './ask-again.ts';
import { askAll } from './ask-all.ts';
import type { ServersInOrder } from './choose-servers.ts';
import { chooseOffer, type Offer, type OfferedImage, verifyOffer } from './offer.ts';

/** What is asked: what this machine is to boot. */
export interface OfferQuestion {
  /** Servers, with what the machine says of itself and which image it wants; or a folder of any web server, as `root=` names it. */
  readonly whom: (ServersInOrder & { readonly query: string }) | { readonly folder: string };
  /** PEM public keys: what none of them signed is no answer, and others may have a better one. */
  readonly trustedKeys: readonly string[];
  /** A file for what was said. */
  readonly to: string;
  readonly limits: DownloadLimits;
  /** How long it is asked again; default as often as `limits` says. */
  readonly seconds?: number;
}

/** What was said, as it is kept for the boot to judge: images in the order of choice, or why there is none. */
interface OfferAnswers {
  readonly images: readonly OfferedImage[];
  /** Servers that nobody needed to ask. */
  readonly unasked: readonly string[];
  readonly failure?: {
    readonly message: string;
    /** Of a `StatectlError`. */
    readonly code?: string | undefined;
    readonly hint?: string | undefined;
  };
}

/** Answers that asking again does not change. */
const FINAL_CODES: ReadonlySet<string> = new Set(['manifest-unsigned', 'url-invalid']);

const LONGEST_ANSWER_BYTES = 1 << 20;

/** Where each is asked first, for the sentence and the command. Pure. */
export const offerUrls = ({ whom }: OfferQuestion): readonly string[] =>
  'folder' in whom
    ? [whom.folder].filter(isAddress).map((folder) => new URL('manifest.json', folderOf(folder)).href)
    : [...whom.first, ...whom.last].filter(isAddress).map((server) => bootUrl(server, whom.query));

const isAddress = (text: string): boolean => URL.canParse('/', text);

const folderOf = (url: string): string => (url.endsWith('/') ? url : `${url}/`);
const bootUrl = (server: string, query: string): string => new URL(`/v1/boot?${query}`, server).href;

/**
 * Asks all good servers at once, the others where those fail, again while none answers well, and leaves what they say for the
 * boot to judge: also that nobody said anything, which a machine with a copy survives.
 */
export async function askForOffer(
  step: OfferQuestion,
  { files, http, clock }: Pick<Host, 'files' | 'http' | 'clock'>,
  boot: TaskContext,
): Promise<void> {
  const { whom, trustedKeys, limits, seconds } = step;
  await files.remove(step.to);
  const late = new StatectlError('server-slow', `no server said what to boot within ${seconds} s`, {
    hint: 'see the warnings above; system/network.conf: `wait`',
  });
  const giveUp = (error: unknown) => isStatectlError(error) && FINAL_CODES.has(error.code);
  const ask = async (signal: AbortSignal): Promise<OfferAnswers> => {
    const get = (url: string) => getBytes({ http }, url, limits, signal);
    const good = async (image: Promise<OfferedImage>): Promise<OfferedImage> => {
      verifyOffer(await image, trustedKeys);
      return image;
    };
    if ('folder' in whom) return { images: [await good(askFolder(whom.folder, get))], unasked: [] };
    const { answers, failures, unasked } = await askAll(
      whom,
      (server) => good(askServer(server, whom.query, get)),
      (all) => all.find((reason) => isStatectlError(reason) && reason.code === 'manifest-unsigned'),
    );
    for (const reason of failures) boot.warn(reasonOf(reason));
    return { images: answers, unasked };
  };
  const { tries } = limits;
  const said = await askAgain(clock, { tries, seconds, late, giveUp }, boot, ask).catch((error): OfferAnswers => {
    if (boot.signal.aborted) throw error;
    const { code, hint } = isStatectlError(error) ? error : {};
    return { images: [], unasked: [], failure: { message: reasonOf(error), code, hint } };
  });
  await files.write(step.to, JSON.stringify(said), { mode: 0o600 });
}

/** The offer that was kept there, verified anew. Throws why there is none, as it was when servers were asked. */
export async function readOffer(
  { files }: Pick<Host, 'files'>,
  file: string,
  trustedKeys: readonly string[],
): Promise<Offer> {
  const { images, unasked, failure } = parseRecord<OfferAnswers>(await files.readText(file), {
    images: 'list',
    unasked: 'list',
  });
  const [first, ...others] = images;
  if (first) return chooseOffer([first, ...others], unasked, trustedKeys);
  const { code, message = 'no server said what to boot', hint } = failure ?? {};
  throw code === undefined
    ? new Error(message)
    : new StatectlError(code, message, { ...(hint !== undefined && { hint }) });
}

type Get = (url: string) => Promise<Buffer>;

function refuseNoAddress(server: string): void {
  if (isAddress(server)) return;
  throw new StatectlError('url-invalid', `"${server}" is not the address of a server`, {
    hint: 'write it as http://HOST:PORT',
  });
}

async function askServer(server: string, query: string, get: Get): Promise<OfferedImage> {
  refuseNoAddress(server);
  const answer = readAnswer(server, await get(bootUrl(server, query)), BootAnswer);
  const there = (path: string) => new URL(path, server).href;
  return {
    ...(await signedText(server, there(answer.manifestUrl), there(answer.signatureUrl), get)),
    rootUrl: there(answer.files.root),
    ...(answer.blobs !== undefined && { blobs: there(answer.blobs) }),
    ...(answer.initramfs && { initramfs: answer.initramfs }),
  };
}

async function askFolder(root: string, get: Get): Promise<OfferedImage> {
  refuseNoAddress(root);
  const folder = folderOf(root);
  const there = (name: string) => new URL(name, folder).href;
  return signedText(folder, there('manifest.json'), there('manifest.json.sig'), get);
}

async function signedText(server: string, manifestUrl: string, signatureUrl: string, get: Get): Promise<OfferedImage> {
  const [text, signature] = await Promise.all([get(manifestUrl), get(signatureUrl)]);
  return { server, manifestText: text.toString(), signature: signature.toString('base64') };
}

async function getBytes(
  { http }: Pick<Host, 'http'>,
  url: string,
  { connectMs, stallMs }: DownloadLimits,
  signal: AbortSignal,
): Promise<Buffer> {
  const response = await http.request(url, { signal, connectTimeoutMs: connectMs, idleTimeoutMs: stallMs });
  const body = await readBody(response.body, LONGEST_ANSWER_BYTES).catch((cause: unknown) => {
    if (!isStatectlError(cause) || cause.code !== 'answer-too-large') throw cause;
    throw new StatectlError('http-answer', `${url} sends more than 1 MiB where a short answer is expected`, { cause });
  });
  const busyMs = retryAfterMs(response);
  if (busyMs !== undefined) throw new ServerBusyError(`${url} is busy${detailOf(body)}`, busyMs);
  if (response.status !== 200)
    throw new StatectlError('http-status', `${url} answered ${response.status}${detailOf(body)}`);
  return body;
}
