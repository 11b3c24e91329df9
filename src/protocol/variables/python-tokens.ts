/** What is no literal: what stood there, and what should have. `at`: where in the text, from 0. */
export class LiteralError extends Error {
  readonly at: number;

  constructor(at: number, message: string) {
    super(message);
    this.name = 'LiteralError';
    this.at = at;
  }
}

export type NumberKind = 'real' | 'complex';

const DECIMAL = '[0-9](?:_?[0-9])*';
/** Python's lexical analysis, 2.6. A sign is no part of it. */
const NUMBER = new RegExp(
  [
    '(?:0[xX](?:_?[0-9a-fA-F])+|0[oO](?:_?[0-7])+|0[bB](?:_?[01])+)',
    String.raw`(?:${DECIMAL}\.?(?:${DECIMAL})?|\.${DECIMAL})(?:[eE][+-]?${DECIMAL})?[jJ]?`,
  ].join('|'),
  'y',
);
const LEADING_ZERO = /^0[0-9_]*[1-9][0-9_]*$/;
/** sys.int_info.default_max_str_digits of Python 3.11: a longer one is refused. */
const MOST_DIGITS = 4_300;
const WORD = /[\p{ID_Start}_][\p{ID_Continue}]*/uy;

/** A number that begins here. */
export function scanNumber(text: string, at: number): { readonly end: number; readonly kind: NumberKind } {
  NUMBER.lastIndex = at;
  const [number] = NUMBER.exec(text) ?? [];
  if (number === undefined) throw new LiteralError(at, 'expected a number');
  const end = at + number.length;
  if (/^0[xXoObB]/.test(number)) return { end: wholeNumber(text, at, end), kind: 'real' };
  if (LEADING_ZERO.test(number))
    throw new LiteralError(at, `expected a number without zeros before it, found ${number}`);
  if (/^[0-9_]+$/.test(number) && number.replaceAll('_', '').length > MOST_DIGITS)
    throw new LiteralError(at, `expected a number of at most ${MOST_DIGITS} digits`);
  return { end: wholeNumber(text, at, end), kind: /[jJ]$/.test(number) ? 'complex' : 'real' };
}

function wholeNumber(text: string, at: number, end: number): number {
  if (scanWord(text, end) === undefined && !/[0-9.]/.test(text.charAt(end))) return end;
  throw new LiteralError(at, `expected a number, found ${text.slice(at, end + 1)}`);
}

/** A name that begins here. */
export function scanWord(text: string, at: number): string | undefined {
  WORD.lastIndex = at;
  return WORD.exec(text)?.[0];
}

const STRING_START = /([A-Za-z]{0,2})('''|"""|'|")/y;
const PREFIXES = ['', 'r', 'u', 'b', 'br', 'rb'];

/** A string or bytes that begin here; undefined: none does. */
export function scanString(
  text: string,
  at: number,
): { readonly end: number; readonly kind: 'text' | 'bytes' } | undefined {
  STRING_START.lastIndex = at;
  const [start, letters = '', quote = ''] = STRING_START.exec(text) ?? [];
  if (start === undefined) return undefined;
  const prefix = letters.toLowerCase();
  if (!PREFIXES.includes(prefix))
    throw new LiteralError(at, `expected a string as it is, found one that begins ${letters}`);
  const isBytes = prefix.includes('b');
  for (let end = at + start.length; end < text.length; ) {
    if (text.startsWith(quote, end)) {
      end += quote.length;
      const other = isBytes ? text.slice(at, end).search(/[^\0-\x7f]/) : -1;
      if (other === -1) return { end, kind: isBytes ? 'bytes' : 'text' };
      throw new LiteralError(at + other, `expected bytes of ASCII, found ${text.charAt(at + other)}`);
    }
    const letter = text.charAt(end);
    if (letter === '\n' && quote.length === 1) break;
    if (letter !== '\\') end += 1;
    else if (prefix.includes('r')) end += 2;
    else end = scanEscape(text, end, isBytes);
  }
  throw new LiteralError(at, `expected ${quote} at the end of what begins here`);
}

/** Of Python's escapes those that can be wrong; all others are a letter, whatever it is. */
const ESCAPES: readonly (readonly [begins: string, whole: RegExp, expected: string])[] = [
  ['x', /x[0-9a-fA-F]{2}/y, String.raw`\x and two hexadecimal digits`],
  ['u', /u[0-9a-fA-F]{4}/y, String.raw`\u and four hexadecimal digits`],
  ['U', /U(?:000[0-9a-fA-F]|0010)[0-9a-fA-F]{4}/y, String.raw`\U and eight hexadecimal digits up to 0010ffff`],
  ['N', /N\{[A-Za-z][A-Za-z0-9 -]{0,127}\}/y, String.raw`\N and the name of a character in braces`],
];

function scanEscape(text: string, at: number, isBytes: boolean): number {
  const letter = text.charAt(at + 1);
  const known = ESCAPES.find(([begins]) => begins === letter);
  if (!known || (isBytes && letter !== 'x')) return at + 2;
  const [, whole, expected] = known;
  whole.lastIndex = at + 1;
  const [found] = whole.exec(text) ?? [];
  if (found === undefined) throw new LiteralError(at, `expected ${expected}`);
  return at + 1 + found.length;
}
