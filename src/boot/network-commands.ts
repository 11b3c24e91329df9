import { familyOf } from '../config/addresses.ts';
import type { StepOf } from './step.ts';

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
      return ['ip', 'address', 'flush', 'dev', step.device];
    case 'address':
      return [...ip(step.address), 'address', 'replace', `${step.address}/${step.prefixLength}`, 'dev', step.device];
    case 'route': {
      const via = step.gateway ? ['via', step.gateway] : [];
      return [...ip(step.gateway ?? step.to), 'route', 'replace', step.to ?? 'default', ...via, 'dev', step.device];
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
  ...(step.hostname ? ['-x', `hostname:${step.hostname}`] : []),
];
