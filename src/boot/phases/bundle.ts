import { reasonOf, StatectlError } from '../../error.ts';
import { askFolder, askServers } from '../../fetch/offer.ts';
import { withDeadline } from '../../host/deadline.ts';
import type { Host } from '../../host/host.ts';
import { retry } from '../../host/retry.ts';
import type { Facts } from '../facts.ts';
import type { BootContext, Phase } from '../phase.ts';
import { bootsLocalRoot } from '../source.ts';

/** What the server wants this machine to boot. With a copy on the disk no server is waited for longer than configured. */
export const bundle: Phase = {
  name: 'bundle',
  rounds: [
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

/** Answers that asking again does not change. */
const FINAL_CODES = new Set(['manifest-unsigned', 'url-invalid']);

async function askUntilAnswered(host: Host, facts: Facts, boot: BootContext) {
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
        tries: server.tries,
        baseMs: 500,
        maxMs: 15_000,
        signal,
        giveUp: (error) => error instanceof StatectlError && FINAL_CODES.has(error.code),
        onRetry: ({ attempt, of, waitMs, error }) =>
          boot.warn(`${reasonOf(error)}; try ${attempt + 1} of ${of} in ${(waitMs / 1000).toFixed(1)} s`),
      },
      () => (folder ? askFolder(host, folder, facts, signal) : askServers(host, facts, { warn: boot.warn, signal })),
    ),
  );
}
