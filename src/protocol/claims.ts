import * as z from 'zod/mini';
import { archName } from './arch-names.ts';
import { isJunkUuid, isPlaceholder } from './junk-identity.ts';
import { isLabel } from './labels.ts';
import { cardMac } from './mac-address.ts';

/**
 * What a machine says of itself, from the most to the least particular, which is also the order in which selectors win.
 * Claims, not proofs: they may choose, and never refuse.
 */
export const CLAIMS = ['mac', 'uuid', 'serial', 'hostname', 'arch', 'labels', 'macs'] as const;
export type Claim = (typeof CLAIMS)[number];

/** Each in its normal form. */
export const Claims = z.object({
  /** Of the card that it boots from, lower case with colons. */
  mac: z.exactOptional(z.string()),
  /** SMBIOS UUID, lower case. */
  uuid: z.exactOptional(z.string()),
  serial: z.exactOptional(z.string()),
  /** What DHCP or its kernel command line calls it, lower case. */
  hostname: z.exactOptional(z.string()),
  /** As `uname -m` prints it. */
  arch: z.exactOptional(z.string()),
  /** `room=b12,row=3`: what its kernel command line says with statectl.label=, by name. */
  labels: z.exactOptional(z.string()),
  /** Of its other wired cards, separated by commas. */
  macs: z.exactOptional(z.string()),
} satisfies Record<Claim, unknown>);
export type Claims = Readonly<z.infer<typeof Claims>>;

export interface ReadClaims {
  readonly claims: Claims;
  /** A sentence for each that could not be read, which counts as not said. */
  readonly odd: readonly string[];
}

/** More cards than any machine has. */
export const MOST_CARDS = 32;
const LONGEST_LABELS = 1024;
/** No claim is longer; what is need not even be looked at. */
const LONGEST_CLAIM = 4096;

const NORMAL: Readonly<Record<Claim, (text: string) => string | undefined>> = {
  mac: cardMac,
  uuid: (text) =>
    /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text) && !isJunkUuid(text.toLowerCase())
      ? text.toLowerCase()
      : undefined,
  serial: (text) => (/^[\x20-\x7e]{1,128}$/.test(text) && !isPlaceholder(text) ? text : undefined),
  // A DHCP server may have any name for it: `_` is no letter of DNS, and common.
  hostname: (text) =>
    text.length <= 253 && /^[a-z0-9_.-]+$/i.test(text) && /[a-z0-9]/i.test(text) ? text.toLowerCase() : undefined,
  labels: (text) => fitting(items(text).filter(isLabel), LONGEST_LABELS),
  macs: (text) => {
    const macs = items(text).flatMap((item) => cardMac(item) ?? []);
    return [...new Set(macs)].toSorted().slice(0, MOST_CARDS).join(',') || undefined;
  },
  arch: (text) => (/^[a-z0-9_]{1,32}$/i.test(text) ? archName(text) : undefined),
};

/** iPXE sends nothing between two commas for a card that is not there. */
const items = (text: string): readonly string[] =>
  text
    .split(',')
    .map((item) => item.trim())
    .filter(Boolean);

/** As many as fit, sorted; the same again of what comes out. */
function fitting(labels: readonly string[], longest: number): string | undefined {
  let text = '';
  for (const label of [...new Set(labels)].toSorted()) {
    const next = text === '' ? label : `${text},${label}`;
    if (next.length > longest) break;
    text = next;
  }
  return text || undefined;
}

/** One value in its normal form; undefined for what no machine can have, or many machines say. */
export const normalClaim = (claim: Claim, text: string): string | undefined =>
  text.length > LONGEST_CLAIM ? undefined : NORMAL[claim](text.trim());

/** What a machine gives no value to says nothing: iPXE expands unknown settings to nothing, makers fill in words. */
const saysNothing = (claim: Claim, text: string): boolean =>
  /^[\s,]*$/.test(text) ||
  (text.length <= LONGEST_CLAIM &&
    (claim === 'serial' || claim === 'uuid') &&
    /^[\x20-\x7e]+$/.test(text) &&
    (isPlaceholder(text) || (/^[0-9a-f-]{36}$/i.test(text.trim()) && NORMAL.uuid(text.trim()) === undefined)));

/** Whether a list lost something: the rest of it counts. */
const isPartial = (claim: Claim, text: string, normal: string): boolean =>
  (claim === 'macs' || claim === 'labels') && new Set(items(text)).size > normal.split(',').length;

/**
 * Reads what a machine says of itself, on the machine and on the server alike: what cannot be read counts as not said, of a
 * list that item alone. Reading what comes out again changes nothing. Pure.
 */
export function readClaims(said: { readonly [Key in Claim]?: string | undefined }): ReadClaims {
  const claims: { [Key in Claim]?: string } = {};
  const odd: string[] = [];
  for (const claim of CLAIMS) {
    const text = said[claim];
    if (text === undefined || saysNothing(claim, text)) continue;
    const normal = normalClaim(claim, text);
    if (normal === undefined) odd.push(`${claim} ${quoted(text)} cannot be read: it counts as not said`);
    else {
      claims[claim] = normal;
      if (isPartial(claim, text, normal))
        odd.push(`${claim} ${quoted(text)}: what of it cannot be read counts as not said`);
    }
  }
  const { macs, ...others } = claims;
  const cards = items(macs ?? '').filter((mac) => mac !== claims.mac);
  return { claims: cards.length === 0 ? others : { ...others, macs: cards.join(',') }, odd };
}

const LONGEST_QUOTE = 80;

/** What a stranger wrote, in letters that do nothing to a terminal. */
const quoted = (text: string): string =>
  `${JSON.stringify(text.slice(0, LONGEST_QUOTE)).replace(/[^\x20-\x7e]/g, (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`)}${text.length > LONGEST_QUOTE ? ' …' : ''}`;
