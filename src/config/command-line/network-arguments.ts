import { entryOf } from '../../entry-of.ts';
import { StatectlError } from '../../error.ts';
import { parseMac } from '../../protocol/mac-address.ts';
import { linkFaults } from '../check/link-faults.ts';
import type { NetworkConfig } from '../config.ts';
import { allArguments, type CommandLine, flagArgument, getArgument } from './command-line.ts';
import { type IpArgument, parseIpArgument } from './ip-argument.ts';
import { parseBond, parseBridge, parseNameserver, parseRoute, parseVlan, refuseTeam } from './link-arguments.ts';

type Declared = NetworkConfig['interfaces'][string];
/** A CAN interface as system/network.conf says it. It has no addresses, and nothing is booted from it. */
export type CanSettings = Extract<Declared, { kind: 'can' }>;
/** Any other; `hostname` is what ip= gives the machine. */
export type InterfaceSettings = Exclude<Declared, CanSettings> & { readonly hostname?: string };
type Settings = Omit<Extract<Declared, { kind: 'physical' }>, 'kind' | 'match'> & { readonly hostname?: string };

/** What of an interface the command line says. */
export type Changes = Partial<Settings>;

const NOTHING: Settings = {
  ...{ dhcp6: false, addresses: [], gateway: [], routes: {}, dns: [], search: [], ntp: [] },
  ...{ initramfs: false, handover: 'keep' },
};
/** A card of which nothing is said. */
export const CARD: InterfaceSettings = { kind: 'physical', ...NOTHING };

/** The network as config.d and the kernel command line say it: one model, two readers. */
export interface NetworkWishes {
  readonly network: Omit<NetworkConfig, 'interfaces'> & {
    readonly interfaces: Readonly<Record<string, InterfaceSettings>>;
  };
  readonly can: Readonly<Record<string, CanSettings>>;
  readonly ip: readonly IpArgument[];
  /** For the interface that is booted from, whichever that is. */
  readonly forBoot: Changes;
  /** By the name that rd.route= gives. */
  readonly routes: Readonly<Record<string, Settings['routes']>>;
  /** Whether the name servers of DHCP are taken. */
  readonly peerDns: boolean;
}

/** The command line wins over config.d. Pure. Throws `ip-invalid` and `network-invalid`. */
export function networkWishes(config: NetworkConfig, commandLine: CommandLine): NetworkWishes {
  const values = (name: string) => allArguments(commandLine, name).map(({ value }) => value ?? '');
  const seconds = Number(getArgument(commandLine, 'rd.net.timeout.dhcp')?.value);
  const tries = Number(getArgument(commandLine, 'rd.net.dhcp.retry')?.value);
  const [team] = values('team');
  if (team !== undefined) throw refuseTeam(team);
  const routes = values('rd.route').map(parseRoute);
  const routesOf = (name: string | undefined) =>
    Object.fromEntries(
      routes
        .filter(({ device }) => device === name)
        .map(({ network, gateway = 'direct' }) => [network, gateway] as const),
    );
  const all = checked({ ...config.interfaces, ...declaredBy(values, config) });
  const ip = values('ip').map(parseIpArgument);
  refuseCan(all, [...ip.map(({ device }) => device), getArgument(commandLine, 'bootdev')?.value]);
  return {
    network: {
      ...config,
      dhcpMs: seconds > 0 ? seconds * 1000 : config.dhcpMs,
      tries: tries > 0 ? Math.floor(tries) : config.tries,
      interfaces: only(all, (entry): entry is InterfaceSettings => entry.kind !== 'can'),
    },
    can: only(all, (entry): entry is CanSettings => entry.kind === 'can'),
    ip,
    forBoot: { dns: values('nameserver').map(parseNameserver), routes: routesOf(undefined) },
    routes: Object.fromEntries(routes.flatMap(({ device }) => (device ? [[device, routesOf(device)] as const] : []))),
    peerDns: flagArgument(commandLine, 'rd.peerdns', true),
  };
}

/** The interfaces that vlan=, bond=, bridge= and ifname= make, and those below them that nobody else says. */
function declaredBy(values: (name: string) => readonly string[], { interfaces, boot }: NetworkConfig) {
  const made: Record<string, InterfaceSettings> = Object.create(null);
  for (const value of values('ifname')) {
    const [name = '', ...mac] = value.split(':');
    const normal = parseMac(mac.join(':'));
    if (name !== '' && normal) made[name] = { ...CARD, kind: 'physical', match: { mac: normal } };
  }
  for (const value of values('bond')) {
    const { name, members, mode, miimonMs = 100, primary, options, mtu } = parseBond(value);
    made[name] = {
      ...NOTHING,
      ...settingsOf(entryOf(interfaces, name)),
      kind: 'bond',
      members,
      mode,
      miimonMs,
      primary,
      options,
      mtu,
    };
  }
  for (const value of values('bridge')) {
    const { name, members } = parseBridge(value);
    const settings = settingsOf(entryOf(interfaces, name));
    made[name] = { ...NOTHING, ...settings, kind: 'bridge', members, stp: false, forwardDelayMs: 15_000 };
  }
  for (const value of values('vlan')) {
    const { name, id, link } = parseVlan(value);
    made[name] = { ...NOTHING, ...settingsOf(entryOf(interfaces, name)), kind: 'vlan', id, link };
  }
  const named = Object.values(made).flatMap((entry) =>
    entry.kind === 'vlan' ? [entry.link] : entry.kind === 'physical' ? [] : entry.members,
  );
  for (const name of [...named, ...(boot ? [boot] : [])])
    if (!entryOf(interfaces, name)) made[name] = entryOf(made, name) ?? CARD;
  return made;
}

/** The addresses that config.d gives an interface stay when the command line says anew how it is made. */
function settingsOf(entry: Declared | undefined): Changes {
  if (entry === undefined || entry.kind === 'can') return {};
  const { dhcp4, dhcp6, acceptRa, addresses, gateway, routes, dns, search, ntp, mtu, mac, initramfs, handover } = entry;
  return { dhcp4, dhcp6, acceptRa, addresses, gateway, routes, dns, search, ntp, mtu, mac, initramfs, handover };
}

type All = Readonly<Record<string, InterfaceSettings | CanSettings>>;

const only = <Kind extends All[string]>(all: All, isOne: (entry: All[string]) => entry is Kind) =>
  Object.fromEntries(Object.entries(all).flatMap(([name, entry]) => (isOne(entry) ? [[name, entry] as const] : [])));

function refuseCan(all: All, named: readonly (string | undefined)[]): void {
  const can = named.find((name) => name !== undefined && entryOf(all, name)?.kind === 'can');
  if (can === undefined) return;
  throw new StatectlError('network-invalid', `${can} is a CAN interface: it has no addresses`, {
    hint: 'name another in ip= and bootdev= on the kernel command line, or look at system/network.conf',
  });
}

function checked(interfaces: All): All {
  const [fault] = linkFaults(interfaces);
  if (fault)
    throw new StatectlError('network-invalid', `${fault.path.join('.')}: ${fault.message}`, {
      hint: 'look at vlan=, bond= and bridge= on the kernel command line, and at system/network.conf',
    });
  return interfaces;
}

/** What one `ip=` says; how else config.d wanted an address no longer counts. */
export function changesOf(ip: IpArgument): Changes {
  const { gateway, dns, ntp, mtu, mac, hostname, peer } = ip;
  return {
    ...{ dhcp4: false, dhcp6: false, acceptRa: undefined, addresses: [], gateway: gateway ? [gateway] : [] },
    ...wayOf(ip),
    ...(dns.length > 0 && { dns }),
    ...(ntp.length > 0 && { ntp }),
    ...(mtu !== undefined && { mtu }),
    ...(mac !== undefined && { mac }),
    ...(hostname !== undefined && { hostname }),
    ...(peer !== undefined && { routes: { [peer]: 'direct' } }),
  };
}

function wayOf(ip: IpArgument): Changes {
  switch (ip.method) {
    case 'static':
      return { addresses: [`${ip.address}/${ip.prefixLength}`] };
    case 'auto6':
      return { acceptRa: true };
    case 'dhcp6':
      return { acceptRa: true, dhcp6: true };
    case 'either6':
      return { acceptRa: true, dhcp6: 'fallback' };
    case 'link6':
      return { acceptRa: false };
    case 'off':
      return {};
    default:
      return { dhcp4: true };
  }
}

/** Of several `ip=` for one interface each adds its own way. */
export const together = (one: Changes, other: Changes): Changes => ({
  ...one,
  ...other,
  ...{
    dhcp4: one.dhcp4 || other.dhcp4,
    dhcp6: one.dhcp6 || other.dhcp6 || false,
    acceptRa: one.acceptRa ?? other.acceptRa,
  },
  addresses: [...(one.addresses ?? []), ...(other.addresses ?? [])],
  gateway: [...(one.gateway ?? []), ...(other.gateway ?? [])],
  routes: { ...one.routes, ...other.routes },
});
