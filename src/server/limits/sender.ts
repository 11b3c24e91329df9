import { isIPv6 } from 'node:net';

/** Whom an address tells of: by IPv6 a network of 64 bits, in which a machine may take any address. */
export function senderOf(remote: string): string {
  const address = addressOf(remote);
  return isIPv6(address) ? groupsOf(address).slice(0, 4).join(':') : address;
}

/** What one owner commonly has: by IPv4 24 bits, by IPv6 48. */
export function networkOf(remote: string): string {
  const address = addressOf(remote);
  return isIPv6(address) ? groupsOf(address).slice(0, 3).join(':') : address.split('.').slice(0, 3).join('.');
}

/** Without its zone; `::ffff:10.0.0.1`, as a socket for both has it, is an address of IPv4. */
function addressOf(remote: string): string {
  const [address = ''] = remote.split('%');
  return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1] ?? address;
}

/** The eight groups of an IPv6 address, in hex without leading zeros. */
export function groupsOf(address: string): readonly string[] {
  const [head = '', tail] = address.split('::');
  const [before, after] = [head, tail ?? ''].map((part) => part.split(':').filter(Boolean)) as [string[], string[]];
  const zeros = tail === undefined ? 0 : 8 - before.length - after.length;
  const groups = [...before, ...Array<string>(zeros).fill('0'), ...after];
  return groups.map((group) => Number.parseInt(group, 16).toString(16));
}
