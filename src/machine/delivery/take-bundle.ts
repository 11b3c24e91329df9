import { reasonOf } from '../../error.ts';
import { chooseBundle } from '../../fetch/choose-bundle.ts';
import { serversInOrder } from '../../fetch/choose-servers.ts';
import type { BundleFacts } from '../../fetch/kept-bundle.ts';
import { bundleFolder, readKeptBundle } from '../../fetch/kept-bundle.ts';
import { machineClaims } from '../../fetch/machine-claims.ts';
import type { Host } from '../../host/host.ts';
import type { TaskContext } from '../../host/task-context.ts';
import { compareBundles, writeNumber } from '../../signed/bundle/order.ts';
import type { Bundle } from '../../signed/bundle/verify.ts';
import { bootsLocalRoot, userDataDevice } from '../facts/disks.ts';
import type { Facts } from '../facts/facts.ts';
import { type FoundFacts, withFound } from '../facts/found-facts.ts';
import { BUNDLE_ANSWERS, RAM_BUNDLES } from '../paths.ts';
import type { Round } from '../sequence.ts';
import type { Step } from '../steps/step.ts';
import { bundleSettings, configInForce } from './bundle-config.ts';
import { chosenAnew } from './take-servers.ts';
import { withSettings } from './with-settings.ts';

/** Where a machine with a disk keeps them. */
export const BUNDLES = '/user-data/persistent/statectl/bundle';

/** What a bundle in force says. */
interface TakenBundle {
  readonly bundle: { readonly inForce: BundleFacts };
  readonly config: Facts['config'];
  readonly machine: Facts['machine'];
}

/** Where bundles are kept, the best first. Without a disk a second try of the same boot still finds it. */
const homes = (facts: Facts): readonly string[] => (userDataDevice(facts) ? [BUNDLES, RAM_BUNDLES] : [RAM_BUNDLES]);

/** The bundle that this machine kept, in force from now on. One that is damaged is told and left alone. */
export async function takeKept(host: Host, facts: Facts, boot: TaskContext): Promise<Partial<TakenBundle>> {
  for (const home of homes(facts))
    try {
      const bundle = await readKeptBundle(host, home, facts.machine.trustedKeys);
      if (bundle) return await inForce(bundle, home, facts, boot, { origin: 'cached' });
    } catch (error) {
      boot.warn(`the bundle that is kept in ${home} is not used: ${reasonOf(error)}`);
    }
  return {};
}

/** The newest of what this machine keeps: what came when the disk could not be written is in RAM. */
export async function takeNewest(host: Host, facts: Facts, boot: TaskContext): Promise<Partial<TakenBundle>> {
  let newest: Partial<TakenBundle> = {};
  for (const home of homes(facts)) {
    const bundle = await readKeptBundle(host, home, facts.machine.trustedKeys).catch(() => undefined);
    const taken = bundle && (await inForce(bundle, home, facts, boot, { origin: 'cached' }));
    const [found, best] = [taken?.bundle.inForce, newest.bundle?.inForce];
    if (taken && found && (!best || compareBundles(found, best) > 0)) newest = taken;
  }
  return newest;
}

/** However long the servers were measured. */
const LEAST_ASKING_MS = 1_000;

/** With something to boot from, no server is waited for longer than configured. */
function planAsk(facts: Facts): readonly Step[] {
  const { connectMs, stallMs, tries } = facts.config.server;
  const query = new URLSearchParams({ ...machineClaims(facts) });
  const { first, last } = serversInOrder(facts);
  const [urls, lastUrls] = [first, last].map((servers) =>
    servers.filter((url) => URL.canParse('/', url)).map((url) => new URL(`/v1/bundle?${query}`, url).href),
  ) as [string[], string[]];
  if (urls.length + lastUrls.length === 0 || (facts.network.leases ?? []).length === 0) return [];
  const seconds = Math.max(LEAST_ASKING_MS, facts.config.network.waitMs - (facts.servers.probeMs ?? 0)) / 1000;
  return [
    {
      kind: 'ask-bundle',
      urls,
      ...(lastUrls.length > 0 && { lastUrls }),
      ...(facts.bundle.inForce && { known: facts.bundle.inForce.contentDigest }),
      to: BUNDLE_ANSWERS,
      limits: { connectMs, stallMs, tries },
      ...((facts.root.copy || bootsLocalRoot(facts)) && { seconds }),
    },
  ];
}

async function judgeAnswers(host: Host, facts: Facts, boot: TaskContext): Promise<FoundFacts> {
  if (planAsk(facts).length === 0) return { bundle: { newer: undefined }, servers: { silent: undefined } };
  const judged = await chooseBundle(host, BUNDLE_ANSWERS, facts, boot, bundleSettings);
  // Without a word on it, what is in force stays.
  const inForce = 'bundle' in judged && { inForce: judged.bundle };
  return { bundle: { newer: judged.newBundle, ...inForce }, servers: { silent: judged.serversSilent } };
}

function planKeep(facts: Facts): readonly Step[] {
  if (planAsk(facts).length === 0) return [];
  const {
    bundle: { newer: newBundle },
  } = facts;
  const forget: Step = { kind: 'remove', path: BUNDLE_ANSWERS };
  if (!newBundle) return [forget];
  const { archive, sha256, digest } = newBundle;
  return [{ kind: 'keep-bundle', archive, sha256, digest, homes: homes(facts) }, forget];
}

/** What a boot asks of all its servers the agent asks of one; then a bundle that is newer and verified is kept. */
export const ASK_BUNDLE = { plan: planAsk } satisfies Round;
export const KEEP_BUNDLE = { gather: judgeAnswers, plan: planKeep } satisfies Round;

/** The new bundle from where it was kept, verified once more: what is in force is what lies there. */
export async function takeNew(host: Host, facts: Facts, boot: TaskContext): Promise<FoundFacts> {
  const {
    bundle: { newer: newBundle, inForce: old },
    machine,
  } = facts;
  if (newBundle)
    for (const home of homes(facts)) {
      const bundle = await readKeptBundle(host, home, machine.trustedKeys).catch(() => undefined);
      if (bundle?.digest !== newBundle.digest) continue;
      boot.say(`bundle ${writeNumber(bundle.manifest)} of ${bundle.manifest.node ?? 'any machine'}`);
      const taken = await inForce(bundle, home, facts, boot, { origin: 'fetched', server: newBundle.server });
      return { ...taken, ...chosenAnew(facts, withFound(facts, taken)) };
    }
  if (old) boot.say(`bundle ${writeNumber(old)} of ${old.node ?? 'any machine'}, ${old.server ? 'current' : 'kept'}`);
  return {};
}

async function inForce(
  bundle: Bundle,
  home: string,
  facts: Facts,
  boot: TaskContext,
  from: Pick<BundleFacts, 'origin' | 'server'>,
): Promise<TakenBundle> {
  const { node, epoch, sequence, contentDigest, configDigest } = bundle.manifest;
  const baked = facts.baked ?? facts.config;
  return {
    bundle: {
      inForce: {
        ...from,
        dir: bundleFolder(home, bundle.digest),
        digest: bundle.digest,
        contentDigest,
        ...(node !== undefined && { node }),
        notBeforeMs: bundle.notBeforeMs,
        epoch,
        sequence,
      },
    },
    config: configInForce(
      await withSettings(await bundleSettings(bundle), facts.commandLine, boot),
      baked,
      facts.commandLine,
    ),
    machine: { ...facts.machine, configDigest, configOrigin: from.origin },
  };
}
