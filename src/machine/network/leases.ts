import { familyOf } from '../../config/settings/addresses.ts';
import type { Host } from '../../host/host.ts';
import type { Lease } from '../facts/network-facts.ts';
import { leaseFile } from '../paths.ts';
import { ipv6State } from './ipv6-state.ts';
import { addressesOf, gatewayOf, hasAddresses, type WantedInterface, type WantedNetwork } from './wanted-network.ts';

/** What the interfaces got; that of the one to boot from first. */
export async function readLeases(
  host: Pick<Host, 'files'>,
  wanted: WantedNetwork,
  peerDns: boolean,
): Promise<readonly Lease[]> {
  const found: Lease[] = [];
  for (const each of wanted.filter((one) => one.early && hasAddresses(one)).toReversed()) {
    const card = cardBelow(each, wanted);
    const { device, settings } = each;
    const common = { device, ...(card && { card }) };
    const leased = async (family: 4 | 6) => {
      const text = await host.files.readText(leaseFile(device, family)).catch(() => undefined);
      return text === undefined ? [] : [{ ...parseLease(device, text, peerDns), ...common }];
    };
    if (settings.dhcp4) found.push(...(await leased(4)));
    found.push(
      ...[...addressesOf(each, 4), ...addressesOf(each, 6)].map((cidr) => ({ ...common, ...byHand(each, cidr) })),
    );
    const leased6 = settings.dhcp6 ? await leased(6) : [];
    if (settings.acceptRa || settings.dhcp6) found.push(...(await ofRouters(host, common, leased6)));
  }
  return found;
}

function byHand(wanted: WantedInterface, cidr: Pick<Lease, 'address' | 'prefixLength'>): Lease {
  const { device, settings } = wanted;
  const { dns, ntp, hostname } = settings;
  const gateway = gatewayOf(wanted, familyOf(cidr.address) ?? 4);
  return {
    device,
    method: 'static',
    ...cidr,
    ...(gateway !== undefined && { gateway }),
    dns,
    ...(hostname !== undefined && { hostname }),
    ntp,
  };
}

/** What the kernel holds besides the addresses that are there for good; those of DHCPv6 with what its server said. */
async function ofRouters(
  host: Pick<Host, 'files'>,
  common: Pick<Lease, 'device' | 'card'>,
  leased: readonly Lease[],
): Promise<readonly Lease[]> {
  const { addresses, gateway } = await ipv6State(host, common.device);
  return addresses
    .filter(({ isPermanent, isDuplicate }) => !isPermanent && !isDuplicate)
    .map(({ address, prefixLength }): Lease => {
      const lease = leased.find((one) => one.address === address);
      // DHCPv6 gives no routes.
      const { gateway: _none, ...said }: Omit<Lease, 'device' | 'address' | 'prefixLength'> = lease ?? {
        ...{ method: 'router', dns: [], ntp: [] },
      };
      return { ...said, ...common, address, prefixLength, ...(gateway !== undefined && { gateway }) };
    });
}

/** The card that carries a VLAN, bond or bridge: by its MAC address the server knows the machine. */
function cardBelow({ settings }: WantedInterface, wanted: WantedNetwork): string | undefined {
  if (settings.kind === 'physical') return undefined;
  const [first] = settings.kind === 'vlan' ? [settings.link] : settings.members;
  const lower = wanted.find(({ device }) => device === first);
  if (lower === undefined) return undefined;
  return lower.settings.kind === 'physical' ? lower.device : cardBelow(lower, wanted);
}

/** What the scripts of our DHCP clients write: key=value lines, lists separated by spaces. */
export function parseLease(device: string, text: string, peerDns = true): Lease {
  const values = new Map(
    text.split('\n').map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );
  const seconds = Number(values.get('lease'));
  const list = (key: string) => (values.get(key) ?? '').split(' ').filter(Boolean);
  const [gateway, domain, hostname] = ['gateway', 'domain', 'hostname'].map((key) => values.get(key));
  return {
    device,
    method: 'dhcp',
    address: values.get('address') ?? '',
    prefixLength: Number(values.get('prefix') || 32),
    ...(gateway && { gateway }),
    dns: peerDns ? list('dns') : [],
    ...(peerDns && domain && { domain }),
    ...(hostname && { hostname }),
    ntp: list('ntp'),
    // All ones mean for ever (RFC 2131, 3.3).
    ...(seconds > 0 && seconds < 0xffffffff && { seconds }),
  };
}
