import { type Document, isScalar, Lexer, type LineCounter, type Node, parseDocument, visit } from 'yaml';

/** Values in one file, those that aliases repeat among them: no file that a person writes has more. */
export const MOST_VALUES = 20_000;
/** A key with its value and the line that they stand on is seven. */
const MOST_TOKENS = 10 * MOST_VALUES;
/** More levels than this nobody reads. */
export const DEEPEST = 100;

/** The text has more in it than a program that serves others takes. */
export class TooMuch extends Error {}

/**
 * Parses YAML 1.2 that somebody else wrote, in a time that its length bounds. The library's own search for keys that stand
 * twice is quadratic: who reads the document looks for them. Throws `TooMuch` before anything is made.
 */
export function parseYaml(
  text: string,
  options: { readonly lineCounter?: LineCounter; readonly logLevel?: 'error' } = {},
): Document {
  let tokens = 0;
  for (const _ of new Lexer().lex(text)) {
    tokens += 1;
    if (tokens > MOST_TOKENS) throw new TooMuch(`more than ${MOST_VALUES} values`);
  }
  return parseDocument(text, { ...options, version: '1.2', uniqueKeys: false, prettyErrors: false });
}

/** The first key that stands twice in one mapping, and where it does so again. */
export function repeatedKey(document: Document): { readonly key: string; readonly offset: number } | undefined {
  let found: { readonly key: string; readonly offset: number } | undefined;
  visit(document, {
    Map(_key, { items }) {
      const seen = new Set<string>();
      for (const { key } of items) {
        if (!isScalar(key)) continue;
        const text = String(key.value);
        if (seen.has(text)) found ??= { key: text, offset: (key as Node).range?.[0] ?? 0 };
        seen.add(text);
      }
      return found && visit.BREAK;
    },
  });
  return found;
}
