import type { Lease } from '../facts/network-facts.ts';
import type { Step, StepOf } from '../steps/step.ts';
import { addressesOf, hasAddresses, type WantedInterface, type WantedNetwork } from './wanted-network.ts';

type Bond = Extract<WantedInterface['settings'], { kind: 'bond' }>;
type Bridge = Extract<WantedInterface['settings'], { kind: 'bridge' }>;

/** A host asks for routers three times, four seconds apart (RFC 4861, 10). */
const SOLICITATIONS_SECONDS = 12;

export interface Patience {
  /** Of one attempt. */
  readonly seconds: number;
  readonly tries: number;
}

/** Cards that are to be set up; a bond brings its members up itself. */
export const planCards = (wanted: WantedNetwork): readonly Step[] =>
  wanted
    .filter(({ early, settings, master }) => early && settings.kind === 'physical' && master?.kind !== 'bond')
    .flatMap((each) => [...acceptRa(each), linkUp(each)]);

/** VLANs, bonds and bridges, each after those below it. */
export const planVirtual = (wanted: WantedNetwork): readonly Step[] =>
  wanted
    .filter(({ early, settings }) => early && settings.kind !== 'physical')
    .flatMap((each) => [...made(each), ...acceptRa(each), linkUp(each)]);

/** Addresses and routes. The interface to boot from comes last: each default route replaces the one before. */
export const planAddressing = (wanted: WantedNetwork, patience: Patience): readonly Step[] =>
  wanted.filter((each) => each.early && hasAddresses(each)).flatMap((each) => addressing(each, patience));

const linkUp = ({ device, settings: { mtu, mac } }: WantedInterface): Step => ({
  kind: 'link-up',
  device,
  ...(mtu !== undefined && { mtu }),
  ...(mac !== undefined && { mac }),
});

/** Before the link is up: then the kernel asks for routers once. */
const acceptRa = ({ device, settings }: WantedInterface): readonly Step[] =>
  settings.acceptRa === undefined ? [] : [ipv6Setting(device, 'accept_ra', settings.acceptRa ? '1' : '0')];

const ipv6Setting = (device: string, name: string, value: string): Step => ({
  kind: 'kernel-setting',
  path: `/proc/sys/net/ipv6/conf/${device}/${name}`,
  value,
});

function made({ device, settings }: WantedInterface): readonly Step[] {
  switch (settings.kind) {
    case 'physical':
      return [];
    case 'vlan':
      return [{ kind: 'link-add', device, type: 'vlan', id: settings.id, link: settings.link }];
    case 'bond':
      return [
        { kind: 'link-add', device, type: 'bond' },
        ...bondSettings(device, settings),
        ...members(device, settings),
      ];
    case 'bridge':
      return [
        { kind: 'link-add', device, type: 'bridge' },
        ...bridgeSettings(device, settings),
        ...members(device, settings),
      ];
  }
}

/** The mode first: what else can be set depends on it, and it cannot change when there are members. */
function bondSettings(device: string, { mode, miimonMs, primary, options }: Bond): readonly Step[] {
  const set = (name: string, value: string): Step => ({
    kind: 'kernel-setting',
    path: `/sys/class/net/${device}/bonding/${name}`,
    value,
  });
  return [
    set('mode', mode),
    set('miimon', String(miimonMs)),
    ...Object.entries(options).flatMap(([name, value]) =>
      // The kernel takes these one by one, each with a plus to add it.
      name === 'arp_ip_target' ? value.split(/[,;]/).map((target) => set(name, `+${target}`)) : [set(name, value)],
    ),
    ...(primary ? [set('primary', primary)] : []),
  ];
}

function bridgeSettings(device: string, { stp, forwardDelayMs }: Bridge): readonly Step[] {
  if (!stp) return [];
  const set = (name: string, value: string): Step => ({
    kind: 'kernel-setting',
    path: `/sys/class/net/${device}/bridge/${name}`,
    value,
  });
  // In hundredths of a second.
  return [set('forward_delay', String(forwardDelayMs / 10)), set('stp_state', '1')];
}

const members = (master: string, { kind, members: devices }: Bond | Bridge): readonly Step[] =>
  devices.flatMap((device): readonly Step[] => [
    kind === 'bond'
      ? // A bond refuses one that is up.
        { kind: 'link-down', device }
      : // A bridge answers for its ports: an address of their own would confuse.
        ipv6Setting(device, 'disable_ipv6', '1'),
    { kind: 'enslave', device, master },
    { kind: 'link-up', device },
  ]);

function addressing(wanted: WantedInterface, { seconds, tries }: Patience): readonly Step[] {
  const { device, settings } = wanted;
  const six = addressesOf(wanted, 6);
  const routes = Object.entries(settings.routes).map(
    ([to, via]): Step => ({ kind: 'route', device, to, ...(via === 'direct' ? {} : { gateway: via }) }),
  );
  const isDirect = (step: Step) => step.kind === 'route' && step.gateway === undefined;
  return [
    ...[...addressesOf(wanted, 4), ...six].map((cidr): Step => ({ kind: 'address', device, ...cidr })),
    ...routes.filter(isDirect),
    ...settings.gateway.map((gateway): Step => ({ kind: 'route', device, gateway })),
    ...(settings.dhcp4
      ? [
          {
            kind: 'dhcp',
            device,
            seconds,
            tries,
            ...(settings.hostname !== undefined && { hostname: settings.hostname }),
          } as const,
        ]
      : []),
    ...ipv6Steps(wanted, { seconds, tries }),
    ...routes.filter((step) => !isDirect(step)),
  ];
}

/** DHCPv6 gives no routes: those come from routers in any case. */
function ipv6Steps(wanted: WantedInterface, { seconds, tries }: Patience): readonly Step[] {
  const { device, settings } = wanted;
  const wait = (how: StepOf<'await-ipv6'>['how'], most = seconds): Step => ({
    kind: 'await-ipv6',
    device,
    how,
    seconds: Math.min(most, seconds),
  });
  if (settings.dhcp6 === 'fallback')
    return [wait('either', SOLICITATIONS_SECONDS), { kind: 'dhcp6', device, seconds, tries, isFallback: true }];
  if (settings.dhcp6) return [{ kind: 'dhcp6', device, seconds, tries }, wait('dhcp6')];
  if (settings.acceptRa) return [wait('router')];
  return addressesOf(wanted, 6).length > 0 ? [wait('static')] : [];
}

/** Name servers of our own, before those of leases; where there are none, resolv.conf is as the DHCP client left it. */
export function planResolver(wanted: WantedNetwork, leases: readonly Lease[], always: boolean): readonly Step[] {
  const early = wanted.filter((each) => each.early);
  const isSilent = early.every(({ settings: { dns, search } }) => dns.length === 0 && search.length === 0);
  if (isSilent && !always) return [];
  return [{ kind: 'write', path: '/etc/resolv.conf', content: resolvConf(early, leases) }];
}

/** What is said, that of the interface booted from first, before what was leased. */
export function resolvConf(wanted: WantedNetwork, leases: readonly Lease[]): string {
  const settings = wanted.map((each) => each.settings).toReversed();
  const servers = new Set([...settings.flatMap(({ dns }) => dns), ...leases.flatMap(({ dns }) => dns)]);
  const said = settings.flatMap(({ search }) => search);
  const domains = said.length > 0 ? new Set(said) : leases.flatMap(({ domain }) => domain ?? []).slice(0, 1);
  const search = [...domains].length > 0 ? `search ${[...domains].join(' ')}\n` : '';
  return `${search}${[...servers].map((server) => `nameserver ${server}\n`).join('')}`;
}
