/** Of the rounds that came to their end. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** undefined of nothing. The median of an even number of values is the mean of the two in the middle. */
export function spreadOf(values: readonly number[]): Spread | undefined {
  const sorted = values.toSorted((a, b) => a - b);
  const min = sorted[0];
  const max = sorted.at(-1);
  if (min === undefined || max === undefined) return undefined;
  const lower = sorted[(sorted.length - 1) >> 1] ?? min;
  const upper = sorted[sorted.length >> 1] ?? max;
  return { median: (lower + upper) / 2, min, max };
}
