/**
 * Damerau-Levenshtein distance (optimal string alignment): how many letters were added, lost, changed or swapped with
 * their neighbour.
 */
export function editDistance(from: string, to: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row++) {
    const current = [row];
    for (let column = 1; column <= to.length; column++) {
      const same = from[row - 1] === to[column - 1];
      let best = Math.min(last[column]! + 1, current[column - 1]! + 1, last[column - 1]! + (same ? 0 : 1));
      const swapped = from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      if (row > 1 && column > 1 && swapped) best = Math.min(best, beforeLast[column - 2]! + 1);
      current.push(best);
    }
    beforeLast = last;
    last = current;
  }
  return last[to.length]!;
}

/** Nobody mistypes a longer one, and the comparison costs its square. */
const LONGEST_WORD = 64;

/** Who mistypes more in one text has not mistyped: each costs a look at all that could be meant. */
export const MOST_SUGGESTIONS = 20;

const fold = (word: string): string => word.toLowerCase().replaceAll('_', '-');

/**
 * The candidate that somebody who typed `word` most likely meant, for "did you mean …?": at most one mistake in three
 * letters; upper case and `_` for `-` are no mistakes. The first one wins a tie.
 */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  if (word.length > LONGEST_WORD) return undefined;
  let best: string | undefined;
  let bestDistance = Number.POSITIVE_INFINITY;
  for (const candidate of candidates) {
    const longer = Math.max(word.length, candidate.length);
    const limit = Math.min(Math.max(1, Math.floor(longer / 3)), longer - 1);
    // The difference in length is a lower bound of the distance, and costs nothing.
    if (Math.abs(word.length - candidate.length) > limit) continue;
    const distance = editDistance(fold(word), fold(candidate));
    if (distance <= limit && distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}
