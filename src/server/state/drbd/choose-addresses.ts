import { BlockList } from 'node:net';
import { type Cidr, familyOf } from '../../../config/settings/addresses.ts';

/** Where both sides of a volume are. */
export interface SideAddresses {
  readonly server: string;
  readonly machine: string;
}

/** Who says where they are. */
export interface AddressesSaid {
  /** By the person who makes the volume. */
  readonly said: Partial<SideAddresses>;
  /** As they were chosen before. */
  readonly before?: SideAddresses;
  /** Where the machine asked for its lease, and from where. */
  readonly asked?: SideAddresses;
  /** Of the place in state.conf: what DHCP reserves for the machine. */
  readonly reserved?: string;
  /** Of network.conf. */
  readonly fixed: readonly Cidr[];
  /** URLs of the servers, as config.d has them. */
  readonly servers: readonly string[];
  /** What this host has. */
  readonly own: readonly Cidr[];
}

/**
 * The addresses of a volume, or why there are none. Of several that this host has it is the one that was chosen before, that the
 * machine asked at, that config.d calls its server, or that is in the network of the machine, in this order: DRBD binds one. Pure.
 */
export function chooseAddresses(from: AddressesSaid): SideAddresses | { readonly why: string; readonly next: string } {
  const { said, before, asked, reserved, fixed, servers, own } = from;
  const isOwn = (address: string): boolean => own.some((one) => one.address === address);
  if (said.server !== undefined && !isOwn(said.server))
    return { why: `${said.server} is no address of this host`, next: `it has ${listed(own)}` };
  const named = servers.flatMap((url) => hostOf(url) ?? []).filter(isOwn);
  const known = [before?.server, asked?.server].filter((one) => one !== undefined && isOwn(one));
  const wanted = [said.server, ...known, ...named].find((one) => one !== undefined);
  const one = said.machine ?? reserved ?? (fixed.length === 0 ? before?.machine : undefined);
  const candidates = one === undefined ? fixed.map(({ address }) => address) : [one];
  const machine =
    candidates.find((one) => wanted !== undefined && own.some((o) => o.address === wanted && isIn(o, one))) ??
    candidates.find((one) => own.some((o) => isIn(o, one))) ??
    candidates.find((one) => wanted === undefined || familyOf(one) === familyOf(wanted));
  if (machine === undefined)
    return {
      why: 'the machine has no address that stays the same',
      next: `give it one in network.conf, or say address: of its place in state.conf as DHCP reserves it${asked ? ` (it asked from ${asked.machine} last)` : ''}`,
    };
  const family = familyOf(machine);
  const server = wanted ?? own.find((one) => isIn(one, machine))?.address;
  if (server !== undefined && familyOf(server) === family) return { server, machine };
  return {
    why: `no address of this host is in the network of ${machine}`,
    next: `say which one it reaches: --address ADDRESS; this host has ${listed(own)}`,
  };
}

const listed = (own: readonly Cidr[]): string => own.map(({ address }) => address).join(', ') || 'none';

/** Its name may be any; only an address says which one is meant. */
function hostOf(url: string): string | undefined {
  const host = URL.parse(url)?.hostname.replace(/^\[|\]$/g, '') ?? '';
  return familyOf(host) === undefined ? undefined : host;
}

function isIn({ address, prefixLength }: Cidr, other: string): boolean {
  const family = familyOf(address);
  if (family === undefined || family !== familyOf(other)) return false;
  const network = new BlockList();
  const type = family === 4 ? 'ipv4' : 'ipv6';
  network.addSubnet(address, prefixLength, type);
  return network.check(other, type);
}
