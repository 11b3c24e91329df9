import { LiteralError, type NumberKind, scanNumber, scanString, scanWord } from './python-tokens.ts';

/** Deeper ones no version of Python reads (3.8: "s_push: parser stack overflow"). */
const MOST_DEPTH = 90;

/** What a part of a literal is to what is around it. */
interface Part {
  readonly kind: 'number' | 'signed number' | 'other';
  /** Of both. */
  readonly number?: NumberKind;
  /** Without it, it is no key of a dict, and not in a set. */
  readonly isHashable: boolean;
}

const OTHER: Part = { kind: 'other', isHashable: true };
const UNHASHABLE: Part = { kind: 'other', isHashable: false };
const CLOSING = { '[': ']', '{': '}', '(': ')' } as const;
/** What repr() prints of a value that SAVE_VARIABLE takes (1e999), and no Python reads again. */
const NAMED: ReadonlyMap<string, Part> = new Map([
  ...['True', 'False', 'None', 'Ellipsis'].map((name) => [name, OTHER] as const),
  ...['inf', 'nan'].map((name) => [name, { kind: 'number', number: 'real', isHashable: true }] as const),
  ...['infj', 'nanj'].map((name) => [name, { kind: 'number', number: 'complex', isHashable: true }] as const),
]);
const READ_AGAIN = ['True', 'False', 'None'];

/**
 * Whether a text is a literal of Python: what ast.literal_eval takes, and what repr() makes of that. It is looked at, never made
 * into a value. Gives the names in it that repr() prints and no Python reads (`inf`). Throws a `LiteralError`. Pure.
 */
export function checkLiteral(text: string): readonly string[] {
  const unreadable: string[] = [];
  let at = 0;

  const fail = (expected: string): never => {
    const end = text.indexOf('\n', at) === -1 ? text.length : text.indexOf('\n', at);
    const found = at >= text.length ? 'its end' : text.slice(at, Math.min(end, at + 20)) || 'the end of the line';
    throw new LiteralError(at, `expected ${expected}, found ${found}`);
  };

  /** In brackets, lines do not count. */
  function skip(where: 'in brackets' | 'outside'): void {
    const space = where === 'in brackets' ? /(?:[ \t\f\n]|\\\n|#[^\n]*)*/y : /(?:[ \t\f]|\\\n|#[^\n]*)*/y;
    space.lastIndex = at;
    at += space.exec(text)?.[0].length ?? 0;
  }

  /** A sum is a complex number, and nothing else. */
  function expression(depth: number, where: 'in brackets' | 'outside'): Part {
    const [from, left] = [at, signed(depth, where)];
    skip(where);
    if (!/[+-]/.test(text.charAt(at))) return left;
    if (left.number !== 'real') fail('nothing to be added to it');
    at += 1;
    skip(where);
    const right = atom(depth, where);
    if (right.kind === 'number' && right.number === 'complex') return OTHER;
    at = from;
    return fail('a literal');
  }

  function signed(depth: number, where: 'in brackets' | 'outside'): Part {
    if (!/[+-]/.test(text.charAt(at))) return atom(depth, where);
    at += 1;
    skip(where);
    const from = at;
    const part = atom(depth, where);
    if (part.kind === 'number') return { ...part, kind: 'signed number' };
    at = from;
    return fail('a number after its sign');
  }

  function atom(depth: number, where: 'in brackets' | 'outside'): Part {
    const letter = text.charAt(at);
    if (letter === '(' || letter === '[' || letter === '{') return bracketed(letter, depth + 1);
    if (/[0-9]/.test(letter) || /^\.[0-9]/.test(text.slice(at, at + 2))) {
      const { end, kind } = scanNumber(text, at);
      at = end;
      return { kind: 'number', number: kind, isHashable: true };
    }
    if (text.startsWith('...', at)) {
      at += 3;
      return OTHER;
    }
    return strings(where) ?? named();
  }

  /** Those that follow each other are one. */
  function strings(where: 'in brackets' | 'outside'): Part | undefined {
    const first = scanString(text, at);
    for (let next = first; next; next = scanString(text, at)) {
      if (next.kind !== first?.kind) fail(`more ${first?.kind === 'bytes' ? 'bytes' : 'text'}`);
      at = next.end;
      skip(where);
    }
    return first && OTHER;
  }

  function named(): Part {
    const word = scanWord(text, at);
    const part = word === undefined ? undefined : NAMED.get(word);
    if (word !== undefined && part) {
      at += word.length;
      if (!READ_AGAIN.includes(word)) unreadable.push(word);
      return part;
    }
    const empty = /set[ \t\f]*\([ \t\f\n]*\)/y;
    empty.lastIndex = at;
    const [set] = word === 'set' ? (empty.exec(text) ?? []) : [];
    if (set === undefined) return fail('a literal (a string, a number, True, False, None, a list, tuple, dict or set)');
    at += set.length;
    return UNHASHABLE;
  }

  function bracketed(opening: keyof typeof CLOSING, depth: number): Part {
    if (depth > MOST_DEPTH) fail(`at most ${MOST_DEPTH} brackets in each other`);
    const closing = CLOSING[opening];
    const from = at;
    at += 1;
    skip('in brackets');
    const parts: Part[] = [];
    let isDict: boolean | undefined;
    let commas = 0;
    while (text.charAt(at) !== closing) {
      if (at >= text.length) {
        at = from;
        fail(`${closing} for what begins here`);
      }
      const key = at;
      const part = expression(depth, 'in brackets');
      parts.push(part);
      skip('in brackets');
      if (opening === '{' && !part.isHashable) {
        at = key;
        fail('no list, dict or set as a key or in a set');
      }
      if (opening === '{' && (isDict ?? text.charAt(at) === ':')) {
        isDict = true;
        if (text.charAt(at) !== ':') fail('":" after a key');
        at += 1;
        skip('in brackets');
        expression(depth, 'in brackets');
        skip('in brackets');
      } else isDict = false;
      if (text.charAt(at) === ',') {
        commas += 1;
        at += 1;
        skip('in brackets');
      } else if (text.charAt(at) !== closing) fail(`"," or "${closing}"`);
    }
    at += 1;
    const [only] = parts;
    if (opening === '(' && commas === 0 && only) return only;
    return opening === '(' && parts.every(({ isHashable }) => isHashable) ? OTHER : UNHASHABLE;
  }

  at = text.indexOf('\0');
  if (at !== -1) fail('no NUL');
  at = 0;
  skip('in brackets');
  expression(0, 'outside');
  skip('outside');
  // A tuple needs no brackets.
  while (text.charAt(at) === ',') {
    at += 1;
    skip('outside');
    if (at >= text.length || text.charAt(at) === '\n') break;
    expression(0, 'outside');
    skip('outside');
  }
  skip('in brackets');
  if (at < text.length) fail('its end');
  return unreadable;
}
