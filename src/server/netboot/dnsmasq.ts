import { isIPv4 } from 'node:net';
import type { Reservation } from '../../config/nodes/reservations.ts';
import { StatectlError } from '../../error.ts';
import { parseSubnet, type Subnet } from '../limits/subnet.ts';

export interface DnsmasqOptions {
  /** `http://host[:port]`, as machines reach `statectl serve`. */
  readonly serverUrl: string;
  /** The interface to serve; default all. */
  readonly interface?: string;
  /** `192.168.7.0/24`; default the /24 of an address in `serverUrl`. */
  readonly subnet?: string;
  /** true: add to a DHCP server that is there already. false: be the only DHCP server of that network. */
  readonly proxy: boolean;
  /** Addresses that config.d relies on. */
  readonly reservations?: readonly Reservation[];
}

/**
 * Firmware by DHCP option 93 (the IANA list "Processor Architecture Types", from RFC 4578 and 5970): the tag, the file
 * of Debian's package ipxe, and the name of the type in `pxe-service`, where dnsmasq has one.
 */
const BY_TFTP = [
  { arch: 0, tag: 'bios', file: 'undionly.kpxe', service: 'x86PC', what: 'BIOS' },
  { arch: 7, tag: 'efi-x86_64', file: 'snponly.efi', service: 'BC_EFI', what: 'UEFI, 64-bit PC' },
  {
    arch: 9,
    tag: 'efi-x86_64',
    file: 'snponly.efi',
    service: 'x86-64_EFI',
    what: 'UEFI, 64-bit PC (as some firmware says it)',
  },
  { arch: 11, tag: 'efi-arm64', file: 'snponly-arm64.efi', service: 'ARM64_EFI', what: 'UEFI, 64-bit ARM' },
] as const;

const BY_HTTP = [
  { arch: 16, tag: 'http-x86_64', file: 'snponly.efi', what: 'UEFI HTTP boot, 64-bit PC' },
  { arch: 19, tag: 'http-arm64', file: 'snponly-arm64.efi', what: 'UEFI HTTP boot, 64-bit ARM' },
] as const;

function subnetOf({ subnet, serverUrl }: DnsmasqOptions): Subnet {
  const { hostname } = new URL(serverUrl);
  if (subnet !== undefined) return parseSubnet(subnet);
  if (isIPv4(hostname) && !hostname.startsWith('0.')) return parseSubnet(`${hostname}/24`);
  throw new StatectlError('subnet-missing', `which network dnsmasq serves cannot be seen from ${serverUrl}`, {
    hint: 'say it with --subnet, as in --subnet 192.168.7.0/24',
  });
}

/** dnsmasq(8), --dhcp-host: whichever of its cards a machine asks with. One of IPv6 goes in brackets. */
const reserved = ({ reservations = [] }: DnsmasqOptions): readonly string[] =>
  reservations.map(
    ({ macs, address, node }) =>
      `dhcp-host=${macs.join(',')},${isIPv4(address) ? address : `[${address}]`}   # ${node}`,
  );

const unique = (lines: readonly string[]): readonly string[] => [...new Set(lines)];

const matches = (): readonly string[] => [
  '# Which firmware asks (DHCP option 93), and whether iPXE asks already (it says so in its user class and option 175).',
  ...BY_TFTP.map(({ arch, tag, what }) => `dhcp-match=set:${tag},option:client-arch,${arch}   # ${what}`),
  'dhcp-match=set:ipxe,175',
  'dhcp-userclass=set:ipxe,iPXE',
];

const tftp = (): readonly string[] => [
  '# iPXE itself comes by TFTP from Debian\'s package "ipxe"; everything after it comes by HTTP from statectl.',
  '# ARM needs snponly-arm64.efi there, which older packages do not have. A machine whose network card snponly.efi',
  '# cannot drive may like ipxe.efi better. None of them is signed: Secure Boot must be off, or take a signed one.',
  'enable-tftp',
  'tftp-root=/usr/lib/ipxe',
];

function proxyLines(options: DnsmasqOptions, url: string): readonly string[] {
  const { network, netmask } = subnetOf(options);
  return [
    '# Proxy DHCP: the DHCP server that is there goes on giving addresses; dnsmasq adds what to boot. Both may run on',
    '# one network, but not on one machine unless they listen on different addresses.',
    `dhcp-range=${network},proxy,${netmask}`,
    '',
    ...matches(),
    '',
    ...tftp(),
    '',
    '# Firmware first: iPXE.',
    ...unique(BY_TFTP.map(({ service, file }) => `pxe-service=tag:!ipxe,${service},"iPXE for statectl",${file}`)),
    '# iPXE then: the script that asks statectl for the image of this machine.',
    ...unique(BY_TFTP.map(({ service }) => `pxe-service=tag:ipxe,${service},"statectl",${url}/boot.ipxe`)),
    `dhcp-boot=tag:ipxe,${url}/boot.ipxe`,
    '',
    ...(reserved(options).length === 0
      ? []
      : [
          '# The DHCP server that is there has to give these machines their addresses:',
          ...reserved(options).map((line) => `#   ${line}`),
          '',
        ]),
    '# UEFI HTTP boot does not listen to a proxy. Tell the real DHCP server to answer clients whose vendor class starts',
    '# with "HTTPClient" with the same vendor class (option 60) and this boot file (option 67):',
    ...BY_HTTP.map(({ arch, file, what }) => `#   client-arch ${arch} (${what}): ${url}/ipxe/${file}`),
  ];
}

function fullLines(options: DnsmasqOptions, url: string): readonly string[] {
  const { first, last, netmask } = subnetOf(options);
  return [
    '# dnsmasq is the DHCP server here. Never start it beside another one: two of them give away the same addresses.',
    `dhcp-range=${first},${last},${netmask},12h`,
    '# Without these, machines take this server as their router and get no name server. An empty one sends none:',
    '# "dhcp-option=option:router".',
    '#dhcp-option=option:router,192.0.2.1',
    '#dhcp-option=option:dns-server,192.0.2.1',
    ...(reserved(options).length === 0
      ? []
      : ['# These machines are always at the same address.', ...reserved(options)]),
    '',
    ...matches(),
    ...BY_HTTP.map(({ arch, tag, what }) => `dhcp-match=set:${tag},option:client-arch,${arch}   # ${what}`),
    '',
    ...tftp(),
    '',
    '# Firmware first: iPXE.',
    ...unique(BY_TFTP.map(({ tag, file }) => `dhcp-boot=tag:!ipxe,tag:${tag},${file}`)),
    '# UEFI HTTP boot takes iPXE by HTTP from statectl, which reads the same folder; it wants its vendor class back.',
    'dhcp-vendorclass=set:httpclient,HTTPClient',
    'dhcp-option-force=tag:httpclient,option:vendor-class,HTTPClient',
    ...BY_HTTP.map(({ tag, file }) => `dhcp-boot=tag:!ipxe,tag:${tag},${url}/ipxe/${file}`),
    '# iPXE then: the script that asks statectl for the image of this machine.',
    `dhcp-boot=tag:ipxe,${url}/boot.ipxe`,
  ];
}

/** Text for /etc/dnsmasq.d/statectl.conf, to read before it is used. Throws `subnet-missing`, `subnet-invalid`. */
export function dnsmasqConfiguration(options: DnsmasqOptions): string {
  const url = options.serverUrl.replace(/\/$/, '');
  return `${[
    '# /etc/dnsmasq.d/statectl.conf: network boot for statectl. Check with `dnsmasq --test`, needs `apt install dnsmasq ipxe`.',
    `# Machines get iPXE by TFTP or HTTP and then everything else from ${url}`,
    '',
    '# No DNS: another program on this machine (systemd-resolved) may have that port. Remove to serve names as well.',
    'port=0',
    ...(options.interface === undefined
      ? ['# Serves every interface. Name one to be careful:', '#interface=eth0']
      : [`interface=${options.interface}`, 'bind-dynamic']),
    'log-dhcp',
    '',
    ...(options.proxy ? proxyLines(options, url) : fullLines(options, url)),
  ].join('\n')}\n`;
}
