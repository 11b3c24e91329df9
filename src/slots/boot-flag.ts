import { createHash } from 'node:crypto';
import * as z from 'zod/mini';
import { readSaid } from '../protocol/read-answer.ts';
import { type CycleKey, keyOfCycle, sealOf } from './cycle-key.ts';
import { SLOTS } from './cycle-state.ts';

export const FLAG_LIMIT_BYTES = 1024;

const count = () => z.int().check(z.minimum(0), z.maximum(Number.MAX_SAFE_INTEGER));
const digest = () => z.string().check(z.regex(/^[0-9a-f]{64}$/));

/** The mark of a system that was healthy. Beside an image that cannot be written, in a root that can; a copy is in the journal. */
const BootFlag = z.strictObject({
  v: z.literal(1),
  machine: z.string().check(z.maxLength(64)),
  slot: z.enum(SLOTS),
  /** SHA-256 of the image; of a root that has none, its file system's UUID. */
  image: z.string().check(z.maxLength(64)),
  /** What changes when somebody else writes the root: of an image, its size. */
  generation: z.string().check(z.maxLength(64)),
  /** The last cycle that was healthy; 0: none was yet. */
  cycle: count(),
  healthyCycles: count(),
  firstMs: z.nullable(count()),
  lastMs: z.nullable(count()),
  /** SHA-256 of the flag before it; empty: the first. */
  prev: z.string().check(z.maxLength(64)),
  seal: digest(),
});
export type BootFlag = z.infer<typeof BootFlag>;

/** In canonical JSON: keys in the order of their bytes, no blanks. One content has one text. */
const canonical = (value: object): string =>
  JSON.stringify(Object.fromEntries(Object.entries(value).toSorted(([one], [other]) => (one < other ? -1 : 1))));

const sealOfFlag = (flag: Omit<BootFlag, 'seal'>, key: CycleKey | undefined): string =>
  sealOf(canonical(flag), key && keyOfCycle(key, flag.cycle)).toString('hex');

/** Its text, sealed by the key of its cycle, or by a checksum. Pure. */
export const writeFlag = (flag: Omit<BootFlag, 'seal'>, key: CycleKey | undefined): string =>
  canonical({ ...flag, seal: sealOfFlag(flag, key) });

/** The text of a flag that was read. Pure. */
export const flagText = (flag: BootFlag): string => canonical(flag);

export const flagDigest = (text: string): string => createHash('sha256').update(text).digest('hex');

interface ReadFlag {
  readonly flag: BootFlag;
  /** `unknown`: by the key of an earlier cycle, which is forgotten, or there is no key. */
  readonly sealed: 'yes' | 'no' | 'unknown';
}

/** A flag as this version writes it, byte for byte; else why it is none. Pure. */
export function readFlag(text: string, key: CycleKey | undefined): ReadFlag | { readonly fault: string } {
  if (Buffer.byteLength(text) > FLAG_LIMIT_BYTES) return { fault: 'is longer than a flag' };
  const { value: flag, fault } = readSaid(text, BootFlag);
  if (!flag) return { fault: `is no flag of this version: ${fault}` };
  if (canonical(flag) !== text) return { fault: 'is not as a flag is written' };
  const { seal, ...content } = flag;
  const own = key && keyOfCycle(key, flag.cycle);
  if (key && !own) return { flag, sealed: 'unknown' };
  const fits = sealOfFlag(content, own) === seal;
  return { flag, sealed: fits ? 'yes' : key ? 'no' : 'unknown' };
}
