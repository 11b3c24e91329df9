/** One letter of a pattern, or as many as there are; with `skips` none, and it and as many after it may be missing. */
interface Part {
  readonly takes: (letter: string) => boolean;
  readonly isRepeated?: boolean;
  readonly skips?: number;
}

const noLetter = (): boolean => false;
const anyLetter = (): boolean => true;
const ofName = (letter: string): boolean => letter !== '/';

/** `*` and `?` stay within a name, `**` does not, `[a-c]` and `[!a]` are sets: what all shells have. */
export const isPattern = (text: string): boolean => /[*?[]/.test(text);

/**
 * Whether a name is of a pattern, in a time that both lengths bound: a regular expression made of somebody's stars takes
 * for ever, and braces that are written out take all memory. Pure.
 */
export function matchesPattern(name: string, pattern: string): boolean {
  const parts = partsOf(pattern);
  let at = new Set(withoutLetter(parts, [0]));
  for (const letter of name) {
    const next = [...at].flatMap((index) => {
      const part = parts[index];
      return part?.takes(letter) ? [part.isRepeated ? index : index + 1] : [];
    });
    if (next.length === 0) return false;
    at = new Set(withoutLetter(parts, next));
  }
  return at.has(parts.length);
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

const PARTS = /(\*\*)(\/?)|(\*)|(\?)|\[(!?)([^\]]+)\]|([^])/gu;

const partsOf = (pattern: string): readonly Part[] =>
  [...pattern.matchAll(PARTS)].flatMap(([, folders, slash, star, one, not, set, letter]): readonly Part[] => {
    // `a/**/b` is a/b, too.
    if (folders && slash)
      return [{ takes: noLetter, skips: 3 }, { takes: anyLetter, isRepeated: true }, literally('/')];
    if (folders) return [{ takes: anyLetter, isRepeated: true }];
    if (star) return [{ takes: ofName, isRepeated: true }];
    if (one) return [{ takes: ofName }];
    if (set === undefined) return [literally(letter ?? '')];
    const isIn = inSet(set);
    return [{ takes: (given) => ofName(given) && isIn(given) !== (not === '!') }];
  });

const literally = (letter: string): Part => ({ takes: (given) => given === letter });

function inSet(set: string): (letter: string) => boolean {
  const ranges = [...set.matchAll(/([^])-([^])|([^])/gu)].map(
    ([, from, to, single]) => [from ?? single ?? '', to ?? single ?? ''] as const,
  );
  return (letter) => ranges.some(([from, to]) => from <= letter && letter <= to);
}
