export interface Dhcp {
  readonly device: string;
  /** Of one attempt. */
  readonly seconds: number;
  readonly tries?: number;
  readonly hostname?: string;
}

export interface Dhcp6 {
  readonly device: string;
  /** Of one attempt. */
  readonly seconds: number;
  readonly tries?: number;
  /** Only where no router gave the interface an address. */
  readonly isFallback?: boolean;
}

/** dhcpcd, once, for an address only: routers and prefixes are the kernel's. */
export const dhcp6Argv = (step: Dhcp6): readonly string[] => [
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
export const dhcpArgv = (step: Dhcp): readonly string[] => [
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
