import { isIPv4, isIPv6 } from 'node:net';
import { integerOf, refuse } from './input.ts';

interface Address {
  readonly family: 4 | 6;
  readonly bits: bigint;
  /** How many leading bits are the network; undefined for an address alone. */
  readonly prefix: number | undefined;
}

const widthOf = (family: 4 | 6): number => (family === 4 ? 32 : 128);

/** `10.0.0.5`, `10.0.0.5/24`, `fd00::5/64`. */
function parse(value: unknown): Address {
  const [, text = '', digits] = /^([^/%]+)(?:\/(\d{1,3}))?$/.exec(typeof value === 'string' ? value.trim() : '') ?? [];
  const family = isIPv4(text) ? 4 : isIPv6(text) ? 6 : undefined;
  if (!family) throw refuse('an address such as 10.0.0.5/24 or fd00::5/64', value);
  const prefix = digits === undefined ? undefined : Number(digits);
  if (prefix !== undefined && prefix > widthOf(family)) throw refuse(`a prefix of at most ${widthOf(family)}`, value);
  return { family, bits: family === 4 ? bitsOf4(text) : bitsOf6(text), prefix };
}

const bitsOf4 = (text: string): bigint => text.split('.').reduce((bits, octet) => (bits << 8n) | BigInt(octet), 0n);

function bitsOf6(text: string): bigint {
  const hex = text.replace(/\d+\.\d+\.\d+\.\d+$/, (tail) => {
    const bits = bitsOf4(tail);
    return `${(bits >> 16n).toString(16)}:${(bits & 0xffffn).toString(16)}`;
  });
  const [head = [], tail] = hex.split('::').map((part) => (part === '' ? [] : part.split(':')));
  const missing = tail === undefined ? 0 : 8 - head.length - tail.length;
  const groups = [...head, ...Array<string>(missing).fill('0'), ...(tail ?? [])];
  return groups.reduce((bits, group) => (bits << 16n) | BigInt(`0x${group}`), 0n);
}

/** RFC 5952 for IPv6, which is what a URL's host is written as. */
function write({ family, bits }: Pick<Address, 'family' | 'bits'>): string {
  if (family === 4) return [24n, 16n, 8n, 0n].map((shift) => (bits >> shift) & 255n).join('.');
  const groups = Array.from({ length: 8 }, (_, index) => ((bits >> BigInt(112 - 16 * index)) & 0xffffn).toString(16));
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1);
}

function withPrefix(value: unknown): Address & { readonly prefix: number } {
  const address = parse(value);
  if (address.prefix === undefined) throw refuse('an address with its prefix, such as 10.0.0.5/24', value);
  return { ...address, prefix: address.prefix };
}

const maskOf = ({ family, prefix }: { family: 4 | 6; prefix: number }): bigint =>
  ((1n << BigInt(prefix)) - 1n) << BigInt(widthOf(family) - prefix);

export const ipAddress = (value: unknown): string => write(parse(value));
export const ipPrefix = (value: unknown): number => withPrefix(value).prefix;

export function ipNetwork(value: unknown): string {
  const address = withPrefix(value);
  return `${write({ ...address, bits: address.bits & maskOf(address) })}/${address.prefix}`;
}

export function ipNetmask(value: unknown): string {
  const address = withPrefix(value);
  return write({ ...address, bits: maskOf(address) });
}

/** The address so many further; what leaves its network, or all there is, is refused. */
export function ipAdd(value: unknown, count: unknown): string {
  const address = parse(value);
  const bits = address.bits + BigInt(integerOf(count, 'how many addresses further'));
  const width = BigInt(widthOf(address.family));
  const mask = maskOf({ family: address.family, prefix: address.prefix ?? 0 });
  if (bits < 0n || bits >> width !== 0n || (bits & mask) !== (address.bits & mask))
    throw new Error(
      `${value} and ${count} more leaves the network${address.prefix === undefined ? ' of all addresses' : ''}`,
    );
  return write({ ...address, bits }) + (address.prefix === undefined ? '' : `/${address.prefix}`);
}
