import { StatectlError } from '../../error.ts';

/** More names than any one file means; counted before the first is made. */
const MOST_NAMES = 20_000;
/** RFC 1035, with the dots. */
const LONGEST_NAME = 253;
const LONGEST_QUOTE = 80;

/** Of one bracket: from and to, and how many digits the first number was written with. */
interface Range {
  readonly from: number;
  readonly to: number;
  readonly width: number;
}

/** One name or many: texts, and brackets of numbers between them. */
type Term = readonly (string | readonly Range[])[];

/**
 * Expands a hostlist as Slurm, pdsh and genders write it: `print[01-24]`, `n[1,3-5]-ib`, `a[1-2]b[1-2]`, several with
 * commas outside the brackets. The width of the first number is kept. Throws `hostlist-invalid`.
 */
export function expandHostlist(text: string): readonly string[] {
  const terms = termsOf(text);
  if (terms.reduce((sum, term) => sum + countOf(term), 0) > MOST_NAMES)
    throw invalid(text, `more than ${MOST_NAMES} names`);
  const names = new Set<string>();
  for (const term of terms)
    for (const name of namesOf(term)) {
      if (!isName(name)) throw invalid(text, `"${cut(name)}" is no host name`);
      names.add(name);
    }
  return [...names];
}

const isName = (name: string): boolean =>
  name.length <= LONGEST_NAME && /^[A-Za-z0-9._-]+$/.test(name) && !/^[._-]|[._-]$/.test(name);

/** Commas inside brackets belong to the range. Every letter is looked at once. */
function termsOf(text: string): readonly Term[] {
  const terms: Term[] = [];
  let term: (string | readonly Range[])[] = [];
  const add = (part: string): void => void (part !== '' && term.push(part));
  const end = (): void => {
    if (term.length > LONGEST_NAME) throw invalid(text, 'a name has too many parts');
    if (term.length > 0) terms.push(term);
    term = [];
  };
  let from = 0;
  for (let at = 0; at <= text.length; at += 1) {
    const letter = text[at];
    if (letter === '[') {
      const close = text.indexOf(']', at);
      if (close < 0) throw invalid(text, 'a bracket is not closed');
      const part = text.slice(from, at);
      add(term.length === 0 ? part.trimStart() : part);
      term.push(
        text
          .slice(at + 1, close)
          .split(',')
          .map((range) => rangeOf(range, text)),
      );
      at = close;
      from = close + 1;
    } else if (letter === ',' || letter === undefined) {
      const part = text.slice(from, at);
      add(term.length === 0 ? part.trim() : part.trimEnd());
      end();
      from = at + 1;
    }
  }
  return terms;
}

function rangeOf(range: string, text: string): Range {
  const [, first = '', last = first] = /^(\d{1,9})(?:-(\d{1,9}))?$/.exec(range.trim()) ?? [];
  if (first === '') throw invalid(text, `"${cut(range)}" is no number or range such as 01-24, of nine digits at most`);
  const [from, to] = [Number(first), Number(last)];
  if (to < from) throw invalid(text, `${range} counts down`);
  return { from, to, width: first.length };
}

const countOf = (term: Term): number =>
  term.reduce(
    (count, part) =>
      count * (typeof part === 'string' ? 1 : part.reduce((sum, { from, to }) => sum + to - from + 1, 0)),
    1,
  );

/** The last bracket counts fastest. */
const namesOf = (term: Term): readonly string[] =>
  term.reduce<readonly string[]>(
    (heads, part) => {
      const parts = typeof part === 'string' ? [part] : part.flatMap(numbersOf);
      return heads.flatMap((head) => parts.map((next) => head + next));
    },
    [''],
  );

const numbersOf = ({ from, to, width }: Range): readonly string[] =>
  Array.from({ length: to - from + 1 }, (_, index) => String(from + index).padStart(width, '0'));

const cut = (text: string): string => (text.length > LONGEST_QUOTE ? `${text.slice(0, LONGEST_QUOTE)}…` : text);

const invalid = (text: string, why: string): StatectlError =>
  new StatectlError('hostlist-invalid', `"${cut(text)}": ${why}`, { hint: 'write print[01-24] or print01,print02' });

/** What the names of a series have in common, and their numbers as they are written. */
interface Series {
  readonly head: string;
  readonly tail: string;
  readonly digits: string[];
}

const IN_ORDER = new Intl.Collator('en', { numeric: true });

/** Names as a hostlist, runs of numbers in brackets: `print[01-24],server`. The inverse of expandHostlist, in order. */
export function foldHostlist(names: readonly string[]): string {
  const folded: { readonly first: string; readonly text: string }[] = [];
  const series = new Map<string, Series>();
  for (const name of new Set(names)) {
    const [from, to] = lastNumber(name);
    if (from === to) folded.push({ first: name, text: name });
    else {
      const [head, tail] = [name.slice(0, from), name.slice(to)];
      const key = `${head}\0${tail}`;
      const known = series.get(key) ?? { head, tail, digits: [] };
      known.digits.push(name.slice(from, to));
      series.set(key, known);
    }
  }
  for (const { head, tail, digits } of series.values())
    for (const alike of byWidth(digits)) {
      const written = runsOf(alike);
      const inside = written.join(',');
      const isOne = written.length === 1 && !inside.includes('-');
      folded.push({ first: `${head}${alike[0]}${tail}`, text: `${head}${isOne ? inside : `[${inside}]`}${tail}` });
    }
  return folded
    .toSorted((a, b) => IN_ORDER.compare(a.first, b.first) || (a.first < b.first ? -1 : 1))
    .map(({ text }) => text)
    .join(',');
}

/** Where the last digits of a name begin and end, nine at most; the same place twice where it has none. */
function lastNumber(name: string): readonly [from: number, to: number] {
  const isDigit = (at: number): boolean => /\d/.test(name[at] ?? '');
  let to = name.length;
  while (to > 0 && !isDigit(to - 1)) to -= 1;
  let from = to;
  while (from > 0 && to - from < 9 && isDigit(from - 1)) from -= 1;
  return [from, to];
}

/** Numbers that one bracket can count: 8 to 12 do, 08 to 12 do; 9 and 010 do not. Each group sorted. */
function byWidth(digits: readonly string[]): readonly (readonly string[])[] {
  const isPadded = (text: string): boolean => text.length > 1 && text.startsWith('0');
  const padded = new Set(digits.filter(isPadded).map(({ length }) => length));
  const groups = Map.groupBy(digits, ({ length }) => (padded.has(length) ? length : 0));
  return [...groups.values()].map((group) => group.toSorted((a, b) => Number(a) - Number(b)));
}

/** `01`, `02`, `03`, `05` → `01-03`, `05` */
function runsOf(sorted: readonly string[]): readonly string[] {
  const runs: [first: string, last: string][] = [];
  for (const text of sorted) {
    const run = runs.at(-1);
    if (run && Number(text) === Number(run[1]) + 1) run[1] = text;
    else runs.push([text, text]);
  }
  return runs.map(([first, last]) => (first === last ? first : `${first}-${last}`));
}
