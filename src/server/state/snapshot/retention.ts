import { type Generation, newestFirst } from './generation.ts';

const HOUR_MS = 3_600_000;
const KEPT: readonly (readonly [bucketMs: number, count: number])[] = [
  [HOUR_MS, 24],
  [24 * HOUR_MS, 14],
];

/**
 * What is too much of one history: besides the newest, the newest of each of the last 24 hours that had any stays, and of the last
 * 14 such days. By when they came here; a clock that was wrong makes other hours, and loses nothing of the right ones. Pure.
 */
export function overdue<T extends Pick<Generation, 'id' | 'receivedAtMs'>>(history: readonly T[]): readonly T[] {
  const sorted = newestFirst(history);
  const kept = new Set(sorted.slice(0, 1));
  for (const [bucketMs, count] of KEPT) {
    const buckets = new Map<number, T>();
    for (const one of sorted) {
      const bucket = Math.floor(one.receivedAtMs / bucketMs);
      if (!buckets.has(bucket) && buckets.size < count) buckets.set(bucket, one);
    }
    for (const one of buckets.values()) kept.add(one);
  }
  return sorted.filter((one) => !kept.has(one));
}

/** Something that is kept of a printer. */
export interface Kept {
  readonly id: string;
  readonly sizeBytes: number;
  readonly proof: Generation['proof'];
  /** `newest`: of the line, or of a branch. */
  readonly part: 'apart' | 'line' | 'branch';
  readonly isNewest: boolean;
}

/**
 * What goes, the oldest history first, so that `wantedBytes` more fit; undefined: they do not fit. The newest of the line never
 * goes, and for a machine that is known by its network alone nothing that another one shipped. Pure.
 */
export function makeRoom<T extends Kept>(
  kept: readonly T[],
  { wantedBytes, quotaBytes, proof }: { wantedBytes: number; quotaBytes: number; proof: Generation['proof'] },
): readonly T[] | undefined {
  const order = (one: Kept): number => (one.part === 'apart' ? 0 : one.isNewest ? 2 : 1);
  const mayGo = kept
    .filter((one) => !(one.part === 'line' && one.isNewest) && (proof !== 'network' || one.proof === 'network'))
    .toSorted((a, b) => order(a) - order(b) || (a.id < b.id ? -1 : 1));
  let bytes = kept.reduce((sum, { sizeBytes }) => sum + sizeBytes, wantedBytes);
  const going: T[] = [];
  for (const one of mayGo) {
    if (bytes <= quotaBytes) break;
    going.push(one);
    bytes -= one.sizeBytes;
  }
  return bytes <= quotaBytes ? going : undefined;
}
