import type { Cidr } from '../../config/settings/addresses.ts';
import type { Host } from '../../host/host.ts';

/** A global IPv6 address of an interface. */
export interface Ipv6Address extends Cidr {
  /** Still looking whether another machine has it. */
  readonly isTentative: boolean;
  /** Another machine has it. */
  readonly isDuplicate: boolean;
  /** Set by hand, not by a router's announcement. */
  readonly isPermanent: boolean;
}

export interface Ipv6State {
  readonly addresses: readonly Ipv6Address[];
  readonly gateway?: string;
}

// IFA_F_… of linux/if_addr.h, RTF_GATEWAY of linux/route.h.
const [DAD_FAILED, TENTATIVE, PERMANENT, RTF_GATEWAY] = [0x08, 0x40, 0x80, 0x02];

/** What the kernel has for an interface: /proc/net/if_inet6 and ipv6_route, absent where there is no IPv6. */
export async function ipv6State({ files }: Pick<Host, 'files'>, device: string): Promise<Ipv6State> {
  const lines = async (path: string) =>
    (await files.readText(path).catch(() => '')).split('\n').map((line) => line.trim().split(/\s+/));
  const addresses = (await lines('/proc/net/if_inet6'))
    .filter(([, , , scope, , name]) => name === device && scope === '00')
    .map(([address = '', , prefix = '', , flags = '']): Ipv6Address => {
      const bits = Number.parseInt(flags, 16);
      return {
        address: spelled(address),
        prefixLength: Number.parseInt(prefix, 16),
        isTentative: (bits & TENTATIVE) !== 0,
        isDuplicate: (bits & DAD_FAILED) !== 0,
        isPermanent: (bits & PERMANENT) !== 0,
      };
    });
  const route = (await lines('/proc/net/ipv6_route')).find(
    ([to, prefix, , , , , , , flags = '', name]) =>
      name === device && /^0+$/.test(to ?? '') && prefix === '00' && (Number.parseInt(flags, 16) & RTF_GATEWAY) !== 0,
  );
  return { addresses, ...(route?.[4] && { gateway: spelled(route[4]) }) };
}

/** `fd00000000000000000000000000000a` → `fd00::a`, as RFC 5952 has it. */
function spelled(digits: string): string {
  const groups = digits.match(/.{4}/g) ?? [];
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1);
}
