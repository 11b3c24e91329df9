/** A licence of a part, as its package says it, and under which terms it is taken. */
export type Verdict = { readonly fits: true; readonly taken: string } | { readonly fits: false; readonly why: string };

/**
 * What may be conveyed together with the rest under GPL-3.0-or-later, by SPDX identifier; whatever is not here is for a
 * person to judge. https://www.gnu.org/licenses/license-list.html
 */
const COMPATIBLE = [
  ...['0BSD', 'BSD-2-Clause', 'BSD-3-Clause', 'ISC', 'MIT', 'MIT-0', 'Zlib', 'Unicode-3.0', 'Unicode-DFS-2016'],
  ...['Apache-2.0', 'Artistic-2.0', 'BlueOak-1.0.0', 'CC0-1.0', 'MPL-2.0', 'Python-2.0', 'Unlicense', 'X11'],
  ...['GPL-2.0-or-later', 'GPL-3.0', 'GPL-3.0-only', 'GPL-3.0-or-later', 'LGPL-2.0-or-later', 'LGPL-2.1'],
  ...['LGPL-2.1-only', 'LGPL-2.1-or-later', 'LGPL-3.0', 'LGPL-3.0-only', 'LGPL-3.0-or-later'],
];
/** `WITH` these a licence permits more than without; another one may take something away. */
const EXCEPTIONS = ['Classpath-exception-2.0', 'GCC-exception-3.1', 'LLVM-exception'];

const known = (names: readonly string[], word: string): string | undefined =>
  names.find((name) => name.toLowerCase() === word.toLowerCase());

/**
 * Whether a part under this SPDX expression (https://spdx.github.io/spdx-spec/v3.0.1/annexes/spdx-license-expressions/) goes
 * together with GPL-3. Of a choice (`OR`) the first that fits is taken. Anything that is no such expression does not fit.
 */
export function judge(expression: unknown): Verdict {
  if (typeof expression !== 'string' || expression.trim() === '') return { fits: false, why: 'it names no licence' };
  const words = expression.match(/[()]|[^\s()]+/g) ?? [];
  const unread = { fits: false, why: `"${expression}" is no SPDX expression` } as const;

  const either = (): Verdict | undefined => {
    let verdict = both();
    while (verdict && words[0] === 'OR') {
      words.shift();
      const other = both();
      if (!other) return undefined;
      if (!verdict.fits && other.fits) verdict = other;
    }
    return verdict;
  };
  const both = (): Verdict | undefined => {
    let verdict = one();
    while (verdict && words[0] === 'AND') {
      words.shift();
      const other = one();
      if (!other) return undefined;
      if (verdict.fits) verdict = other.fits ? { fits: true, taken: `${verdict.taken} AND ${other.taken}` } : other;
    }
    return verdict;
  };
  const one = (): Verdict | undefined => {
    const word = words.shift();
    if (word === '(') {
      const inner = either();
      return words.shift() === ')' ? inner : undefined;
    }
    if (word === undefined || !/^[A-Za-z0-9.:-]+\+?$/.test(word) || /^(AND|OR|WITH)$/i.test(word)) return undefined;
    const exception = words[0] === 'WITH' ? words.splice(0, 2)[1] : undefined;
    if (exception !== undefined && !known(EXCEPTIONS, exception))
      return { fits: false, why: `nobody has judged its exception ${exception}` };
    // `GPL-2.0+` is what GPL-2.0-or-later was called; `+` of another is that one, or later.
    const name = known(
      COMPATIBLE,
      /^L?GPL-.*\+$/i.test(word) ? word.replace(/\+$/, '-or-later') : word.replace(/\+$/, ''),
    );
    if (name === undefined)
      return { fits: false, why: `${word} does not go together with GPL-3, or nobody has judged it` };
    return { fits: true, taken: exception === undefined ? name : `${name} WITH ${exception}` };
  };

  const verdict = either();
  return words.length > 0 ? unread : (verdict ?? unread);
}
