/** One letter of a pattern, or as many as there are; with `skips` none, and it and as many after it may be missing. */
interface Part {
  readonly takes: (letter: string) => boolean;
  readonly isRepeated?: boolean;
  readonly skips?: number;
}

/**
 * Where a slash `separates` names, `*`, `?` and sets stay within one, and `**` does not: what all shells have. Where it is a
 * `letter` like any other, all is as fnmatch(3) has it without flags.
 */
export type Slash = 'separates' | 'letter';

const noLetter = (): boolean => false;
const anyLetter = (): boolean => true;
const ofName = (letter: string): boolean => letter !== '/';

/** Whether a text has `*`, `?` or the start of a set such as `[a-c]` or `[!a]`. */
export const isPattern = (text: string): boolean => /[*?[]/.test(text);

/**
 * Answers whether a name is of a pattern, in a time that both lengths bound: a regular expression made of somebody's stars
 * takes for ever, and braces that are written out take all memory. Pure.
 */
export function patternOf(pattern: string, slash: Slash = 'separates'): (name: string) => boolean {
  // Most names are not of most patterns, and differ in what needs no thinking.
  const [head = ''] = /^[^*?[]*/.exec(pattern) ?? [];
  const parts = partsOf(pattern.slice(head.length), slash);
  const start = withoutLetter(parts, [0]);
  return (name) => {
    if (!name.startsWith(head)) return false;
    let at = start;
    for (const letter of name.slice(head.length)) {
      const next: number[] = [];
      for (const index of at) {
        const part = parts[index];
        if (part?.takes(letter)) next.push(part.isRepeated ? index : index + 1);
      }
      if (next.length === 0) return false;
      at = withoutLetter(parts, next);
    }
    return at.has(parts.length);
  };
}

/** Where one is in a pattern, and may be as well without another letter. */
function withoutLetter(parts: readonly Part[], from: readonly number[]): ReadonlySet<number> {
  const reached = new Set(from);
  for (const index of reached) {
    const part = parts[index];
    if (part?.isRepeated || part?.skips) reached.add(index + 1);
    if (part?.skips) reached.add(index + part.skips);
  }
  return reached;
}

const PARTS = /(\*\*)(\/?)|(\*)|(\?)|\[([!^]?)([^\]]+)\]|([^])/gu;

function partsOf(pattern: string, slash: Slash): readonly Part[] {
  const ofPart = slash === 'separates' ? ofName : anyLetter;
  return [...pattern.matchAll(PARTS)].flatMap(([, folders, after, star, one, not, set, letter]): readonly Part[] => {
    // `a/**/b` is a/b, too.
    if (folders && after && slash === 'separates')
      return [{ takes: noLetter, skips: 3 }, { takes: anyLetter, isRepeated: true }, literally('/')];
    if (folders) return [{ takes: anyLetter, isRepeated: true }, ...(after ? [literally('/')] : [])];
    if (star) return [{ takes: ofPart, isRepeated: true }];
    if (one) return [{ takes: ofPart }];
    if (set === undefined) return [literally(letter ?? '')];
    const isIn = inSet(set);
    return [{ takes: (given) => ofPart(given) && isIn(given) !== (not !== '') }];
  });
}

const literally = (letter: string): Part => ({ takes: (given) => given === letter });

/** Of a range whose end is before its start, such as `z-a`, nothing is. */
function inSet(set: string): (letter: string) => boolean {
  const ranges = [...set.matchAll(/([^])-([^])|([^])/gu)].map(
    ([, from, to, single]) => [from ?? single ?? '', to ?? single ?? ''] as const,
  );
  return (letter) => ranges.some(([from, to]) => from <= letter && letter <= to);
}
