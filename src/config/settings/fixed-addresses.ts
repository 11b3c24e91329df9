import type { NetworkConfig } from '../config.ts';
import { type Cidr, parseCidr } from './addresses.ts';

/** Where a machine always is, as network.conf says; what DHCP gives it may be another each time. Pure. */
export const fixedAddresses = ({ interfaces }: Pick<NetworkConfig, 'interfaces'>): readonly Cidr[] =>
  Object.values(interfaces).flatMap((one) =>
    'addresses' in one ? one.addresses.flatMap((text) => parseCidr(text) ?? []) : [],
  );
