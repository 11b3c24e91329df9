import { StatectlError } from '../../error.ts';
import { nearest } from '../check/suggest.ts';
import { type Cidr, familyOf } from '../settings/addresses.ts';
import { BOND_MODES, BOND_OPTIONS, type BondMode } from '../settings/bond.ts';
import { splitFields } from './colon-fields.ts';
import { maskToPrefix } from './ip-argument.ts';

/** dracut.cmdline(7): `vlan=`, `bond=`, `bridge=`, `rd.route=`, `nameserver=`. All throw `network-invalid`. */
const invalid = (word: string, why: string, hint: string): StatectlError =>
  new StatectlError('network-invalid', `${word}: ${why}`, { hint });

export interface VlanArgument {
  readonly name: string;
  readonly id: number;
  readonly link: string;
}

/** `NAME:LINK`, where NAME ends in the number: vlan0005, vlan5, eth0.0005 or eth0.5. */
export function parseVlan(value: string): VlanArgument {
  const hint = 'write vlan=NAME:INTERFACE with NAME as vlan0005, vlan5, eth0.0005 or eth0.5';
  const [name = '', link = '', ...rest] = value.split(':');
  const id = Number(/^(?:vlan|.+\.)(\d{1,4})$/.exec(name)?.[1] ?? Number.NaN);
  if (!isName(name) || !isName(link) || rest.length > 0)
    throw invalid(`vlan=${value}`, 'it is not NAME:INTERFACE', hint);
  if (!(id >= 1 && id <= 4094))
    throw invalid(`vlan=${value}`, `"${name}" does not end in a number from 1 to 4094`, hint);
  return { name, id, link };
}

export interface BondArgument {
  readonly name: string;
  readonly members: readonly string[];
  readonly mode: BondMode;
  readonly miimonMs?: number;
  readonly primary?: string;
  readonly options: Readonly<Record<string, string>>;
  readonly mtu?: number;
}

/** `NAME[:MEMBERS[:OPTIONS[:MTU]]]`; without a value bond0 of eth0 and eth1. */
export function parseBond(value: string): BondArgument {
  const hint = 'write bond=NAME:INTERFACE,INTERFACE:mode=active-backup,miimon=100:MTU';
  const fail = (why: string, other = hint) => invalid(`bond=${value}`, why, other);
  const [name = '', members = '', options = '', mtu = '', ...rest] = (value || 'bond0').split(':');
  if (!isName(name) || rest.length > 0) throw fail('it is not NAME:MEMBERS:OPTIONS:MTU');
  if (mtu !== '' && !isMtu(mtu)) throw fail(`"${mtu}" is no MTU`);
  const { mode = 'balance-rr', miimon, primary, ...others } = bondOptions(options, fail);
  if (miimon !== undefined && !/^\d+$/.test(miimon)) throw fail(`miimon is in milliseconds, not "${miimon}"`);
  return {
    name,
    members: names(members || 'eth0,eth1', fail),
    mode: bondMode(mode, fail),
    ...(miimon !== undefined && { miimonMs: Number(miimon) }),
    ...(primary !== undefined && { primary }),
    options: others,
    ...(mtu !== '' && { mtu: Number(mtu) }),
  };
}

type Fail = (why: string, hint?: string) => StatectlError;

function bondOptions(text: string, fail: Fail): Readonly<Record<string, string>> {
  const known = ['mode', 'miimon', 'primary', ...Object.keys(BOND_OPTIONS)];
  return Object.fromEntries(
    text
      .split(',')
      .filter(Boolean)
      .map((word) => {
        const [, key = '', value] = /^([^=]+)=(.+)$/.exec(word) ?? [];
        if (value === undefined) throw fail(`the option "${word}" is not NAME=VALUE`);
        if (known.includes(key)) return [key, value];
        const meant = nearest(key, known);
        throw fail(`bonding has no option "${key}"`, meant ? `did you mean ${meant}?` : `known are ${known.join(' ')}`);
      }),
  );
}

/** By name or number. */
function bondMode(text: string, fail: Fail): BondMode {
  const mode = /^\d$/.test(text) ? BOND_MODES[Number(text)] : BOND_MODES.find((name) => name === text);
  if (mode) return mode;
  const meant = nearest(text, BOND_MODES);
  throw fail(`bonding has no mode "${text}"`, meant ? `did you mean ${meant}?` : `known are ${BOND_MODES.join(' ')}`);
}

export interface BridgeArgument {
  readonly name: string;
  readonly members: readonly string[];
}

/** `NAME:MEMBERS`; without a value br0 of eth0. */
export function parseBridge(value: string): BridgeArgument {
  const fail = (why: string) => invalid(`bridge=${value}`, why, 'write bridge=NAME:INTERFACE,INTERFACE');
  const [name = '', members = '', ...rest] = (value || 'br0:eth0').split(':');
  if (!isName(name) || members === '' || rest.length > 0) throw fail('it is not NAME:MEMBERS');
  return { name, members: names(members, fail) };
}

export interface RouteArgument {
  /** With its prefix. */
  readonly network: string;
  /** Absent: direct. */
  readonly gateway?: string;
  readonly device?: string;
}

/** `NETWORK/PREFIX:[GATEWAY][:INTERFACE]`, IPv6 in brackets. */
export function parseRoute(value: string): RouteArgument {
  const hint = 'write rd.route=10.9.0.0/16:10.0.0.9 or rd.route=[fd09::/64]:[fd00::9]:eth0';
  const fail = (why: string) => invalid(`rd.route=${value}`, why, hint);
  const [network = '', gateway = '', device = '', ...rest] = splitFields(value) ?? [];
  const cidr = networkOf(network);
  if (cidr === undefined) throw fail(`"${network}" is no network with a prefix`);
  if (gateway !== '' && familyOf(gateway) !== familyOf(cidr.address)) throw fail(`"${gateway}" is no router for it`);
  if (rest.length > 0 || (device !== '' && !isName(device))) throw fail('too much follows the router');
  if (gateway === '' && device === '') throw fail('it names neither a router nor an interface');
  return {
    network: `${cidr.address}/${cidr.prefixLength}`,
    ...(gateway !== '' && { gateway }),
    ...(device !== '' && { device }),
  };
}

/** `24` or `255.255.255.0` behind the slash. */
function networkOf(text: string): Cidr | undefined {
  const [address = '', mask = '', ...rest] = text.split('/');
  const family = familyOf(address);
  const prefixLength = family && maskToPrefix(mask, family === 4 ? 32 : 128);
  return prefixLength === undefined || rest.length > 0 ? undefined : { address, prefixLength };
}

/** An address; brackets around IPv6 are taken off. */
export function parseNameserver(value: string): string {
  const address = value.replace(/^\[(.*)\]$/, '$1');
  if (familyOf(address) === undefined)
    throw invalid(`nameserver=${value}`, 'it is no address', 'write nameserver=10.0.0.1 or nameserver=[fd00::1]');
  return address;
}

/** teamd is not in the initramfs, and networkd knows no teams either. */
export const refuseTeam = (value: string): StatectlError =>
  invalid(`team=${value}`, 'teams are not supported', 'a bond does the same: bond=bond0:eth0,eth1:mode=active-backup');

const isName = (text: string): boolean => /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,14}$/.test(text);
const isMtu = (text: string): boolean => /^\d{2,5}$/.test(text) && Number(text) >= 68 && Number(text) <= 65_535;

function names(text: string, fail: Fail): readonly string[] {
  const list = [...new Set(text.split(','))];
  const wrong = list.find((name) => !isName(name));
  if (wrong !== undefined) throw fail(`"${wrong}" is no interface name`);
  return list;
}
