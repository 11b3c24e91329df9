import { BOND_OPTIONS, type BondOption } from '../../config/settings/bond.ts';
import type { InterfaceFacts } from '../facts/network-facts.ts';
import type { WantedInterface } from './wanted-network.ts';

type Lines = readonly string[];
type Section = readonly [name: string, lines: Lines];

/** `systemd.network(5)` and its kin, by name of the file: how networkd gets one interface as the initramfs left it. */
export function networkdFiles(wanted: WantedInterface, peerDns = true): Readonly<Record<string, string>> {
  const netdev = netdevSections(wanted);
  return {
    link: file('the interface is in use, so its name stays.', linkSections(wanted)),
    ...(netdev.length > 0 && { netdev: file('the interface as the initramfs made it.', netdev) }),
    network: file('the interface as the initramfs left it.', networkSections(wanted, peerDns)),
  };
}

/** Every wired card of which no other file says anything, and those that appear later; virtual interfaces have a kind. */
export const WIRED_NETWORK = file('nobody says anything else of a wired card.', [
  ['Match', ['Type=ether', 'Kind=!*']],
  ['Network', ['DHCP=ipv4']],
  ['DHCPv4', dhcp4Lines(false, true)],
]);

/** A card that ip= says to leave alone. */
export const unmanagedNetwork = (card: InterfaceFacts): string =>
  file('ip= leaves this interface alone.', [
    ['Match', cardMatch(card)],
    ['Link', ['Unmanaged=yes']],
  ]);

function file(why: string, sections: readonly Section[]): string {
  return `# Made by statectl at boot: ${why}\n${sections
    .filter(([, lines]) => lines.length > 0)
    .map(([name, lines]) => [`[${name}]`, ...lines, ''].join('\n'))
    .join('\n')}`;
}

/**
 * Keeps the interface's name: udev cannot rename one that is up, calls it "being renamed" for ever after (ID_RENAMING,
 * systemd 252), and networkd waits for the end of that instead of renewing the lease. Other names become aliases. A bond or
 * bridge keeps its MAC too, which udev would make anew (MACAddressPolicy=persistent).
 */
function linkSections({ card, device, settings }: WantedInterface): readonly Section[] {
  if (settings.kind !== 'physical')
    return [
      ['Match', [`OriginalName=${device}`]],
      ['Link', ['NamePolicy=', 'MACAddressPolicy=none']],
    ];
  const match = card ? cardMatch(card, settings.mac, 'OriginalName') : [`OriginalName=${device}`];
  return [
    ['Match', match],
    ['Link', ['NamePolicy=', 'AlternativeNamesPolicy=database onboard slot path']],
  ];
}

/**
 * A card's own MAC address stays, whatever it is called. What lies over a card (VLAN, bond, bridge, macvlan) shows the card's
 * address as its own, so it is the permanent one that counts, and of an Ethernet card alone. Who has none of its own, or was
 * given another, is known by the name that it keeps.
 */
const cardMatch = ({ name, mac, random }: InterfaceFacts, given?: string, key = 'Name'): Lines =>
  random || given ? [`${key}=${name}`] : [`PermanentMACAddress=${mac}`, 'Type=ether'];

function netdevSections({ device, settings }: WantedInterface): readonly Section[] {
  const netdev = (kind: string): Section => ['NetDev', [`Name=${device}`, `Kind=${kind}`]];
  switch (settings.kind) {
    case 'physical':
      return [];
    case 'vlan':
      return [netdev('vlan'), ['VLAN', [`Id=${settings.id}`]]];
    case 'bridge': {
      const { stp, forwardDelayMs } = settings;
      return [netdev('bridge'), ['Bridge', stp ? ['STP=yes', `ForwardDelaySec=${forwardDelayMs}ms`] : ['STP=no']]];
    }
    case 'bond': {
      const options = Object.entries(settings.options).flatMap(([name, value]) => {
        const [key, unit = ''] = BOND_OPTIONS[name as BondOption] as readonly [string?, string?];
        return key === undefined ? [] : [`${key}=${value.replace(/[,;]/g, ' ')}${unit}`];
      });
      return [netdev('bond'), ['Bond', [`Mode=${settings.mode}`, `MIIMonitorSec=${settings.miimonMs}ms`, ...options]]];
    }
  }
}

function networkSections(wanted: WantedInterface, peerDns: boolean): readonly Section[] {
  const { card, device, settings, master, vlans } = wanted;
  const { mtu, mac, dhcp4, dhcp6, acceptRa, gateway, routes } = settings;
  const dhcp = dhcp4 ? (dhcp6 ? 'yes' : 'ipv4') : dhcp6 ? 'ipv6' : undefined;
  const noDns = peerDns ? [] : ['UseDNS=no'];
  const lines = [
    ...(master ? memberLines(device, master) : []),
    ...vlans.map((vlan) => `VLAN=${vlan}`),
    ...(dhcp ? [`DHCP=${dhcp}`] : []),
    ...(acceptRa === undefined ? [] : [`IPv6AcceptRA=${acceptRa ? 'yes' : 'no'}`]),
    ...settings.addresses.map((address) => `Address=${address}`),
    ...gateway.map((address) => `Gateway=${address}`),
    ...settings.dns.map((server) => `DNS=${server}`),
    ...(settings.search.length > 0 ? [`Domains=${settings.search.join(' ')}`] : []),
    ...settings.ntp.map((server) => `NTP=${server}`),
    // What the boot set up stays until the lease comes. `yes` would keep it for ever: networkd ignores another router then.
    ...(wanted.early ? ['KeepConfiguration=static'] : []),
  ];
  return [
    ['Match', card ? cardMatch(card, mac) : [`Name=${device}`]],
    ['Link', [...(mac ? [`MACAddress=${mac}`] : []), ...(mtu ? [`MTUBytes=${mtu}`] : [])]],
    ['Network', lines],
    ['DHCPv4', dhcp4 ? [...dhcp4Lines(mtu !== undefined, peerDns), ...noDns] : []],
    ['DHCPv6', dhcp6 ? [...dhcp6Lines(card?.mac, dhcp6 === true), ...noDns] : []],
    ['IPv6AcceptRA', noDns],
    ...Object.entries(routes).map(
      ([to, via]): Section => ['Route', [`Destination=${to}`, via === 'direct' ? 'Scope=link' : `Gateway=${via}`]],
    ),
  ];
}

/** As udhcpc asks and as our script for it sets: the same identifier, and what of the answer is taken. */
function dhcp4Lines(hasMtu: boolean, peerDns: boolean): Lines {
  return ['ClientIdentifier=mac', ...(peerDns ? ['UseDomains=yes'] : []), ...(hasMtu ? [] : ['UseMTU=yes'])];
}

/** dhcpcd's identifiers: the IAID is the end of the MAC address. */
const dhcp6Lines = (mac: string | undefined, always: boolean): Lines => [
  'DUIDType=link-layer',
  ...(mac ? [`IAID=${Number.parseInt(mac.split(':').slice(2).join(''), 16)}`] : []),
  ...(always ? ['WithoutRA=solicit'] : []),
];

function memberLines(device: string, master: NonNullable<WantedInterface['master']>): Lines {
  if (master.kind === 'bridge') return [`Bridge=${master.device}`];
  const isPrimary = master.kind === 'bond' && master.primary === device;
  return [`Bond=${master.device}`, ...(isPrimary ? ['PrimarySlave=yes'] : [])];
}
