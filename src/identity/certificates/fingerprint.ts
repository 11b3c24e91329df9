import { createHash, createPublicKey, type KeyObject } from 'node:crypto';

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567';
const GROUPS = 5;
const GROUP_LETTERS = 4;

/** SHA-256 over the public key (SPKI, DER), in hexadecimal: by it a server knows a machine's key. */
export const keyDigest = (key: KeyObject): string =>
  createHash('sha256')
    .update((key.type === 'private' ? createPublicKey(key) : key).export({ type: 'spki', format: 'der' }))
    .digest('hex');

/**
 * The start of a key's digest as people compare it on two screens: 100 bits in five groups of four letters (RFC 4648's
 * base32, which has neither 0 nor 1), such as `k7fj-2m4q-aaxz-7ddo-q3ba`.
 */
export function fingerprintOf(digest: string): string {
  const bits = BigInt(`0x${digest}`) >> BigInt(digest.length * 4 - GROUPS * GROUP_LETTERS * 5);
  const letters = Array.from(
    { length: GROUPS * GROUP_LETTERS },
    (_, at) => ALPHABET[Number((bits >> BigInt((GROUPS * GROUP_LETTERS - 1 - at) * 5)) & 31n)],
  ).join('');
  return letters.match(/.{4}/g)?.join('-') ?? '';
}

/**
 * As people write it: in capitals, without the hyphens, with blanks. undefined: that is no whole fingerprint, also where a
 * letter only looks like one of the alphabet.
 */
export function parseFingerprint(text: string): string | undefined {
  const letters = text.replace(/[\s-]/g, '').replace(/[A-Z]/g, (capital) => capital.toLowerCase());
  const isWhole = letters.length === GROUPS * GROUP_LETTERS && [...letters].every((one) => ALPHABET.includes(one));
  return isWhole ? letters.match(/.{4}/g)?.join('-') : undefined;
}
