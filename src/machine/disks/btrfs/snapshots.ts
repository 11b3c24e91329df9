/** Below the top of a btrfs: a folder of snapshots by the name of their subvolume, each a number that only rises. */
export const SNAPSHOTS = '.snapshots';
/** Where a subvolume is made that will take the place of another. */
export const ROLLED_BACK = '.rollback';

/** Of names in the folder of a subvolume: snapshots of ours, the oldest first. Clocks may be wrong; numbers are not. Pure. */
export const snapshotNumbers = (names: readonly string[]): readonly number[] =>
  names
    .filter((name) => /^[1-9]\d{0,14}$/.test(name))
    .map(Number)
    .toSorted((a, b) => a - b);

/** The number of the next one, and which are too many then. Pure. */
export function planSnapshot(names: readonly string[], keep: number): { next: number; drop: readonly number[] } {
  const numbers = snapshotNumbers(names);
  const next = (numbers.at(-1) ?? 0) + 1;
  return { next, drop: [...numbers, next].slice(0, Math.max(0, numbers.length + 1 - keep)) };
}
