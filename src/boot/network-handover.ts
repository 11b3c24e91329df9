import type { Facts, InstallFacts } from './facts.ts';
import { ifupdownStanzas } from './ifupdown-stanzas.ts';
import { resolvConf } from './network-steps.ts';
import { networkdFiles } from './networkd-files.ts';
import { SYSROOT } from './paths.ts';
import type { Step } from './step.ts';
import { candidates, type WantedInterface, type WantedNetwork, wantedNetwork } from './wanted-network.ts';

/**
 * Gives the interfaces to the system's own network service, so that a lease is renewed without a gap.
 * systemd.network(5): KeepConfiguration keeps our address while networkd asks for the lease again under the same client
 * identifier; interfaces(5) for ifupdown. What nobody uses any more is taken down.
 */
export function planNetworkHandover(facts: Facts, install: InstallFacts, etcIsWritable: boolean): readonly Step[] {
  const all = wantedNetwork(facts);
  const leases = facts.leases ?? [];
  const left = leftDown(all);
  const kept = all.filter(
    (each) => !left.has(each) && (each.declared || leases.some(({ device }) => device === each.device)),
  );
  const steps = [...planLinksDown(facts, left), ...planNetworkd(kept)];
  if (!etcIsWritable) return steps;
  if (install.usesIfupdown && !install.usesNetworkd && kept.length > 0) {
    steps.push({ kind: 'mkdir', path: `${SYSROOT}/etc/network/interfaces.d`, mode: 0o755 });
    for (const each of kept)
      steps.push({
        kind: 'write',
        path: `${SYSROOT}/etc/network/interfaces.d/statectl-${each.device}`,
        content: ifupdownStanzas(each),
      });
  }
  const resolver = resolvConf(kept, leases);
  if (resolver.includes('nameserver ') && install.hasResolvConf !== 'symlink')
    steps.push({ kind: 'write', path: `${SYSROOT}/etc/resolv.conf`, content: resolver });
  const hostname = leases.find((lease) => lease.hostname)?.hostname;
  if (hostname) steps.push({ kind: 'write', path: `${SYSROOT}/etc/hostname`, content: `${hostname}\n` });
  return steps;
}

/** /run moves into the root, so what is written here is there when networkd starts. Without networkd nobody reads it. */
function planNetworkd(kept: WantedNetwork): Step[] {
  if (kept.length === 0) return [];
  const isStacked = kept.some(({ settings }) => settings.kind !== 'physical');
  const files = kept.flatMap((each) =>
    Object.entries(networkdFiles(each, isStacked)).map(
      ([type, content]): Step => ({
        kind: 'write',
        path: `/run/systemd/network/10-statectl-${each.device}.${type}`,
        content,
      }),
    ),
  );
  return [{ kind: 'mkdir', path: '/run/systemd/network', mode: 0o755 }, ...files];
}

/** Interfaces that the system is to begin anew with; not one that another lies over which is kept. */
function leftDown(all: WantedNetwork): ReadonlySet<WantedInterface> {
  const devices = new Set<string>();
  // From the top down.
  const left = all.toReversed().filter(({ device, settings, vlans, master }) => {
    const over = master ? [...vlans, master.device] : vlans;
    const isLeft = settings.handover === 'down' && over.every((other) => devices.has(other));
    if (isLeft) devices.add(device);
    return isLeft;
  });
  return new Set(left);
}

/** Those, and the cards that were only looked at. Where the network was not used nothing is up. */
function planLinksDown(facts: Facts, left: ReadonlySet<WantedInterface>): readonly Step[] {
  if ((facts.leases ?? []).length === 0) return [];
  const used = wantedNetwork(facts).filter(({ early }) => early);
  const unused = candidates(facts).filter(({ name }) => !used.some(({ device }) => device === name));
  const devices = [
    ...[...left].filter(({ early }) => early).map(({ device }) => device),
    ...unused.map(({ name }) => name),
  ];
  return devices.flatMap((device): readonly Step[] => [
    { kind: 'flush', device },
    { kind: 'link-down', device },
  ]);
}
