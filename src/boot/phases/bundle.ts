import { reasonOf, StatectlError } from '../../error.ts';
import { retry } from '../../host/retry.ts';
import { askServers } from '../../fetch/offer.ts';
import type { Host } from '../../host/host.ts';
import { localCopy } from '../../fetch/local-copy.ts';
import { bootsLocalRoot } from '../source.ts';
import type { Facts } from '../facts.ts';
import { USER_DATA_EARLY } from '../paths.ts';
import type { BootContext, Phase } from '../phase.ts';
import { userDataDevice } from './devices.ts';

/** What the server wants this machine to boot. With a copy on the disk no server is waited for longer than configured. */
export const bundle: Phase = {
  name: 'bundle',
  rounds: [
    {
      async gather(host, facts, boot) {
        if (bootsLocalRoot(facts)) return {};
        const copy = userDataDevice(facts) ? await localCopy(host, USER_DATA_EARLY, facts, boot) : undefined;
        const known = { ...facts, copy };
        try {
          return { copy, offer: await askUntilAnswered(host, known, boot) };
        } catch (error) {
          if (boot.signal.aborted || !copy) throw error;
          boot.warn(`${reasonOf(error)}; booting the copy of ${copy.manifest.name} ${copy.manifest.version} on this machine`);
          return { copy, offerFailure: reasonOf(error) };
        }
      },
    },
  ],
};

async function askUntilAnswered(host: Host, facts: Facts, boot: BootContext) {
  const { server, network } = facts.config;
  if (server.servers.length === 0)
    throw new StatectlError('no-server', 'no server is known: neither config.d nor the kernel command line names one', {
      hint: 'add statectl.server=http://HOST:PORT to the kernel command line, or name one in controller/server/server.info.conf',
    });
  if ((facts.leases ?? []).length === 0)
    throw new StatectlError('no-network', 'no interface got an address', {
      hint: 'is the cable plugged in, and does a DHCP server answer? `ip=` on the kernel command line sets an address by hand',
    });
  const deadline = facts.copy ? host.clock.uptimeMs() + network.waitMs : Number.POSITIVE_INFINITY;
  return retry(
    host.clock,
    {
      tries: server.tries,
      baseMs: 500,
      maxMs: 15_000,
      signal: boot.signal,
      giveUp: (error) => host.clock.uptimeMs() >= deadline || (error instanceof StatectlError && error.code === 'manifest-unsigned'),
      onRetry: ({ attempt, of, waitMs, error }) => boot.warn(`${reasonOf(error)}; try ${attempt + 1} of ${of} in ${(waitMs / 1000).toFixed(1)} s`),
    },
    () => askServers(host, facts, boot),
  );
}
