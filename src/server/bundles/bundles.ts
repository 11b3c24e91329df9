import { isStatectlError, StatectlError } from '../../error.ts';
import type { Claims } from '../../protocol/claims.ts';
import { identityOf } from '../../protocol/machine-identity.ts';
import type { NodeContent, RenderNode } from '../../signed/bundle/content.ts';
import { type BundleDraft, type BundleSigner, draftBundle, sealBundle } from '../../signed/bundle/make.ts';
import { machineQuery } from '../machine.ts';
import type { Store } from '../store/store.ts';
import { openBundleCache } from './bundle-cache.ts';
import { bundleEpoch, nextSequence } from './bundle-number.ts';

export interface ServedBundle {
  readonly archive: Buffer;
  readonly contentDigest: string;
}

export interface Bundles {
  /**
   * The bundle of a machine; `known` is the content that it has: then there is nothing to send. Throws `node-faulty` when
   * config.d has faults that concern this machine.
   */
  bundleFor(machine: Claims, known?: (contentDigest: string) => boolean): Promise<ServedBundle | 'known'>;
  /** The same without making it. */
  contentDigest(machine: Claims): Promise<string>;
  /** The nodes whose machines were told what they are to be since this was asked last. */
  takeAsked(): ReadonlySet<string>;
}

export interface BundlesOptions {
  readonly store: Store;
  readonly renderNode: RenderNode;
  readonly signer: BundleSigner;
  /** Of all bundles that are kept, default 512 MiB. */
  readonly cacheBytes?: number;
}

type Told = Pick<NodeContent, 'node'> | BundleDraft['content'];

/** Makes, numbers and keeps the bundles of machines. However many ask for one at once, it is rendered and made once. */
export async function openBundles({
  store,
  renderNode,
  signer,
  cacheBytes = 512 << 20,
}: BundlesOptions): Promise<Bundles> {
  const cache = await openBundleCache(store, cacheBytes);
  const drafts = singleFlight<BundleDraft>();
  const archives = singleFlight<Buffer>();
  let asked = new Set<string>();
  const noteAsked = ({ node }: Told): void => {
    if (node !== undefined) asked.add(node);
  };
  /** One number at a time. */
  let numbering: Promise<unknown> = Promise.resolve();

  const number = (): Promise<number> => {
    const next = numbering.then(() => nextSequence(store));
    numbering = next.catch(() => undefined);
    return next;
  };

  const draft = async (machine: Claims, note = (_content: Told): void => {}) => {
    const [content, epoch] = await Promise.all([
      // At the moment from which on config.d may say something else.
      renderNode(identityOf(machine)).then((rendered) => {
        note(rendered);
        return rendered;
      }),
      bundleEpoch(store),
    ]);
    return draftBundle(content, machine, { keyId: signer.keyId, epoch });
  };

  const seal = async (name: string, drafted: BundleDraft): Promise<Buffer> => {
    const kept = await cache.get(name, drafted.contentDigest);
    if (kept) return kept;
    const archive = sealBundle(drafted, { sequence: await number(), madeMs: store.host.clock.now() }, signer);
    await cache.put(name, drafted.contentDigest, archive);
    return archive;
  };

  return {
    contentDigest: async (machine) =>
      (await drafts(machineQuery(machine), () => draft(machine).catch(nodeFaulty))).contentDigest,
    async bundleFor(machine, known) {
      const name = machineQuery(machine);
      const drafted = await drafts(name, () => draft(machine, noteAsked).catch(nodeFaulty));
      const { contentDigest, content } = drafted;
      noteAsked(content);
      if (known?.(contentDigest)) return 'known';
      const seals = () => seal(name, drafted).catch(nodeFaulty);
      return { archive: await archives(`${name} ${contentDigest}`, seals), contentDigest };
    },
    takeAsked() {
      const taken = asked;
      asked = new Set();
      return taken;
    },
  };
}

/** What an admin can correct, and only for this machine. Everything else is the server's own failure. */
const NODE_CODES = ['config-invalid', 'template-invalid', 'node-ambiguous', 'bundle-invalid', 'bundle-too-large'];

function nodeFaulty(error: unknown): never {
  if (!isStatectlError(error) || !NODE_CODES.includes(error.code)) throw error;
  throw new StatectlError('node-faulty', `config.d has faults for this machine:\n${error.message}`, {
    cause: error,
    hint: error.hint,
  });
}

/** Who asks for what is being made already waits for that. */
function singleFlight<T>(): (key: string, make: () => Promise<T>) => Promise<T> {
  const flights = new Map<string, Promise<T>>();
  return (key, make) => {
    const flight = flights.get(key) ?? make().finally(() => flights.delete(key));
    flights.set(key, flight);
    return flight;
  };
}
