import type { NetworkConfig } from '../config.ts';
import { type Cidr, isReachable, parseCidr } from './addresses.ts';

/** Where a machine always is for others, as network.conf says; what DHCP gives it may be another each time. Pure. */
export const fixedAddresses = ({ interfaces }: Pick<NetworkConfig, 'interfaces'>): readonly Cidr[] =>
  Object.values(interfaces)
    .flatMap((one) => ('addresses' in one ? one.addresses.flatMap((text) => parseCidr(text) ?? []) : []))
    .filter(({ address }) => isReachable(address));
