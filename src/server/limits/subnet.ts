import { isIPv4 } from 'node:net';
import { StatectlError } from '../../error.ts';

/** An IPv4 network, as DHCP needs it. */
export interface Subnet {
  readonly network: string;
  readonly netmask: string;
  /** A range for leases: the upper half, which routers and servers with fixed addresses seldom use. */
  readonly first: string;
  readonly last: string;
}

const toNumber = (address: string): number => address.split('.').reduce((sum, byte) => sum * 256 + Number(byte), 0);
const toAddress = (value: number): string =>
  [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.');

/** Reads `192.168.7.0/24`; an address inside it will do. Throws `subnet-invalid`. */
export function parseSubnet(text: string): Subnet {
  const [, address = '', length = ''] = /^([\d.]+)\/(\d{1,2})$/.exec(text) ?? [];
  if (!isIPv4(address) || Number(length) < 8 || Number(length) > 29)
    throw new StatectlError('subnet-invalid', `"${text}" is not a network for machines`, {
      hint: 'write it as 192.168.7.0/24, with 8 to 29 behind the slash',
    });
  const size = 2 ** (32 - Number(length));
  const network = toNumber(address) - (toNumber(address) % size);
  return {
    network: toAddress(network),
    netmask: toAddress(2 ** 32 - size),
    first: toAddress(network + size / 2),
    last: toAddress(network + size - 2),
  };
}
