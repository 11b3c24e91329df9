import { familyOf } from '../../config/settings/addresses.ts';
import type { StepOf } from '../steps/step.ts';

const isIpv6 = (text: string | undefined): boolean => familyOf(text?.split('/')[0] ?? '') === 6;

/** ip(8) as busybox has it, too; `replace` does not mind what an earlier try has set. */
export function ipArgv(
  step: StepOf<'enslave' | 'link-up' | 'link-down' | 'flush' | 'address' | 'route'>,
): readonly string[] {
  switch (step.kind) {
    case 'enslave':
      return ['ip', 'link', 'set', 'dev', step.device, 'master', step.master];
    case 'link-up': {
      const settings = [...(step.mac ? ['address', step.mac] : []), ...(step.mtu ? ['mtu', String(step.mtu)] : [])];
      return ['ip', 'link', 'set', 'dev', step.device, ...settings, 'up'];
    }
    case 'link-down':
      return ['ip', 'link', 'set', 'dev', step.device, 'down'];
    case 'flush':
      return [
        ...ip(step.address),
        'address',
        'flush',
        'dev',
        step.device,
        ...(step.address ? ['to', step.address] : []),
      ];
    case 'address': {
      const prefix = `${step.address}/${step.prefixLength}`;
      const until = step.seconds ? ['valid_lft', String(step.seconds), 'preferred_lft', String(step.seconds)] : [];
      return [...ip(step.address), 'address', 'replace', prefix, 'dev', step.device, ...until];
    }
    case 'route': {
      const via = step.gateway ? ['via', step.gateway] : [];
      const to = step.to ?? 'default';
      // As networkd marks those of its files: then this one is its own, and does not stay beside it.
      return [...ip(step.gateway ?? step.to), 'route', 'replace', to, ...via, 'dev', step.device, 'proto', 'static'];
    }
  }
}

const ip = (address: string | undefined): readonly string[] => (isIpv6(address) ? ['ip', '-6'] : ['ip']);

/** The kernel loads the driver of a VLAN or bridge itself; bonding's would make a bond0 that nobody asked for. */
export function linkAddArgvs(step: StepOf<'link-add'>): readonly (readonly string[])[] {
  switch (step.type) {
    case 'vlan':
      return [['ip', 'link', 'add', 'link', step.link, 'name', step.device, 'type', 'vlan', 'id', String(step.id)]];
    case 'bond':
      return [
        ['modprobe', '-q', 'bonding', 'max_bonds=0'],
        ['ip', 'link', 'add', 'name', step.device, 'type', 'bond'],
      ];
    case 'bridge':
      return [['ip', 'link', 'add', 'name', step.device, 'type', 'bridge']];
  }
}

/** dhcpcd, once, for an address only: routers and prefixes are the kernel's. */
export const dhcp6Argv = (step: StepOf<'dhcp6'>): readonly string[] => [
  'dhcpcd',
  ...['--ipv6only', '--ia_na', '--noipv6rs', '--nodev', '--oneshot', '--nobackground'],
  // The identifiers that networkd gets too (RFC 8415, DUID-LL), so that it is given the same address.
  '--duid=ll',
  '--timeout',
  String(step.seconds),
  '--config',
  '/dev/null',
  '--script',
  '/etc/dhcpcd.script',
  ...['dhcp6_name_servers', 'dhcp6_domain_search', 'dhcp6_sntp_servers'].flatMap((name) => ['--option', name]),
  step.device,
];

/** What our script for udhcpc reads of an answer. Servers send nothing else than what they are asked for. */
const DHCP_OPTIONS = [
  ...['subnet', 'router', 'dns', 'domain', 'search', 'hostname', 'mtu', 'ntpsrv'],
  ...['staticroutes', 'msstaticroutes', 'routes'],
] as const;

/** udhcpc in the foreground: it asks until it has a lease or the time is over, and leaves the lease to our script. */
export const dhcpArgv = (step: StepOf<'dhcp'>): readonly string[] => [
  'udhcpc',
  '-i',
  step.device,
  '-f',
  '-q',
  '-n',
  '-t',
  String(Math.max(1, Math.ceil(step.seconds / 2))),
  '-T',
  '2',
  '-s',
  '/etc/udhcpc.script',
  '-o',
  ...DHCP_OPTIONS.flatMap((name) => ['-O', name]),
  ...(step.hostname ? ['-x', `hostname:${step.hostname}`] : []),
];
