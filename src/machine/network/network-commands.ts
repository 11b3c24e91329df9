import { familyOf } from '../../config/settings/addresses.ts';

export type LinkAdd =
  | { readonly device: string; readonly type: 'bond' | 'bridge' }
  | { readonly device: string; readonly type: 'vlan'; readonly id: number; readonly link: string };

export interface LinkUp {
  readonly device: string;
  readonly mtu?: number;
  readonly mac?: string;
}

export interface Flush {
  readonly device: string;
  /** Absent: all. */
  readonly address?: string;
}

export interface Address {
  readonly device: string;
  readonly address: string;
  readonly prefixLength: number;
  /** How long it holds; absent: for ever. */
  readonly seconds?: number;
}

/** Without `to` the default route; without a gateway what is on the link itself. */
export interface Route {
  readonly device: string;
  readonly to?: string;
  readonly gateway?: string;
}

/** The kernel's module of each. */
export const DRIVERS = { vlan: '8021q', bond: 'bonding', bridge: 'bridge' } as const;

const isIpv6 = (text: string | undefined): boolean => familyOf(text?.split('/')[0] ?? '') === 6;

const ip = (address: string | undefined): readonly string[] => (isIpv6(address) ? ['ip', '-6'] : ['ip']);

// ip(8) as busybox has it, too; `replace` does not mind what an earlier try has set.

export const enslaveArgv = ({ device, master }: { readonly device: string; readonly master: string }) =>
  ['ip', 'link', 'set', 'dev', device, 'master', master] as const;

export function linkUpArgv({ device, mac, mtu }: LinkUp): readonly string[] {
  const settings = [...(mac ? ['address', mac] : []), ...(mtu ? ['mtu', String(mtu)] : [])];
  return ['ip', 'link', 'set', 'dev', device, ...settings, 'up'];
}

export const linkDownArgv = ({ device }: { readonly device: string }) =>
  ['ip', 'link', 'set', 'dev', device, 'down'] as const;

export const flushArgv = ({ device, address }: Flush): readonly string[] => [
  ...ip(address),
  'address',
  'flush',
  'dev',
  device,
  ...(address ? ['to', address] : []),
];

export function addressArgv({ device, address, prefixLength, seconds }: Address): readonly string[] {
  const until = seconds ? ['valid_lft', String(seconds), 'preferred_lft', String(seconds)] : [];
  return [...ip(address), 'address', 'replace', `${address}/${prefixLength}`, 'dev', device, ...until];
}

export function routeArgv({ device, to, gateway }: Route): readonly string[] {
  const via = gateway ? ['via', gateway] : [];
  // As networkd marks those of its files: then this one is its own, and does not stay beside it.
  return [...ip(gateway ?? to), 'route', 'replace', to ?? 'default', ...via, 'dev', device, 'proto', 'static'];
}

/** The kernel loads the driver of a VLAN or bridge itself; bonding's would make a bond0 that nobody asked for. */
export function linkAddArgvs(step: LinkAdd): readonly (readonly string[])[] {
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
