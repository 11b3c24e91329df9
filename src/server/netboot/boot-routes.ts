import type { FastifyInstance, FastifyRequest } from 'fastify';
import { KERNEL_ARGUMENT } from '../../config/command-line/kernel-argument.ts';
import type { Config } from '../../config/config.ts';
import { reasonOf, StatectlError } from '../../error.ts';
import type { BootAnswer } from '../../protocol/boot-answer.ts';
import type { MachineIdentity } from '../../protocol/machine-identity.ts';
import { identityOf } from '../../protocol/machine-identity.ts';
import { parseImageReference, writeImageName } from '../images/image-name.ts';
import type { StoredImage } from '../images/image-record.ts';
import { chooseImage, wishOfConfig } from '../images/uses.ts';
import type { ReadMachine } from '../machines/machine-reader.ts';
import type { Store } from '../store/store.ts';
import {
  adviceFor,
  bootScript,
  DEFAULT_KERNEL_ARGUMENTS,
  firstScript,
  foreignScript,
  noImageScript,
} from './ipxe-script.ts';

export interface BootRouteOptions {
  readonly store: Store;
  readonly readMachine: ReadMachine;
  /** `http://host[:port]` for scripts; default: what the request calls this server. */
  readonly publicUrl?: string;
  /** Added to every kernel command line, checked by `parseKernelArguments`. */
  readonly kernelArguments?: string;
  /** What config.d says of a machine before it boots; absent where the server has no config.d. */
  readonly bootSettings?: BootSettings;
}

/** Which image, which kernel arguments, and from which servers. Nothing where config.d has faults for this machine: it boots as an unknown one. */
export type BootSettings = (
  machine: MachineIdentity,
) => Promise<
  | (Pick<Config['boot'], 'image' | 'channel' | 'arguments' | 'kernel' | 'initrd'> & Pick<Config['server'], 'servers'>)
  | undefined
>;

const NO_STORE = { 'cache-control': 'no-store' };

const BLOBS = '/blobs/sha256/';
const blobUrl = (sha256: string): string => BLOBS + sha256;

function baseOf(request: FastifyRequest, publicUrl: string | undefined): string {
  if (publicUrl !== undefined) return publicUrl;
  if (request.headers.host === undefined)
    throw new StatectlError('host-invalid', 'the request has no Host header, so no URL can be made for it');
  return `${request.protocol}://${request.headers.host}`;
}

/** As config.d has them, so that a machine knows the others when this one dies; and this one, which is there. */
const serversFor = (base: string, servers: readonly string[]): readonly string[] => [
  ...new Set([...servers.filter((server) => KERNEL_ARGUMENT.test(server)), base]),
];

/** What the controller needs of an image; all URLs are relative to this server. */
const bootAnswer = (image: StoredImage) => {
  const url = `/v1/images/${image.name}/${image.version}/manifest.json`;
  const { root, kernel } = image.record.files;
  return {
    image: image.name,
    version: image.version,
    manifestUrl: url,
    signatureUrl: `${url}.sig`,
    files: { root: blobUrl(root.sha256), kernel: blobUrl(kernel.sha256) },
    blobs: BLOBS,
    ...(image.record.initramfsNote && { initramfs: image.record.initramfsNote }),
  } satisfies BootAnswer;
};

/** What the machine's kernel command line says: NAME or NAME@VERSION. Throws `request-invalid`. */
function wishOf({ image }: Readonly<Record<string, unknown>>): string | undefined {
  if (image === undefined || image === '') return undefined;
  try {
    if (typeof image !== 'string') throw new StatectlError('request-invalid', 'image is given more than once');
    parseImageReference(image);
    return image;
  } catch (error) {
    throw new StatectlError('request-invalid', reasonOf(error), { cause: error });
  }
}

/** Which image a machine boots: as iPXE scripts, and as JSON for the controller. */
export function bootRoutes(
  app: FastifyInstance,
  { store, readMachine, publicUrl, kernelArguments, bootSettings }: BootRouteOptions,
): void {
  const waitS = () => 6 + Math.floor(store.host.clock.random() * 9);
  const asScript = { ...NO_STORE, 'content-type': 'text/plain; charset=utf-8' };

  app.get('/boot.ipxe', async (_request, reply) => reply.headers(asScript).send(firstScript(waitS())));

  app.get<{ Querystring: Record<string, unknown> }>('/v1/ipxe', async (request, reply) => {
    const base = baseOf(request, publicUrl);
    const machine = readMachine(request.query);
    const said = await bootSettings?.(identityOf(machine));
    reply.headers(asScript);
    if (said?.kernel !== undefined)
      return foreignScript({
        base,
        machine,
        kernelUrl: said.kernel,
        initrdUrls: said.initrd ?? [],
        kernelArguments: said.arguments,
        waitS: waitS(),
      });
    const choice = await chooseImage(store, machine, said && wishOfConfig(said));
    if (choice.kind === 'none') return noImageScript({ base, machine, why: choice.why, waitS: waitS() });
    const { kernel, initramfs } = choice.image.record.files;
    return bootScript({
      base,
      servers: serversFor(base, said?.servers ?? []),
      machine,
      image: writeImageName(choice.image),
      chosenBy: choice.chosenBy,
      kernelUrl: `${base}${blobUrl(kernel.sha256)}`,
      initramfsUrl: `${base}${blobUrl(initramfs.sha256)}`,
      kernelArguments: [kernelArguments ?? DEFAULT_KERNEL_ARGUMENTS, ...(said?.arguments ?? [])].join(' '),
      waitS: waitS(),
    });
  });

  app.get<{ Querystring: Record<string, unknown> }>('/v1/boot', async (request, reply) => {
    const machine = readMachine(request.query);
    const image = wishOf(request.query);
    const said = await bootSettings?.(identityOf(machine));
    const wish = image !== undefined ? ({ image, by: 'the machine' } as const) : said && wishOfConfig(said);
    const choice = await chooseImage(store, machine, wish);
    reply.headers(NO_STORE);
    if (choice.kind === 'image') return bootAnswer(choice.image);
    throw new StatectlError('no-image', `there is no image for this machine: ${choice.why}`, {
      hint: `on the server, type \`${adviceFor(machine)}\``,
    });
  });
}
