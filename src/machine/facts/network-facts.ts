export interface NetworkFacts {
  readonly interfaces?: readonly InterfaceFacts[];
  readonly leases?: readonly Lease[];
  readonly netconsole?: NetconsoleFacts;
  /** Why the boot goes on without any, from the copy on this machine: the card that it needs is not there. */
  readonly missing?: string;
}

export interface InterfaceFacts {
  readonly name: string;
  readonly mac: string;
  /** undefined while the link is down and nobody can know. */
  readonly carrier?: boolean;
  readonly driver?: string;
  readonly wireless: boolean;
  /** Its address is another one at each boot, and tells nothing. */
  readonly random?: true;
}

/** An address of an interface: of DHCP, a router's announcement, or said by config.d or the kernel command line. */
export interface Lease {
  readonly device: string;
  /** The card, where the interface is a VLAN, bond or bridge over it. */
  readonly card?: string;
  readonly method: 'dhcp' | 'static' | 'router';
  readonly address: string;
  readonly prefixLength: number;
  readonly gateway?: string;
  readonly dns: readonly string[];
  readonly domain?: string;
  readonly hostname?: string;
  readonly ntp: readonly string[];
  /** How long it holds, where it does not for ever. */
  readonly seconds?: number;
}

/** Where the kernel sends its messages, by UDP over IPv4. */
export interface NetconsoleFacts {
  readonly device: string;
  readonly localAddress: string;
  readonly remoteAddress: string;
  readonly remotePort: number;
  /** Of that host, or of the router before it. */
  readonly remoteMac: string;
}
