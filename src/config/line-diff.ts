/** More pairs of lines than this are not compared: then all that lies between is told as gone and come. */
const MOST_PAIRS = 4_000_000;

/** What differs between two texts, in their order: lines that went (`-…`) and lines that came (`+…`). Pure. */
export function changedLines(from: string | undefined, to: string | undefined): readonly string[] {
  const [old, now] = [linesOf(from), linesOf(to)];
  let head = 0;
  while (head < old.length && head < now.length && old[head] === now[head]) head += 1;
  let tail = 0;
  while (tail < Math.min(old.length, now.length) - head && old.at(-1 - tail) === now.at(-1 - tail)) tail += 1;
  return between(old.slice(head, old.length - tail), now.slice(head, now.length - tail));
}

/** A last line without its end differs from one that has it. */
const linesOf = (text = ''): readonly string[] => {
  const lines = text.split('\n');
  const last = lines.pop();
  return last ? [...lines, `${last} (no end of line)`] : lines;
};

/** By the longest sequence of lines that stayed. */
function between(old: readonly string[], now: readonly string[]): readonly string[] {
  if (old.length * now.length > MOST_PAIRS) return [...old.map((line) => `-${line}`), ...now.map((line) => `+${line}`)];
  // stayed[i][j]: how many lines of old from i on and of now from j on are the same.
  const stayed = Array.from({ length: old.length + 1 }, () => new Uint32Array(now.length + 1));
  const at = (i: number, j: number): number => stayed[i]?.[j] ?? 0;
  for (let i = old.length - 1; i >= 0; i -= 1)
    for (let j = now.length - 1; j >= 0; j -= 1)
      (stayed[i] as Uint32Array)[j] = old[i] === now[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
  const changes: string[] = [];
  let [i, j] = [0, 0];
  while (i < old.length || j < now.length)
    if (i < old.length && j < now.length && old[i] === now[j]) [i, j] = [i + 1, j + 1];
    else if (j === now.length || (i < old.length && at(i + 1, j) >= at(i, j + 1))) changes.push(`-${old[i++]}`);
    else changes.push(`+${now[j++]}`);
  return changes;
}
