/**
 * What a terminal obeys, or does not show: controls (C0, C1), formats (directions, zero widths, tags), the separators of lines
 * and paragraphs, halves of UTF-16 pairs, which are no text, and all else that is as wide as nothing.
 */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;

/** In the way of JavaScript's strings. */
function escaped(character: string): string {
  const code = (character.codePointAt(0) ?? 0).toString(16);
  if (code.length > 4) return `\\u{${code}}`;
  return code.length > 2 ? `\\u${code.padStart(4, '0')}` : `\\x${code.padStart(2, '0')}`;
}

/** A cell of a table, or a part of a sentence, whoever wrote it: it stays in its place, and shows what is in it. Pure. */
export const printableLine = (text: string): string => text.replace(UNPRINTABLE, escaped);

/**
 * Several lines, of which each is printable; blanks of a tabulator stay. Those after the first begin with `indent`: so no part
 * of a text passes for a line of ours. Pure.
 */
export const printable = (text: string, indent = ''): string =>
  text
    .replace(UNPRINTABLE, (one) => (one === '\n' || one === '\t' ? one : escaped(one)))
    .replace(/\n(?=[^\n])/g, `\n${indent}`);

/** JSON that reads the same, without what a terminal obeys: JSON.stringify leaves C1, DEL and directions as they are. Pure. */
export const printableJson = (
  value: unknown,
  space?: number,
  replacer?: (key: string, field: unknown) => unknown,
): string =>
  JSON.stringify(value, replacer, space).replace(UNPRINTABLE, (one) =>
    one === '\n'
      ? one
      : Array.from({ length: one.length }, (_, at) => `\\u${one.charCodeAt(at).toString(16).padStart(4, '0')}`).join(
          '',
        ),
  );
