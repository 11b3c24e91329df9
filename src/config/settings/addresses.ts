import { isIP } from 'node:net';

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
