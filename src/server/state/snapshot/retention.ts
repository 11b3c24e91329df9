import { type Generation, newestFirst } from './generation.ts';

const HOUR_MS = 3_600_000;
const KEPT: readonly (readonly [bucketMs: number, count: number])[] = [
  [HOUR_MS, 24],
  [24 * HOUR_MS, 14],
];

/**
 * What is too much of one history: besides the newest, the newest of each of the last 24 hours that had any stays, and of the last
 * 14 such days, each for itself before and after an admin took a branch: the one does not go on with the other. By when they came
 * here; a clock that was wrong makes other hours, and loses nothing of the right ones. Pure.
 */
export function overdue<T extends Pick<Generation, 'id' | 'receivedAtMs' | 'takenFrom'>>(
  history: readonly T[],
): readonly T[] {
  const sorted = newestFirst(history);
  const stretches = stretchesOf(sorted);
  const kept = new Set(sorted.slice(0, 1));
  for (const [bucketMs, count] of KEPT) {
    const buckets = new Map<string, T>();
    for (const one of sorted) {
      const bucket = `${stretches.get(one)} ${Math.floor(one.receivedAtMs / bucketMs)}`;
      if (!buckets.has(bucket) && buckets.size < count) buckets.set(bucket, one);
    }
    for (const one of buckets.values()) kept.add(one);
  }
  // What was taken stays as the mark between the two, as long as there is something of before.
  const isMark = (one: T, at: number): boolean =>
    one.takenFrom !== undefined && sorted.slice(at + 1).some((older) => kept.has(older));
  return sorted.filter((one, at) => !kept.has(one) && !isMark(one, at));
}

/** How often a branch was taken after each. */
function stretchesOf<T extends Pick<Generation, 'takenFrom'>>(sorted: readonly T[]): ReadonlyMap<T, number> {
  let taken = 0;
  return new Map(
    sorted.map((one) => {
      const stretch = taken;
      if (one.takenFrom !== undefined) taken += 1;
      return [one, stretch];
    }),
  );
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
