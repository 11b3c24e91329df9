import { BlockList, isIP } from 'node:net';

export type Family = 4 | 6;

/** An address with the length of its network's prefix. */
export interface Cidr {
  readonly address: string;
  readonly prefixLength: number;
}

/** 4 or 6; undefined when it is no address. */
export const familyOf = (address: string): Family | undefined => (isIP(address) || undefined) as Family | undefined;

/** `10.0.0.7/24` or `fd00::7/64`; undefined when it is neither, or has no prefix. */
export function parseCidr(text: string): Cidr | undefined {
  const [, address = '', prefix = ''] = /^([^/]+)\/(\d{1,3})$/.exec(text) ?? [];
  const family = familyOf(address);
  const prefixLength = Number(prefix);
  if (family === undefined || prefixLength > (family === 4 ? 32 : 128)) return undefined;
  return { address, prefixLength };
}

/** Where no other host could reach it: itself, every host, many, or one of each link. */
const NOWHERE = new BlockList();
for (const [network, prefix] of [
  ['0.0.0.0', 8],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['224.0.0.0', 3],
] as const)
  NOWHERE.addSubnet(network, prefix, 'ipv4');
for (const [network, prefix] of [
  ['::', 127],
  ['fe80::', 10],
  ['ff00::', 8],
] as const)
  NOWHERE.addSubnet(network, prefix, 'ipv6');

/** Whether one host can be reached there by others, whatever link they are on. */
export const isReachable = (address: string): boolean => {
  const family = familyOf(address);
  return family !== undefined && !NOWHERE.check(address, family === 4 ? 'ipv4' : 'ipv6');
};
