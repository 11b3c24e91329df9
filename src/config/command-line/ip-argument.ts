import { isIP } from 'node:net';
import { entryOf } from '../../entry-of.ts';
import { StatectlError } from '../../error.ts';
import { parseMac } from '../../protocol/mac-address.ts';
import { nearest } from '../check/suggest.ts';
import { splitFields } from './colon-fields.ts';

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

export const IP_HINT =
  'write ip=dhcp, ip=DEVICE:dhcp or ip=ADDRESS::GATEWAY:MASK:HOSTNAME:DEVICE:none, IPv6 addresses in [brackets]';

/**
 * Reads the value of one `ip=`, in the kernel's dialect (Documentation/admin-guide/nfs/nfsroot.rst) or dracut's
 * (dracut.cmdline(7)). A static address without a mask gets its class's, as in the kernel. Throws `ip-invalid`.
 * `nameserver=`, `vlan=` and the other arguments beside it are read in link-arguments.ts.
 */
export function parseIpArgument(value: string): IpArgument {
  const fail = (why: string, hint = IP_HINT) => new StatectlError('ip-invalid', `ip=${value}: ${why}`, { hint });
  const plain = { dns: [], ntp: [] };
  if (value === '') return { ...plain, method: 'off' };
  // A client identifier may hold colons, and stands alone.
  if (value.startsWith('dhcp,')) return { ...plain, method: 'dhcp', clientId: parseClientId(value, fail) };
  const fields = splitFields(value);
  if (fields === undefined) throw fail('a bracket is not closed');
  const [first = '', second = ''] = fields;
  if (fields.length === 1 && isIP(first.split('/')[0]!) === 0) return { ...plain, method: methodOf(first, fail) };
  const isAddress = isIP(first.split('/')[0] ?? '') !== 0;
  if (isAddress && Object.hasOwn(METHODS, second) && METHODS.none !== entryOf(METHODS, second))
    throw fail(`an address and ${second} do not go together`, addressOrWay(second));
  // `DEVICE:METHOD`, since what is no address can begin nothing else.
  if (second !== '' && !isAddress && (Object.hasOwn(METHODS, second) || /[g-z]/i.test(first))) {
    const [mtu, ...mac] = fields.slice(2);
    const settings = { ...plain, ...deviceOf(first, fail), ...linkOf(mtu, mac, fail) };
    return { ...settings, method: methodOf(second, fail) };
  }
  return parseLongForm(fields, fail);
}

const addressOrWay = (word: string): string => `say none instead of ${word}, or leave the address out`;

type Fail = (why: string, hint?: string) => StatectlError;

/** `client:server-or-peer:gateway:mask:hostname:device:method`, then `dns:dns:ntp` or `mtu:mac`. */
function parseLongForm(fields: readonly string[], fail: Fail): IpArgument {
  const [client = '', server = '', gateway, mask = '', hostname, device, word = '', ...rest] = fields;
  const point = (name: string, text: string | undefined) => addressOf(name, text, fail);
  const [bare, slash] = client.split('/');
  const address = point('client address', bare);
  const bootServer = server.includes('/') ? undefined : point('server', server);
  const router = point('gateway', gateway);
  const settings: IpSettings = {
    ...deviceOf(device, fail),
    ...(server.includes('/') && { peer: peerOf(server, fail) }),
    ...(bootServer !== undefined && { server: bootServer }),
    ...(router !== undefined && { gateway: router }),
    ...(hostname && { hostname }),
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
  if (address !== undefined) throw fail(`an address and ${word} do not go together`, addressOrWay(word));
  if (dhcpWithId) return { ...settings, method: 'dhcp', clientId: parseClientId(word, fail) };
  return { ...settings, method: word === '' ? 'dhcp' : methodOf(word, fail) };
}

function tailOf(rest: readonly string[], fail: Fail): Pick<IpSettings, 'dns' | 'ntp' | 'mtu' | 'mac'> {
  const [first = '', ...others] = rest;
  const isLink = /^[0-9]+$/.test(first) || (first === '' && parseMac(others.join(':')) !== undefined);
  if (isLink) return { dns: [], ntp: [], ...linkOf(first, others, fail) };
  if (rest.length > 3) throw fail(`"${rest.join(':')}" is neither DNS:DNS:NTP nor MTU:MAC`);
  const [dns0, dns1, ntp0] = rest.map((text) => addressOf('server address', text, fail));
  const present = (address: string | undefined) => address !== undefined;
  return { dns: [dns0, dns1].filter(present), ntp: [ntp0].filter(present) };
}

function linkOf(mtu: string | undefined, groups: readonly string[], fail: Fail): Pick<IpSettings, 'mtu' | 'mac'> {
  const text = groups.filter((group) => group !== '').join(':');
  const mac = parseMac(text);
  if (text !== '' && mac === undefined) throw fail(`"${text}" is no MAC address`);
  // 68 bytes is what IPv4 needs (RFC 791).
  if (mtu && !(/^[0-9]{2,5}$/.test(mtu) && Number(mtu) >= 68 && Number(mtu) <= 65535)) throw fail(`"${mtu}" is no MTU`);
  return { ...(mtu && { mtu: Number(mtu) }), ...(mac !== undefined && { mac }) };
}

function methodOf(word: string, fail: Fail): Exclude<Method, 'static'> {
  if (word === 'ibft')
    throw fail(
      'what the firmware says in its iBFT table is not read here',
      `say it: ${IP_HINT.slice('write '.length)}`,
    );
  const known = entryOf(METHODS, word);
  if (known !== undefined) return known;
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

function deviceOf(device: string | undefined, fail: Fail): Pick<IpSettings, 'device'> {
  if (device === undefined || device === '') return {};
  if (!/^[^\s/]{1,127}$/.test(device) || device === '.' || device === '..')
    throw fail(`"${device}" is no interface name`);
  return { device };
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
