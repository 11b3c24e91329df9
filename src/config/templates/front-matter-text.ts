const OPENING = /^---[ \t]*\n/;
const CLOSING = /^---[ \t]*(?:\n|$)/gm;

/** Where the YAML between the `---` lines is; undefined when the first line is no `---`, 'open' when it never closes. */
export function frontMatterRange(
  text: string,
): readonly [begin: number, end: number, body: number] | 'open' | undefined {
  const opening = OPENING.exec(text);
  if (!opening) return undefined;
  CLOSING.lastIndex = opening[0].length;
  const closing = CLOSING.exec(text);
  return closing ? [opening[0].length, closing.index, CLOSING.lastIndex] : 'open';
}

/** The offset of a template's body. */
export function bodyStart(text: string): number {
  const range = frontMatterRange(text);
  return range === undefined || range === 'open' ? 0 : range[2];
}
