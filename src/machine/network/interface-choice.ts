import { IP_HINT, type IpArgument } from '../../config/command-line/ip-argument.ts';
import { StatectlError } from '../../error.ts';
import { parseMac } from '../../protocol/mac-address.ts';
import type { InterfaceFacts } from '../facts/network-facts.ts';

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
  const byMac = (mac: string | undefined) => nics.find((nic) => mac !== undefined && parseMac(nic.mac) === mac);
  const find = (name: string): InterfaceFacts | undefined => {
    const alias = aliases.find((each) => each.name === name);
    if (alias !== undefined) return byMac(alias.mac);
    return nics.find((nic) => nic.name === name) ?? byMac(parseMac(name.replace(/^enx(?=[0-9a-f]{12}$)/, '')));
  };
  const active = ipArguments.filter(({ method }) => method !== 'off');
  const off = ipArguments.filter(({ method }) => method === 'off');
  const chosen = (nic: InterfaceFacts | undefined, what: string, reason: string): InterfaceChoice => {
    if (nic === undefined) throw missingInterface(`${what}, but there is no such interface`, nics);
    const alias = aliases.find(({ mac }) => mac === parseMac(nic.mac))?.name;
    const own = active.find(({ device }) => device !== undefined && find(device) === nic);
    const ip = own ?? active.find(({ device }) => device === undefined);
    return { nic, reason, rename: alias === nic.name ? undefined : alias, ip };
  };

  if (active.length === 0 && off.some(({ device }) => device === undefined)) return undefined;
  const named = active.map(({ device }) => device).filter((device) => device !== undefined);
  const device = bootdev !== undefined && named.includes(bootdev) ? bootdev : named[0];
  if (device !== undefined) return chosen(find(device), `ip= names ${device}`, 'named in ip=');
  if (bootif) {
    const mac = parseMac(bootif);
    if (mac === undefined)
      throw new StatectlError('ip-invalid', `BOOTIF=${bootif} holds no MAC address`, { hint: IP_HINT });
    return chosen(byMac(mac), `the boot loader used ${mac} (BOOTIF=)`, 'BOOTIF=');
  }
  const [alias] = aliases;
  if (alias !== undefined) return chosen(byMac(alias.mac), `ifname= names ${alias.mac}`, 'ifname=');
  if (bootdev) return chosen(find(bootdev), `bootdev= names ${bootdev}`, 'bootdev=');
  const silenced = off.map((each) => find(each.device ?? ''));
  const wired = nics.filter((nic) => !nic.wireless && nic.name !== 'lo' && !silenced.includes(nic));
  const linked = wired.find(({ carrier }) => carrier);
  if (linked !== undefined) return chosen(linked, '', 'first wired interface with a carrier');
  if (wired[0] === undefined) throw missingInterface('there is no wired network interface to use', nics);
  return chosen(wired[0], '', 'first wired interface');
}

function parseIfname(text: string): { readonly name: string; readonly mac: string } {
  const [name = '', ...rest] = text.split(':');
  const mac = parseMac(rest.join(':'));
  if (name !== '' && mac !== undefined) return { name, mac };
  throw new StatectlError('ip-invalid', `ifname=${text} is not NAME:MAC`, {
    hint: 'write ifname=boot0:52:54:00:12:34:56',
  });
}

/** With what there is instead. */
export function missingInterface(what: string, nics: readonly InterfaceFacts[]): StatectlError {
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
