import { isJunkMac } from './junk-identity.ts';

/** ARP hardware types in hex, as PXELINUX and iPXE write them before the address: Ethernet, IEEE 802, InfiniBand. */
const HARDWARE_TYPES = /^(?:0?1|0?6|20)[:-]/;

/**
 * The one reader of MAC addresses, wherever somebody writes one: `AA-BB-…`, `aa:bb:…` with one or two digits a group,
 * `aabb.ccdd.eeff` or twelve digits, and BOOTIF's `01-aa-bb-…` → `aa:bb:cc:dd:ee:ff`; undefined when it is none.
 */
export function parseMac(text: string): string | undefined {
  const lower = text.trim().toLowerCase();
  const address = lower.split(/[:-]/).length === 7 ? lower.replace(HARDWARE_TYPES, '') : lower;
  const isGrouped = /^[0-9a-f]{1,2}([:-])[0-9a-f]{1,2}(?:\1[0-9a-f]{1,2}){4}$/.test(address);
  if (isGrouped)
    return address
      .split(/[:-]/)
      .map((group) => group.padStart(2, '0'))
      .join(':');
  const isBare = /^(?:[0-9a-f]{12}|(?:[0-9a-f]{4}\.){2}[0-9a-f]{4})$/.test(address);
  return isBare ? address.replaceAll('.', '').replace(/..(?=.)/g, '$&:') : undefined;
}

/** The same, of a card by which a machine can be known: no group's address, nothing that many cards have. */
export function cardMac(text: string): string | undefined {
  const mac = parseMac(text);
  return mac === undefined || isJunkMac(mac) ? undefined : mac;
}
