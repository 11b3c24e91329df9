/** A socket for both families shows IPv4 as IPv6: RFC 4291, 2.5.5.2. */
export const plainAddress = (remote: string): string => remote.replace(/^::ffff:(?=\d+\.)/i, '');
