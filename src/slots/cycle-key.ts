import { createHash, createHmac } from 'node:crypto';
import { recordOrNone } from '../host/record.ts';

/** The key of one cycle. Those of earlier ones cannot be found from it, so what they sealed cannot be forged any more. */
export interface CycleKey {
  readonly cycle: number;
  /** 64 hexadecimal digits. */
  readonly key: string;
}

/** A journal is ahead of its key by the cycle whose key was not written any more: a few, where the disk took no key for a while. */
const FURTHEST = 64;

const next = (key: string): string =>
  createHash('sha256').update('statectl cycle key').update(Buffer.from(key, 'hex')).digest('hex');

/** The key of that cycle, K(n+1) = H(K(n)); undefined for one before this key, which nobody knows any more. Pure. */
export function keyOfCycle({ cycle, key }: CycleKey, wanted: number): CycleKey | undefined {
  if (wanted < cycle || wanted > cycle + FURTHEST) return undefined;
  let found = key;
  for (let at = cycle; at < wanted; at += 1) found = next(found);
  return { cycle: wanted, key: found };
}

/** With a key, HMAC-SHA256; without one a checksum, which guards against accidents alone. Pure. */
export const sealOf = (content: Uint8Array | string, key: CycleKey | undefined): Buffer =>
  key
    ? createHmac('sha256', Buffer.from(key.key, 'hex')).update(content).digest()
    : createHash('sha256').update(content).digest();

export const writeKey = ({ cycle, key }: CycleKey): string => `${JSON.stringify({ v: 1, cycle, key })}\n`;

/** undefined for what is none. Pure. */
export function readKey(text: string | undefined): CycleKey | undefined {
  const read = recordOrNone<CycleKey>(text, { cycle: 'number', key: 'text' });
  return read && Number.isSafeInteger(read.cycle) && read.cycle >= 0 && /^[0-9a-f]{64}$/.test(read.key)
    ? { cycle: read.cycle, key: read.key }
    : undefined;
}
