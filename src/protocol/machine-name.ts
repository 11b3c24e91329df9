import { isIP } from 'node:net';
import { StatectlError } from '../error.ts';

/**
 * The name that every server of an installation has in its certificate, and no machine: machines ask for it whatever
 * address they reach the server by. `.internal` is nobody's (ICANN, 2024).
 */
export const SERVER_NAME = 'server.statectl.internal';
/** Whole, with all below it: what servers are called by is no machine's. */
const OF_SERVERS = SERVER_NAME.slice(SERVER_NAME.indexOf('.') + 1);
/** RFC 1123, and `_`, which nodes may have; no wildcard, no empty label, so no dot at the end. */
const NAME = /^(?=.{1,253}$)[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*$/i;

/** Names that differ in case alone are one: RFC 4343. */
export const sameName = (name: string): string => name.toLowerCase();

/** Why no machine may have this name in a certificate; undefined: one may. Pure. */
export function machineNameFault(name: string): string | undefined {
  if (!NAME.test(name)) return `"${name}" is no host name, so no certificate can have it`;
  if (`.${sameName(name)}`.endsWith(`.${OF_SERVERS}`))
    return `${name} is a name of servers (${OF_SERVERS}): no machine has it`;
  if (isAddress(name)) return `${name} is an address: a certificate names a machine by what it is called`;
  return undefined;
}

/** Throws `name-refused` for the first name that no machine may have: where a certificate is issued, nothing else is asked. */
export function refuseForeignNames(names: readonly string[]): void {
  const fault = names.map(machineNameFault).find((one) => one !== undefined);
  if (fault !== undefined)
    throw new StatectlError('name-refused', fault, {
      hint: 'give the node another name, or take it out of identity.names; `statectl config check` shows where it is',
    });
}

/**
 * As programs read addresses: 10.1, 0x7f.1 and 2130706433 are ones too (WHATWG URL, "ends in a number"). A small number alone,
 * as machines are called, would be in 0.0.0.0/8, which is nobody's.
 */
function isAddress(name: string): boolean {
  const url = `http://${name}`;
  // A zero first makes it octal, which 08 and 09 are not: no program takes them for an address.
  if (!URL.canParse(url)) return !/^0\d+$/.test(name) && /(?:^|\.)(?:\d+|0x[0-9a-f]*)$/i.test(name);
  const { hostname } = new URL(url);
  return isIP(hostname) !== 0 && !(/^\d+$/.test(name) && hostname.startsWith('0.'));
}
