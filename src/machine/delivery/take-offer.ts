import { reasonOf, StatectlError } from '../../error.ts';
import { readOffer } from '../../fetch/ask-offer.ts';
import { serversInOrder } from '../../fetch/choose-servers.ts';
import { machineClaims } from '../../fetch/machine-claims.ts';
import type { Host } from '../../host/host.ts';
import type { TaskContext } from '../../host/task-context.ts';
import { copiesOf } from '../cycle/named-copies.ts';
import { bootsLocalRoot } from '../facts/disks.ts';
import type { Facts } from '../facts/facts.ts';
import type { FoundFacts } from '../facts/found-facts.ts';
import { OFFER_ANSWERS } from '../paths.ts';
import type { Step } from '../steps/step.ts';

/** Asks what to boot. With a copy on the disk no server is waited for longer than configured. */
export function planAskOffer(facts: Facts): readonly Step[] {
  if (bootsLocalRoot(facts) || nobodyToAsk(facts)) return [];
  const { server, network, boot } = facts.config;
  // A local root never comes here, so a root that is named is a folder of some web server.
  const { root: folder, image } = boot;
  const query = new URLSearchParams({ ...machineClaims(facts), ...(image && { image }) }).toString();
  const { connectMs, stallMs } = server;
  return [
    {
      kind: 'ask-offer',
      whom: folder ? { folder } : { ...serversInOrder(facts), query },
      trustedKeys: facts.machine.trustedKeys,
      to: OFFER_ANSWERS,
      limits: { connectMs, stallMs, tries: facts.servers.silent && !folder ? 1 : server.tries },
      ...(bootable(facts.root).length > 0 && { seconds: network.waitMs / 1000 }),
    },
  ];
}

/** What there is without a server: what is in the store alone comes to a partition first. */
const bootable = (root: Facts['root']) => [...copiesOf(root), ...(root.staged ?? [])];

/** What was answered, judged. Without an answer of use the copy is booted, and its reason kept. */
export async function takeOffer(host: Host, facts: Facts, boot: TaskContext): Promise<FoundFacts> {
  if (bootsLocalRoot(facts)) return {};
  const { root, machine } = facts;
  const [copy, ...others] = bootable(root);
  try {
    const nobody = nobodyToAsk(facts);
    if (nobody) throw nobody;
    return { root: { offer: await readOffer(host, OFFER_ANSWERS, machine.trustedKeys), offerFailure: undefined } };
  } catch (error) {
    if (boot.signal.aborted || !copy) throw error;
    boot.warn(
      `${reasonOf(error)}; booting ${others.length > 0 ? 'a copy' : `the copy of ${copy.manifest.name} ${copy.manifest.version}`} on this machine`,
    );
    return { root: { offer: undefined, offerFailure: reasonOf(error) } };
  }
}

export const planForgetOffer = (facts: Facts): readonly Step[] =>
  planAskOffer(facts).map(() => ({ kind: 'remove', path: OFFER_ANSWERS }));

/** Why nobody can be asked at all. */
function nobodyToAsk({ config, network: { leases = [] } }: Facts): StatectlError | undefined {
  if (config.server.servers.length === 0 && !config.boot.root)
    return new StatectlError(
      'no-server',
      'no server is known: neither config.d nor the kernel command line names one',
      {
        hint: 'add statectl.server=http://HOST:PORT to the kernel command line, or name one in controller/server/server.info.conf',
      },
    );
  if (leases.length > 0) return undefined;
  return new StatectlError('no-network', 'no interface got an address', {
    hint: 'is the cable plugged in, and does a DHCP server answer? `ip=` on the kernel command line sets an address by hand',
  });
}
