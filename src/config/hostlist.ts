import { StatectlError } from '../error.ts';

/** More names than any one file means. */
const MOST_NAMES = 100_000;

/**
 * Expands a hostlist as Slurm, pdsh and genders write it: `print[01-24]`, `n[1,3-5]-ib`, `a[1-2]b[1-2]`, several with
 * commas outside the brackets. The width of the first number is kept. Throws `hostlist-invalid`.
 */
export function expandHostlist(text: string): readonly string[] {
  const names = splitOutside(text).flatMap((one) => expandOne(one, text));
  return [...new Set(names)];
}

function expandOne(one: string, text: string): readonly string[] {
  const names = expandTail(one, text);
  const bad = names.find((name) => !/^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$/.test(name) || name.length > 253);
  if (bad !== undefined) throw invalid(text, `"${bad}" is no host name`);
  return names;
}

function expandTail(tail: string, text: string): readonly string[] {
  const open = tail.indexOf('[');
  if (open < 0) return [tail];
  const close = tail.indexOf(']', open);
  if (close < 0) throw invalid(text, 'a bracket is not closed');
  const middles = tail
    .slice(open + 1, close)
    .split(',')
    .flatMap((range) => numbers(range, text));
  const ends = expandTail(tail.slice(close + 1), text);
  if (middles.length * ends.length > MOST_NAMES) throw invalid(text, `more than ${MOST_NAMES} names`);
  return middles.flatMap((middle) => ends.map((end) => `${tail.slice(0, open)}${middle}${end}`));
}

function numbers(range: string, text: string): readonly string[] {
  const [, first = '', last = first] = /^(\d{1,9})(?:-(\d{1,9}))?$/.exec(range.trim()) ?? [];
  if (first === '') throw invalid(text, `"${range}" is no number or range such as 01-24`);
  const [from, to] = [Number(first), Number(last)];
  if (to < from) throw invalid(text, `${range} counts down`);
  if (to - from >= MOST_NAMES) throw invalid(text, `more than ${MOST_NAMES} names`);
  return Array.from({ length: to - from + 1 }, (_, index) => String(from + index).padStart(first.length, '0'));
}

/** Commas inside brackets belong to the range. */
const splitOutside = (text: string): readonly string[] =>
  text
    .split(/,(?![^[]*\])/)
    .map((part) => part.trim())
    .filter((part) => part !== '');

const invalid = (text: string, why: string): StatectlError =>
  new StatectlError('hostlist-invalid', `"${text}": ${why}`, { hint: 'write print[01-24] or print01,print02' });

/** Names as a hostlist, runs of numbers in brackets: `print[01-24],server`. The inverse of expandHostlist, sorted. */
export function foldHostlist(names: readonly string[]): string {
  const plain: string[] = [];
  const runs = new Map<string, number[]>();
  for (const name of new Set(names)) {
    const [, head, digits = '', tail] = /^(.*?)(\d{1,9})(\D*)$/.exec(name) ?? [];
    if (head === undefined) plain.push(name);
    // Numbers of one width belong together: 9 and 10 do not unless both are padded.
    else
      runs.set(`${head}\0${digits.length}\0${tail}`, [
        ...(runs.get(`${head}\0${digits.length}\0${tail}`) ?? []),
        Number(digits),
      ]);
  }
  const folded = [...runs].map(([key, numbers]) => {
    const [head = '', width = '', tail = ''] = key.split('\0');
    const written = ranges(numbers.toSorted((a, b) => a - b)).map((range) =>
      range.map((number) => String(number).padStart(Number(width), '0')).join('-'),
    );
    const isOne = written.length === 1 && !written[0]?.includes('-');
    return isOne ? `${head}${written[0]}${tail}` : `${head}[${written.join(',')}]${tail}`;
  });
  return [...plain, ...folded].toSorted().join(',');
}

/** [1, 2, 3, 5] → [[1, 3], [5]] */
const ranges = (numbers: readonly number[]): readonly (readonly number[])[] =>
  numbers.reduce<number[][]>((found, number) => {
    const last = found.at(-1);
    if (last && number === (last.at(-1) as number) + 1) last[1] = number;
    else found.push([number]);
    return found;
  }, []);
