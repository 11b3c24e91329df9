import { networkWishes } from '../../config/command-line/network-arguments.ts';
import type { Facts } from '../facts/facts.ts';
import type { Lease } from '../facts/network-facts.ts';
import type { InstallFacts } from '../facts/system-facts.ts';
import { NETWORKD } from '../paths.ts';
import type { Step, StepOf } from '../steps/step.ts';
import { planCan } from './can-handover.ts';
import { ifupdownStanzas } from './ifupdown-stanzas.ts';
import { resolvConf } from './network-steps.ts';
import { networkdFiles, unmanagedNetwork, WIRED_NETWORK } from './networkd-files.ts';
import { planResolverService } from './resolver-service.ts';
import { systemNetwork } from './system-network.ts';
import { candidates, type WantedInterface, type WantedNetwork } from './wanted-network.ts';

/** After what people and the distribution say of single cards. */
const WIRED = '90-statectl-wired';
const WAIT_ONLINE = '/run/systemd/system/systemd-networkd-wait-online.service.d';
const INTERFACES = '/etc/network/interfaces';
const HOOKS = '/etc/dhcp/dhclient-exit-hooks.d';

/** dhclient-script(8) sets a route when an address comes, and none when its lease has another router later. */
const ROUTERS_HOOK = `# Made by statectl at boot: another router takes the place of the one before.
case $reason in
RENEW | REBIND)
	if [ "$new_routers" != "$old_routers" ] && [ -z "$new_rfc3442_classless_static_routes" ]; then
		for router in $old_routers; do ip -4 route del default via "$router" dev "$interface" 2>/dev/null; done
		[ -z "$new_routers" ] || ip -4 route replace default via "\${new_routers%% *}" dev "$interface"
	fi
	;;
esac
`;

/**
 * Gives the interfaces to the system's own network service. networkd takes over what is set up, since each route is as it
 * would set it itself, so that a lease is renewed without a gap and replaced by another. Every other service begins anew: what
 * the boot set would stand beside what it sets, for good. What nobody uses any more is taken down.
 */
export function planNetworkHandover(facts: Facts, install: InstallFacts, etcIsWritable: boolean): readonly Step[] {
  const { said, spare, off } = systemNetwork(facts);
  const leases = facts.network.leases ?? [];
  const left = leftDown(said);
  const kept = said.filter((each) => !left.has(each));
  const steps = [...planLinksDown(facts, said, left), ...planAddresses(kept, leases, install)];
  const files: Step[] = [
    ...kept.flatMap((each) => networkdFilesOf(each, facts)),
    ...(spare
      ? [
          networkFile(WIRED, WIRED_NETWORK),
          ...off.map((card) => networkFile(`10-statectl-${card.name}`, unmanagedNetwork(card))),
        ]
      : []),
  ];
  // ifupdown knows no "every card". What the image says of its cards is the admin's.
  const begun = install.ifupdown?.hasCards ? kept : [...kept, ...(spare ?? [])];
  const usesIfupdown = install.usesIfupdown && !install.usesNetworkd && begun.length > 0;
  // Its stanzas name the card as the boot does, so udev must leave that name.
  if (usesIfupdown && begun !== kept)
    files.push(
      ...(spare ?? []).flatMap((each) => networkdFilesOf(each, facts).filter(({ path }) => path.endsWith('.link'))),
    );
  // /run moves into the root, so what is written here is there when networkd starts. Without networkd nobody reads it.
  if (files.length > 0) steps.push({ kind: 'mkdir', path: NETWORKD, mode: 0o755 }, ...files);
  if (spare && spare.length > 1) steps.push(...planAnyOnline());
  steps.push(...planCan(facts, install));
  if (!etcIsWritable) return steps;
  if (usesIfupdown) steps.push(...planIfupdown(begun, install));
  const ownsResolver = install.hasResolvConf !== 'symlink';
  const resolver = resolvConf(kept, leases);
  if (resolver.includes('nameserver ') && ownsResolver)
    steps.push({ kind: 'write', path: '/etc/resolv.conf', content: resolver });
  if (install.usesNetworkd && ownsResolver && files.length > 0) steps.push(...planResolverService());
  const hostname = leases.find((lease) => lease.hostname)?.hostname;
  if (hostname) steps.push({ kind: 'write', path: '/etc/hostname', content: `${hostname}\n` });
  return steps;
}

const networkFile = (name: string, content: string): Step => ({
  kind: 'write',
  path: `${NETWORKD}/${name}.network`,
  content,
});

/**
 * Files are read in the order of their names, and the first that fits counts. One that only asks DHCP because nobody said otherwise comes after
 * what the image says of it: systemd.network(5) leaves 70 to what the boot makes up, and lower numbers to people. The name and
 * MAC of what is in use stay in any case.
 */
function networkdFilesOf(wanted: WantedInterface, { config, commandLine }: Facts): readonly StepOf<'write'>[] {
  const { peerDns } = networkWishes(config.network, commandLine);
  return Object.entries(networkdFiles(wanted, peerDns)).map(([type, content]) => {
    const isMadeUp = !wanted.declared && wanted.settings.addresses.length === 0;
    const order = type === 'network' && isMadeUp ? 70 : 10;
    return { kind: 'write', path: `${NETWORKD}/${order}-statectl-${wanted.device}.${type}`, content };
  });
}

/** Of several cards that may have the cable, one that is online is enough. */
const planAnyOnline = (): readonly Step[] => [
  { kind: 'mkdir', path: WAIT_ONLINE, mode: 0o755 },
  {
    kind: 'write',
    path: `${WAIT_ONLINE}/10-statectl.conf`,
    content:
      '# Made by statectl at boot.\n[Service]\nExecStart=\nExecStart=/lib/systemd/systemd-networkd-wait-online --any\n',
  },
];

/** Until when a lease holds, where a service renews it; or what the boot set is taken back, where one begins anew. */
function planAddresses(kept: WantedNetwork, leases: readonly Lease[], install: InstallFacts): readonly Step[] {
  const own = leases.filter(({ device, method }) => method !== 'router' && kept.some((each) => each.device === device));
  if (install.usesNetworkd)
    return own.flatMap(({ device, address, prefixLength, seconds }): readonly Step[] =>
      seconds === undefined ? [] : [{ kind: 'address', device, address, prefixLength, seconds }],
    );
  if (!install.usesIfupdown && !install.hasOtherNetworkService) return [];
  return own.map(({ device, address }): Step => ({ kind: 'flush', device, address }));
}

function planIfupdown(begun: WantedNetwork, { ifupdown }: InstallFacts): readonly Step[] {
  return [
    // run-parts(8) names have no dots.
    { kind: 'mkdir', path: `${INTERFACES}.d`, mode: 0o755 },
    ...begun.map(
      (each): Step => ({
        kind: 'write',
        path: `${INTERFACES}.d/statectl-${each.device.replaceAll('.', '_')}`,
        content: ifupdownStanzas(each),
      }),
    ),
    ...(begun.some(({ settings }) => settings.dhcp4)
      ? [
          { kind: 'mkdir', path: HOOKS, mode: 0o755 } as const,
          { kind: 'write', path: `${HOOKS}/statectl-routers`, content: ROUTERS_HOOK } as const,
        ]
      : []),
    // An image whose file does not read that folder would never see them.
    ...(ifupdown?.withSource === undefined
      ? []
      : [{ kind: 'write', path: INTERFACES, content: ifupdown.withSource } as const]),
  ];
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
function planLinksDown(facts: Facts, said: WantedNetwork, left: ReadonlySet<WantedInterface>): Step[] {
  if ((facts.network.leases ?? []).length === 0) return [];
  const used = said.filter(({ early }) => early);
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
