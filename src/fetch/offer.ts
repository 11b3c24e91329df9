import { createHash } from 'node:crypto';
import type { Facts, Offer } from '../boot/facts.ts';
import { reasonOf, StatectlError } from '../error.ts';
import type { Host } from '../host/host.ts';
import { manifestIsSigned, parseManifest } from '../image/manifest.ts';

const LONGEST_ANSWER_BYTES = 1 << 20;

/** What `GET /v1/boot` says: where the manifest of this machine's image and its files are. */
interface BootAnswer {
  readonly manifestUrl: string;
  readonly signatureUrl: string;
  readonly files: { readonly root: string };
}

/**
 * Asks all servers at once; the first in the configured order that answered well is taken, the others stay as further
 * sources of the same bytes. Throws what the last one said when none did.
 */
export async function askServers(host: Pick<Host, 'http'>, facts: Facts, { warn, signal }: { warn: (text: string) => void; signal: AbortSignal }): Promise<Offer> {
  const { servers } = facts.config.server;
  const answers = await Promise.allSettled(servers.map((server) => askServer(host, server, facts, signal)));
  const offers = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []));
  const [first] = offers;
  const failures = answers.flatMap((answer) => (answer.status === 'rejected' ? [answer.reason] : []));
  if (!first) throw failures.find((reason) => reason instanceof StatectlError && reason.code === 'manifest-unsigned') ?? failures[0];
  for (const reason of failures) warn(reasonOf(reason));
  const same = offers.filter(({ manifestSha256 }) => manifestSha256 === first.manifestSha256);
  return { ...first, rootUrls: same.flatMap(({ rootUrls }) => rootUrls) };
}

async function askServer(host: Pick<Host, 'http'>, server: string, facts: Facts, signal: AbortSignal): Promise<Offer> {
  const { machine, config } = facts;
  const query = new URLSearchParams();
  for (const { mac } of facts.interfaces ?? []) query.append('mac', mac);
  if (machine.uuid) query.set('uuid', machine.uuid);
  if (machine.serial) query.set('serial', machine.serial);
  query.set('arch', machine.arch);
  if (config.boot.image) query.set('image', config.boot.image);
  const get = (path: string) => getBytes(host, new URL(path, server).href, facts, signal);
  const answer = JSON.parse((await get(`/v1/boot?${query}`)).toString()) as BootAnswer;
  const [text, signature] = await Promise.all([get(answer.manifestUrl), get(answer.signatureUrl)]);
  const manifestText = text.toString();
  if (!manifestIsSigned(manifestText, signature, machine.trustedKeys))
    throw new StatectlError('manifest-unsigned', `${server} offers an image that none of the ${machine.trustedKeys.length} trusted keys signed`, {
      hint: 'build the initramfs with the public key that signs the images (--keys), or sign the image with the key it trusts',
    });
  const manifest = parseManifest(manifestText);
  return {
    server,
    manifest,
    manifestText,
    signature: signature.toString('base64'),
    manifestSha256: createHash('sha256').update(manifestText).digest('hex'),
    rootUrls: [new URL(answer.files.root, server).href],
  };
}

async function getBytes({ http }: Pick<Host, 'http'>, url: string, { config }: Facts, signal: AbortSignal): Promise<Buffer> {
  const response = await http.request(url, { signal, connectTimeoutMs: config.server.connectMs, idleTimeoutMs: config.server.stallMs });
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body) {
    size += chunk.length;
    if (size > LONGEST_ANSWER_BYTES) throw new StatectlError('http-answer', `${url} sends more than 1 MiB where a short answer is expected`);
    chunks.push(chunk);
  }
  const body = Buffer.concat(chunks);
  if (response.status !== 200) throw new StatectlError('http-status', `${url} answered ${response.status}${detailOf(body)}`);
  return body;
}

/** The sentence of a problem+json, where there is one. */
function detailOf(body: Buffer): string {
  try {
    const { detail, title } = JSON.parse(body.toString()) as { detail?: string; title?: string };
    return `: ${detail ?? title ?? ''}`;
  } catch {
    return '';
  }
}
