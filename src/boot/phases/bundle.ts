import { isDeepStrictEqual } from 'node:util';
import { isStatectlError, reasonOf, StatectlError } from '../../error.ts';
import { localCopies } from '../../fetch/local-copy.ts';
import { askFolder, askServers } from '../../fetch/offer.ts';
import { withDeadline } from '../../host/deadline.ts';
import type { Host } from '../../host/host.ts';
import { retry } from '../../host/retry.ts';
import type { TaskContext } from '../../host/task-context.ts';
import { judgeAnswers, planAsk, planKeep, takeKept, takeNew, takeServers } from '../../machine/delivery/take-bundle.ts';
import { blockDevices } from '../../machine/facts/block-devices.ts';
import { bootsLocalRoot, findBlock, userDataDevice } from '../../machine/facts/disks.ts';
import type { Facts } from '../../machine/facts/facts.ts';
import { planEnrolment } from '../../machine/identity/identity.ts';
import { USER_DATA_EARLY } from '../../machine/paths.ts';
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
    { gather: takeKept },
    { gather: takeServers, plan: planAsk },
    { gather: judgeAnswers, plan: planKeep },
    { gather: takeNew, plan: planNewWaits },
    { gather: lookAgain, plan: planEnrolment },
    {
      async gather(host, facts, boot) {
        if (bootsLocalRoot(facts)) return {};
        const { copy } = facts;
        try {
          return { offer: await askUntilAnswered(host, facts, boot), offerFailure: undefined };
        } catch (error) {
          if (boot.signal.aborted || !copy) throw error;
          boot.warn(
            `${reasonOf(error)}; booting the copy of ${copy.manifest.name} ${copy.manifest.version} on this machine`,
          );
          return { offer: undefined, offerFailure: reasonOf(error) };
        }
      },
    },
  ],
};

/** Disks that only the bundle names: for the others the devices phase has waited. */
function planNewWaits(facts: Facts): readonly Step[] {
  const { bundle, baked, blocks = [] } = facts;
  if (!bundle || !baked) return [];
  const waited = planWaits({ ...facts, config: baked }).map(({ reference }) => reference);
  return planWaits(facts).filter(({ reference }) => !waited.includes(reference) && !findBlock(blocks, reference));
}

/** What the phases before looked for by config.d in the initramfs, where the bundle says otherwise. */
async function lookAgain(host: Host, facts: Facts, boot: TaskContext): Promise<Partial<Facts>> {
  const { baked, config } = facts;
  if (!facts.bundle || !baked) return {};
  const isSame = isDeepStrictEqual([baked.fstab, baked.boot.root], [config.fstab, config.boot.root]);
  const blocks = isSame ? facts.blocks : await blockDevices(host);
  if (!isSame) sayMissing({ ...facts, blocks }, boot.warn);
  const needsCopy = bootsLocalRoot({ config: baked }) && !bootsLocalRoot(facts) && userDataDevice(facts);
  return { blocks, ...(needsCopy && (await localCopies(host, USER_DATA_EARLY, facts, boot))) };
}

/** Answers that asking again does not change. */
const FINAL_CODES = new Set(['manifest-unsigned', 'url-invalid']);

async function askUntilAnswered(host: Host, facts: Facts, boot: TaskContext) {
  const { server, network, boot: wanted } = facts.config;
  // A local root never comes here, so a root that is named is a folder of some web server.
  const { root: folder } = wanted;
  if (server.servers.length === 0 && !folder)
    throw new StatectlError('no-server', 'no server is known: neither config.d nor the kernel command line names one', {
      hint: 'add statectl.server=http://HOST:PORT to the kernel command line, or name one in controller/server/server.info.conf',
    });
  if ((facts.leases ?? []).length === 0)
    throw new StatectlError('no-network', 'no interface got an address', {
      hint: 'is the cable plugged in, and does a DHCP server answer? `ip=` on the kernel command line sets an address by hand',
    });
  const late = new StatectlError('server-slow', `no server said what to boot within ${network.waitMs / 1000} s`, {
    hint: 'see the warnings above; system/network.conf: `wait`',
  });
  const limit = { ms: facts.copy ? network.waitMs : Number.POSITIVE_INFINITY, error: late, signal: boot.signal };
  return withDeadline(host.clock, limit, (signal) =>
    retry(
      host.clock,
      {
        tries: facts.serversSilent && !folder ? 1 : server.tries,
        baseMs: 500,
        maxMs: 15_000,
        signal,
        giveUp: (error) => isStatectlError(error) && FINAL_CODES.has(error.code),
        onRetry: ({ attempt, of, waitMs, error }) =>
          boot.warn(`${reasonOf(error)}; try ${attempt + 1} of ${of} in ${(waitMs / 1000).toFixed(1)} s`),
      },
      () => (folder ? askFolder(host, folder, facts, signal) : askServers(host, facts, { warn: boot.warn, signal })),
    ),
  );
}
