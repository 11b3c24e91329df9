import { isIP } from 'node:net';
import { nearest } from '../config/suggest.ts';
import { StatectlError } from '../error.ts';
import type { InterfaceFacts } from './facts.ts';

interface IpSettings {
  readonly device?: string;
  /** The boot server (kernel), for NFS root; never used as a peer. */
  readonly server?: string;
  /** Far end of a point-to-point link with its prefix (`10.0.0.2/32`), where dracut's dialect was used. */
  readonly peer?: string;
  readonly gateway?: string;
  readonly hostname?: string;
  readonly dns: readonly string[];
  readonly ntp: readonly string[];
  /** Bytes. */
  readonly mtu?: number;
  /** To be set on the interface; lower case, colons. */
  readonly mac?: string;
}

/** DHCP option 61: its type byte and its value. */
export interface DhcpClientId {
  readonly type: number;
  readonly value: string;
}

/** One `ip=`. `single-dhcp` asks on all interfaces at once and keeps the first answer; `off` means leave it alone. */
export type IpArgument =
  | (IpSettings & { readonly method: 'static'; readonly address: string; readonly prefixLength: number })
  | (IpSettings & { readonly method: 'dhcp' | 'single-dhcp'; readonly clientId?: DhcpClientId })
  | (IpSettings & { readonly method: 'dhcp6' | 'auto6' | 'either6' | 'link6' | 'bootp' | 'rarp' | 'off' });

type Method = IpArgument['method'];

/** The words of both dialects. `both` (BOOTP and RARP) is BOOTP here: nothing speaks RARP beside it. */
const METHODS: Readonly<Record<string, Exclude<Method, 'static'>>> = {
  dhcp: 'dhcp',
  on: 'dhcp',
  any: 'dhcp',
  'single-dhcp': 'single-dhcp',
  dhcp6: 'dhcp6',
  auto6: 'auto6',
  either6: 'either6',
  link6: 'link6',
  bootp: 'bootp',
  both: 'bootp',
  rarp: 'rarp',
  none: 'off',
  off: 'off',
};

const HINT =
  'write ip=dhcp, ip=DEVICE:dhcp or ip=ADDRESS::GATEWAY:MASK:HOSTNAME:DEVICE:none, IPv6 addresses in [brackets]';

/**
 * Reads the value of one `ip=`, in the kernel's dialect (Documentation/admin-guide/nfs/nfsroot.rst) or dracut's
 * (dracut.cmdline(7)). A static address without a mask gets its class's, as in the kernel. Throws `ip-invalid`.
 * `nameserver=`, `vlan=` and the other arguments beside it are not read here.
 */
export function parseIpArgument(value: string): IpArgument {
  const fail = (why: string, hint = HINT) => new StatectlError('ip-invalid', `ip=${value}: ${why}`, { hint });
  const plain = { dns: [], ntp: [] };
  if (value === '') return { ...plain, method: 'off' };
  // A client identifier may hold colons, and stands alone.
  if (value.startsWith('dhcp,')) return { ...plain, method: 'dhcp', clientId: parseClientId(value, fail) };
  const fields = splitFields(value, fail);
  const [first = '', second = ''] = fields;
  if (fields.length === 1 && isIP(first.split('/')[0]!) === 0) return { ...plain, method: methodOf(first, fail) };
  if (Object.hasOwn(METHODS, second) && isIP(first) === 0) {
    const [mtu, ...mac] = fields.slice(2);
    const settings = { ...plain, device: deviceOf(first, fail), ...linkOf(mtu, mac, fail) };
    return { ...settings, method: methodOf(second, fail) };
  }
  return parseLongForm(fields, fail);
}

type Fail = (why: string, hint?: string) => StatectlError;

/** `client:server-or-peer:gateway:mask:hostname:device:method`, then `dns:dns:ntp` or `mtu:mac`. */
function parseLongForm(fields: readonly string[], fail: Fail): IpArgument {
  const [client = '', server = '', gateway, mask = '', hostname, device, word = '', ...rest] = fields;
  const point = (name: string, text: string | undefined) => addressOf(name, text, fail);
  const [bare, slash] = client.split('/');
  const address = point('client address', bare);
  const settings: IpSettings = {
    device: deviceOf(device, fail),
    ...(server.includes('/') ? { peer: peerOf(server, fail) } : { server: point('server', server) }),
    gateway: point('gateway', gateway),
    hostname: hostname === '' ? undefined : hostname,
    ...tailOf(rest, fail),
  };
  const dhcpWithId = word.startsWith('dhcp,');
  if (address !== undefined && (word === '' || ['on', 'any', 'none', 'off'].includes(word))) {
    const bits = isIP(address) === 6 ? 128 : 32;
    const given = slash || mask;
    const prefixLength = given === '' ? classfulPrefix(address) : maskToPrefix(given, bits);
    if (prefixLength === undefined)
      throw fail(
        given === '' ? `${address} needs a mask or prefix length` : `"${given}" is no netmask or prefix length`,
      );
    return { ...settings, method: 'static', address, prefixLength };
  }
  if (address !== undefined)
    throw fail(`an address and ${word} do not go together`, `say none instead of ${word}, or leave the address out`);
  if (dhcpWithId) return { ...settings, method: 'dhcp', clientId: parseClientId(word, fail) };
  return { ...settings, method: word === '' ? 'dhcp' : methodOf(word, fail) };
}

function tailOf(rest: readonly string[], fail: Fail): Pick<IpSettings, 'dns' | 'ntp' | 'mtu' | 'mac'> {
  const [first = '', ...others] = rest;
  const isLink = /^[0-9]+$/.test(first) || (first === '' && normaliseMac(others.join(':')) !== undefined);
  if (isLink) return { dns: [], ntp: [], ...linkOf(first, others, fail) };
  if (rest.length > 3) throw fail(`"${rest.join(':')}" is neither DNS:DNS:NTP nor MTU:MAC`);
  const [dns0, dns1, ntp0] = rest.map((text) => addressOf('server address', text, fail));
  const present = (address: string | undefined) => address !== undefined;
  return { dns: [dns0, dns1].filter(present), ntp: [ntp0].filter(present) };
}

function linkOf(mtu: string | undefined, mac: readonly string[], fail: Fail): { mtu?: number; mac?: string } {
  const text = mac.filter((group) => group !== '').join(':');
  const normal = normaliseMac(text);
  if (text !== '' && normal === undefined) throw fail(`"${text}" is no MAC address`);
  // 68 bytes is what IPv4 needs (RFC 791).
  if (mtu && !(/^[0-9]{2,5}$/.test(mtu) && Number(mtu) >= 68 && Number(mtu) <= 65535)) throw fail(`"${mtu}" is no MTU`);
  return { mtu: mtu ? Number(mtu) : undefined, mac: normal };
}

/** Cuts at colons outside brackets, and takes the brackets off. */
function splitFields(value: string, fail: Fail): readonly string[] {
  const fields: string[] = [];
  for (let at = 0; at <= value.length; ) {
    const close = value[at] === '[' ? value.indexOf(']', at) : at;
    if (close < 0) throw fail('a bracket is not closed');
    const colon = value.indexOf(':', close);
    const end = colon < 0 ? value.length : colon;
    const field = value.slice(at, end);
    fields.push(value[at] === '[' ? field.slice(1).replace(']', '') : field);
    at = end + 1;
  }
  return fields;
}

function methodOf(word: string, fail: Fail): Exclude<Method, 'static'> {
  if (Object.hasOwn(METHODS, word)) return METHODS[word]!;
  const suggestion = nearest(word, Object.keys(METHODS));
  throw fail(
    `"${word}" is no way to get an address`,
    suggestion === undefined
      ? `known are ${Object.keys(METHODS).join(' ')}; for a device write ip=${word}:dhcp`
      : `did you mean ${suggestion}?`,
  );
}

function addressOf(name: string, text: string | undefined, fail: Fail): string | undefined {
  // 0.0.0.0 means "not given" to the kernel as well.
  if (text === undefined || text === '' || text === '0.0.0.0') return undefined;
  if (isIP(text) === 0) throw fail(`"${text}" is no ${name}`);
  return text;
}

function peerOf(text: string, fail: Fail): string {
  const [address = '', prefix = ''] = text.split('/');
  if (isIP(address) === 0 || maskToPrefix(prefix, isIP(address) === 6 ? 128 : 32) === undefined)
    throw fail(`"${text}" is no peer`);
  return text;
}

function deviceOf(text: string | undefined, fail: Fail): string | undefined {
  if (text === undefined || text === '') return undefined;
  if (!/^[^\s/]{1,127}$/.test(text) || text === '.' || text === '..') throw fail(`"${text}" is no interface name`);
  return text;
}

function parseClientId(word: string, fail: Fail): DhcpClientId {
  const [, type = '', value] = /^dhcp,([^,]*),(.+)$/.exec(word) ?? [];
  if (value === undefined || !/^(?:0x[0-9a-f]+|[0-9]+)$/i.test(type) || Number(type) > 255)
    throw fail(
      'a client identifier has a type from 0 to 255 and a value',
      'write ip=dhcp,TYPE,VALUE, such as ip=dhcp,0,rack3-7',
    );
  return { type: Number(type), value };
}

function classfulPrefix(address: string): number | undefined {
  const first = Number(address.split('.')[0]);
  if (isIP(address) !== 4 || first >= 224) return undefined;
  return first < 128 ? 8 : first < 192 ? 16 : 24;
}

/** `255.255.255.0` or `24` → 24; undefined when it is neither, or has holes. `bits` is 32, or 128 for IPv6. */
export function maskToPrefix(mask: string, bits = 32): number | undefined {
  if (/^[0-9]{1,3}$/.test(mask)) return Number(mask) <= bits ? Number(mask) : undefined;
  if (isIP(mask) !== 4) return undefined;
  const ones = mask.split('.').map((byte) => Number(byte).toString(2).padStart(8, '0'));
  const [prefix] = /^1*(?=0*$)/.exec(ones.join('')) ?? [];
  return prefix?.length;
}

/** `AA-BB-…`, `aa:bb:…`, `aabb.ccdd.eeff` or twelve digits → `aa:bb:cc:dd:ee:ff`; undefined when it is no MAC. */
export function normaliseMac(text: string): string | undefined {
  const groups = text.trim().toLowerCase().split(/[:-]/);
  const digits =
    groups.length === 6 ? groups.map((group) => group.padStart(2, '0')).join('') : text.trim().toLowerCase();
  const hex = /^(?:[0-9a-f]{4}\.){2}[0-9a-f]{4}$/.test(digits) ? digits.replaceAll('.', '') : digits;
  return /^[0-9a-f]{12}$/.test(hex) ? hex.replace(/..(?=.)/g, '$&:') : undefined;
}

/** PXELINUX's `BOOTIF=01-aa-bb-cc-dd-ee-ff` (the ARP hardware type, then the address) → MAC; undefined when it is none. */
export function parseBootif(text: string): string | undefined {
  return normaliseMac(text) ?? normaliseMac(text.trim().replace(/^[0-9a-f]{1,2}[:-]/i, ''));
}

export interface InterfaceChoice {
  readonly nic: InterfaceFacts;
  /** Why this one, for the log: `named in ip=`. */
  readonly reason: string;
  /** What `ifname=` wants it to be called, where it is not yet. */
  readonly rename: string | undefined;
  /** The `ip=` that configures it; undefined when none was given, which means DHCP. */
  readonly ip: IpArgument | undefined;
}

/**
 * The interface to boot from: the one named in ip= (the one that bootdev= picks among several) > BOOTIF= > ifname= >
 * bootdev= > the first wired one with a carrier > the first wired one. A name may also be a MAC, a name given by ifname=,
 * or `enx` with the MAC. undefined when ip=off asks for no network. Throws `interface-missing`, `ip-invalid`.
 */
export function planInterfaceChoice(
  ipArguments: readonly IpArgument[],
  bootif: string | undefined,
  bootdev: string | undefined,
  nics: readonly InterfaceFacts[],
  ifnames: readonly string[] = [],
): InterfaceChoice | undefined {
  const aliases = ifnames.map(parseIfname);
  const byMac = (mac: string | undefined) => nics.find((nic) => mac !== undefined && normaliseMac(nic.mac) === mac);
  const find = (name: string): InterfaceFacts | undefined => {
    const alias = aliases.find((each) => each.name === name);
    if (alias !== undefined) return byMac(alias.mac);
    return nics.find((nic) => nic.name === name) ?? byMac(normaliseMac(name.replace(/^enx(?=[0-9a-f]{12}$)/, '')));
  };
  const active = ipArguments.filter(({ method }) => method !== 'off');
  const off = ipArguments.filter(({ method }) => method === 'off');
  const chosen = (nic: InterfaceFacts | undefined, what: string, reason: string): InterfaceChoice => {
    if (nic === undefined) throw missing(`${what}, but there is no such interface`, nics);
    const alias = aliases.find(({ mac }) => mac === normaliseMac(nic.mac))?.name;
    const own = active.find(({ device }) => device !== undefined && find(device) === nic);
    const ip = own ?? active.find(({ device }) => device === undefined);
    return { nic, reason, rename: alias === nic.name ? undefined : alias, ip };
  };

  if (active.length === 0 && off.some(({ device }) => device === undefined)) return undefined;
  const named = active.map(({ device }) => device).filter((device) => device !== undefined);
  const device = bootdev !== undefined && named.includes(bootdev) ? bootdev : named[0];
  if (device !== undefined) return chosen(find(device), `ip= names ${device}`, 'named in ip=');
  if (bootif) {
    const mac = parseBootif(bootif);
    if (mac === undefined)
      throw new StatectlError('ip-invalid', `BOOTIF=${bootif} holds no MAC address`, { hint: HINT });
    return chosen(byMac(mac), `the boot loader used ${mac} (BOOTIF=)`, 'BOOTIF=');
  }
  const [alias] = aliases;
  if (alias !== undefined) return chosen(byMac(alias.mac), `ifname= names ${alias.mac}`, 'ifname=');
  if (bootdev) return chosen(find(bootdev), `bootdev= names ${bootdev}`, 'bootdev=');
  const silenced = off.map((each) => find(each.device ?? ''));
  const wired = nics.filter((nic) => !nic.wireless && nic.name !== 'lo' && !silenced.includes(nic));
  const linked = wired.find(({ carrier }) => carrier);
  if (linked !== undefined) return chosen(linked, '', 'first wired interface with a carrier');
  if (wired[0] === undefined) throw missing('there is no wired network interface to use', nics);
  return chosen(wired[0], '', 'first wired interface');
}

function parseIfname(text: string): { readonly name: string; readonly mac: string } {
  const [name = '', ...rest] = text.split(':');
  const mac = normaliseMac(rest.join(':'));
  if (name !== '' && mac !== undefined) return { name, mac };
  throw new StatectlError('ip-invalid', `ifname=${text} is not NAME:MAC`, {
    hint: 'write ifname=boot0:52:54:00:12:34:56',
  });
}

function missing(what: string, nics: readonly InterfaceFacts[]): StatectlError {
  const list = nics.map(({ name, mac, driver, wireless, carrier }) =>
    [
      `${name} (${mac}`,
      driver,
      wireless && 'wireless',
      carrier === undefined ? 'link down' : carrier ? 'carrier' : 'no carrier',
    ]
      .filter(Boolean)
      .join(', ')
      .concat(')'),
  );
  const there = list.length === 0 ? 'there are none' : `there ${list.length === 1 ? 'is' : 'are'} ${list.join(', ')}`;
  const hint =
    list.length === 0
      ? 'the image may lack the driver or firmware of this machine: see dmesg, and build with its modules'
      : 'name one of them in ip=DEVICE:dhcp; a card that is not listed lacks its driver or firmware in the image';
  return new StatectlError('interface-missing', `${what}: ${there}`, { hint });
}
