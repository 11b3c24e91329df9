import { isDeepStrictEqual } from 'node:util';
import { oddClaims } from '../../fetch/machine-claims.ts';
import type { Host } from '../../host/host.ts';
import type { TaskContext } from '../../host/task-context.ts';
import { copiesHere } from '../../machine/cycle/slot-places.ts';
import { ASK_BUNDLE, KEEP_BUNDLE, takeKept, takeNew } from '../../machine/delivery/take-bundle.ts';
import { planAskOffer, planForgetOffer, takeOffer } from '../../machine/delivery/take-offer.ts';
import { NO_SERVERS, planMeasure, takeServers } from '../../machine/delivery/take-servers.ts';
import { withoutUnfinished } from '../../machine/disks/drive-rounds.ts';
import { blockDevices } from '../../machine/facts/block-devices.ts';
import { bootsLocalRoot, findBlock, userDataDevice } from '../../machine/facts/disks.ts';
import type { Facts } from '../../machine/facts/facts.ts';
import { type FoundFacts, withFound } from '../../machine/facts/found-facts.ts';
import { planEnrolment } from '../../machine/identity/identity.ts';
import type { Step } from '../../machine/steps/step.ts';
import type { Phase } from '../phase.ts';
import { planWaits, sayMissing } from './devices.ts';

/**
 * What this machine is to be: the newest verified bundle, or else config.d in the initramfs. Then what it is to boot. With a
 * copy on the disk no server is waited for longer than configured.
 */
export const bundle: Phase = {
  name: 'bundle',
  rounds: [
    {
      gather: async (host, facts, boot) => ({ ...NO_SERVERS, ...(await takeKept(host, facts, boot)) }),
      plan: planMeasure,
    },
    {
      gather: async (host, facts, boot) => {
        for (const odd of oddClaims(facts)) boot.warn(`this machine says: ${odd}`);
        return takeServers(host, facts, boot);
      },
      ...ASK_BUNDLE,
    },
    KEEP_BUNDLE,
    { gather: takeNew, plan: (facts) => [...planMeasure(facts), ...planNewWaits(facts)] },
    {
      gather: async (host, facts, boot) => ({
        ...(await takeServers(host, facts, boot)),
        ...(await lookAgain(host, facts, boot)),
      }),
      plan: planEnrolment,
    },
    { plan: planAskOffer },
    { gather: takeOffer, plan: planForgetOffer },
  ],
};

/** Disks that only the bundle names: for the others the devices phase has waited. */
function planNewWaits(facts: Facts): readonly Step[] {
  const {
    bundle: { inForce: bundle },
    baked,
    root: { blocks = [] },
  } = facts;
  if (!bundle || !baked) return [];
  const waited = planWaits({ ...facts, config: baked }).map(({ reference }) => reference);
  return planWaits(facts).filter(({ reference }) => !waited.includes(reference) && !findBlock(blocks, reference));
}

const NOT_OF_BUNDLE =
  'of the bundle and of the initramfs differ: disks come before the network, so a boot goes by the one in the initramfs; build that anew with `statectl initramfs build --node`';

/** What the phases before looked for by config.d in the initramfs, where the bundle says otherwise. */
async function lookAgain(host: Host, facts: Facts, boot: TaskContext): Promise<FoundFacts> {
  const { baked, config } = facts;
  if (!facts.bundle.inForce || !baked) return {};
  const about = (known: Facts['config']) => [known.fstab, known.boot.root, known.update.slots];
  const isSame = isDeepStrictEqual(about(baked), about(config));
  const blocks = isSame ? facts.root.blocks : withoutUnfinished(await blockDevices(host), facts.root.drives);
  // Texts: what is undefined in the one is not there in the other.
  const later = (['drives', 'btrfs'] as const).filter(
    (part) => JSON.stringify(baked[part]) !== JSON.stringify(config[part]),
  );
  if (later.length > 0) boot.warn(`${later.map((part) => `${part}.conf`).join(' and ')} ${NOT_OF_BUNDLE}`);
  if (!isSame) sayMissing(withFound(facts, { root: { blocks } }), boot.warn);
  const isOther = bootsLocalRoot({ config: baked }) || !isDeepStrictEqual(baked.update.slots, config.update.slots);
  const needsCopy = isOther && !bootsLocalRoot(facts) && userDataDevice(facts);
  const looked = withFound(facts, { root: { blocks } });
  return { root: { blocks, ...(needsCopy && (await copiesHere(host, looked, boot))) } };
}
