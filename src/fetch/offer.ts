import { createHash } from 'node:crypto';
import { kernelCommandLine } from '../config/command-line/kernel-cmdline.ts';
import { isStatectlError, reasonOf, StatectlError } from '../error.ts';
import type { Host } from '../host/host.ts';
import { readBody } from '../host/http/read-body.ts';
import { retryAfterMs, ServerBusyError } from '../host/http/server-busy.ts';
import { BootAnswer } from '../protocol/boot-answer.ts';
import { type Claims, type ReadClaims, readClaims } from '../protocol/claims.ts';
import { isLabel } from '../protocol/labels.ts';
import { cardMac } from '../protocol/mac-address.ts';
import { detailOf } from '../protocol/problem.ts';
import { readAnswer } from '../protocol/read-answer.ts';
import { type Manifest, manifestIsSigned, parseManifest } from '../signed/image-manifest.ts';
import { askAll } from './ask-all.ts';
import type { AskingMachine } from './asking-machine.ts';
import { serversInOrder } from './choose-servers.ts';

const LONGEST_ANSWER_BYTES = 1 << 20;

/**
 * Asks all good servers at once, the others where those fail. The first in the order of choice that answered well is
 * taken, the others stay as further sources of the same bytes. When none did, throws what is worth waiting for, a busy
 * server, or else what the first one said.
 */
export async function askServers(
  host: Pick<Host, 'http'>,
  facts: AskingMachine,
  { warn, signal }: { warn: (text: string) => void; signal: AbortSignal },
): Promise<Offer> {
  const isUnsigned = (reason: unknown) => isStatectlError(reason) && reason.code === 'manifest-unsigned';
  const { answers, failures, unasked } = await askAll(
    serversInOrder(facts),
    (server) => askServer(host, server, facts, signal),
    (all) => all.find(isUnsigned),
  );
  const [first] = answers;
  for (const reason of failures) warn(reasonOf(reason));
  const same = answers.filter(({ manifestSha256 }) => manifestSha256 === first.manifestSha256);
  const rootUrls = same.flatMap((offer) => offer.rootUrls);
  return { ...first, rootUrls: [...new Set([...rootUrls, ...unasked.flatMap((url) => rootUrlThere(first, url))])] };
}

/** Where another server has the same bytes, if it has them: blobs are named by their content. */
function rootUrlThere({ server, rootUrls: [rootUrl = ''] }: Offer, other: string): readonly string[] {
  if (!URL.canParse('/', other) || new URL(rootUrl).origin !== new URL(server).origin) return [];
  return [new URL(new URL(rootUrl).pathname, other).href];
}

async function askServer(
  host: Pick<Host, 'http'>,
  server: string,
  facts: AskingMachine,
  signal: AbortSignal,
): Promise<Offer> {
  if (!URL.canParse('/', server))
    throw new StatectlError('url-invalid', `"${server}" is not the address of a server`, {
      hint: 'write it as http://HOST:PORT',
    });
  const { image } = facts.config.boot;
  const query = new URLSearchParams({ ...machineClaims(facts), ...(image && { image }) });
  const get = (path: string) => getBytes(host, new URL(path, server).href, facts, signal);
  const answer = readAnswer(server, await get(`/v1/boot?${query}`), BootAnswer);
  const [text, signature] = await Promise.all([get(answer.manifestUrl), get(answer.signatureUrl)]);
  return offerOf(server, text, signature, facts, () => new URL(answer.files.root, server).href);
}

/** What this machine says of itself, as a server knows machines. */
export const machineClaims = (facts: AskingMachine): Claims => claimsOf(facts).claims;

/** What firmware, a DHCP server or a kernel command line says of this machine and nobody can read. It chooses nothing. */
export const oddClaims = (facts: AskingMachine): readonly string[] => claimsOf(facts).odd;

function claimsOf(facts: AskingMachine): ReadClaims {
  const { uuid, serial, arch } = facts.machine;
  const mac = bootMac(facts);
  return readClaims({
    mac,
    uuid,
    serial,
    hostname: facts.leases?.find((lease) => lease.hostname)?.hostname,
    arch,
    // What is none was told when the command line was read.
    labels: kernelCommandLine(facts.commandLine)
      .all('statectl.label')
      .flatMap(({ value = '' }) => value.split(',').filter(isLabel))
      .join(','),
    macs: otherMacs(facts, mac),
  });
}

/** Of its other wired cards: an admin may know the machine by any of them. */
const otherMacs = ({ interfaces = [] }: AskingMachine, mac: string | undefined): string =>
  interfaces
    .filter((card) => !card.wireless && !card.random && card.mac !== mac)
    .map((card) => card.mac)
    // InfiniBand's have 20 bytes, tunnels' are nothing: no machine is known by them.
    .filter((text) => cardMac(text) !== undefined)
    .join(',');

/** The MAC of the interface that the machine boots from: by it the server knows the machine. */
function bootMac({ interfaces, leases }: AskingMachine): string | undefined {
  const [first] = leases ?? [];
  const device = first?.card ?? first?.device;
  return interfaces?.find(({ name }) => name === device)?.mac;
}

/** An image in a folder of any web server, as `root=http://…/DIR` names it: the manifest, its signature, the root. */
export async function askFolder(
  host: Pick<Host, 'http'>,
  root: string,
  facts: AskingMachine,
  signal: AbortSignal,
): Promise<Offer> {
  const folder = root.endsWith('/') ? root : `${root}/`;
  const get = (name: string) => getBytes(host, new URL(name, folder).href, facts, signal);
  const [text, signature] = await Promise.all([get('manifest.json'), get('manifest.json.sig')]);
  return offerOf(folder, text, signature, facts, ({ root: { file } }) => new URL(file, folder).href);
}

function offerOf(
  server: string,
  text: Buffer,
  signature: Buffer,
  { machine }: AskingMachine,
  rootUrl: (manifest: Manifest) => string,
): Offer {
  const manifestText = text.toString();
  if (!manifestIsSigned(manifestText, signature, machine.trustedKeys))
    throw new StatectlError(
      'manifest-unsigned',
      `${server} offers an image that none of the ${machine.trustedKeys.length} trusted keys signed`,
      {
        hint: 'build the initramfs with the public key that signs the images (--keys), or sign the image with the key it trusts',
      },
    );
  const manifest = parseManifest(manifestText);
  return {
    server,
    manifest,
    manifestText,
    signature: signature.toString('base64'),
    manifestSha256: createHash('sha256').update(manifestText).digest('hex'),
    rootUrls: [rootUrl(manifest)],
  };
}

async function getBytes(
  { http }: Pick<Host, 'http'>,
  url: string,
  { config }: AskingMachine,
  signal: AbortSignal,
): Promise<Buffer> {
  const response = await http.request(url, {
    signal,
    connectTimeoutMs: config.server.connectMs,
    idleTimeoutMs: config.server.stallMs,
  });
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

/** What a server offers to boot; the signature was checked against a baked-in key. */
export interface Offer {
  readonly server: string;
  readonly manifest: Manifest;
  /** The very bytes that were signed, and the signature in base64, to keep beside a copy. */
  readonly manifestText: string;
  readonly signature: string;
  readonly manifestSha256: string;
  /** The root image's URLs, best first. */
  readonly rootUrls: readonly string[];
}
