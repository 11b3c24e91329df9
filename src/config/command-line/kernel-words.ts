/** One word of a kernel command line. */
export interface KernelWord {
  readonly name: string;
  /** Absent for a bare word; '' for `name=`. */
  readonly value?: string;
  /** As it was typed, quotes included. */
  readonly raw: string;
}

const QUOTE = '"';

/**
 * isspace() of the kernel, lib/ctype.c: \t \n \v \f \r, space and 0xA0. On text that was read as UTF-8 the last one is
 * U+00A0, so a no-break space copied from a web page separates, but a letter whose UTF-8 has the byte 0xA0 (à) stays
 * whole, where the kernel would cut it. On text read as latin1 this is the kernel's rule byte for byte.
 */
const isSpace = (code: number): boolean => (code >= 9 && code <= 13) || code === 0x20 || code === 0xa0;

/**
 * Splits a command line as the kernel's next_arg() does (lib/cmdline.c): only `"` quotes, nothing escapes; a quote may
 * open the whole word or the value, and then is dropped with a last one; others stay; an open quote reaches to the end.
 * The words after a bare `--` belong to init; they are words here too. Any string is a command line: no errors.
 */
export function kernelWords(text: string): readonly KernelWord[] {
  const end = text.includes('\0') ? text.indexOf('\0') : text.length;
  const words: KernelWord[] = [];
  let at = 0;
  for (;;) {
    while (at < end && isSpace(text.charCodeAt(at))) at++;
    if (at >= end) return words;
    const word = nextWord(text, at, end);
    words.push(word);
    at += word.raw.length;
  }
}

function nextWord(text: string, begin: number, end: number): KernelWord {
  const quoted = text[begin] === QUOTE;
  const start = quoted ? begin + 1 : begin;
  let inQuote = quoted;
  let equals = -1;
  let stop = start;
  for (; stop < end && (inQuote || !isSpace(text.charCodeAt(stop))); stop++) {
    // A `=` in the first place is part of the name, as in the kernel, where position 0 means "none yet".
    if (equals < 0 && stop > start && text[stop] === '=') equals = stop;
    if (text[stop] === QUOTE) inQuote = !inQuote;
  }
  const raw = text.slice(begin, stop);
  const endsQuoted = stop > start && text[stop - 1] === QUOTE;
  if (equals < 0) return { name: text.slice(start, quoted && endsQuoted ? stop - 1 : stop), raw };
  const valueQuoted = equals + 1 < stop && text[equals + 1] === QUOTE;
  const valueStart = valueQuoted ? equals + 2 : equals + 1;
  // One closing quote goes, even where both the word and the value were opened by one.
  const valueStop = endsQuoted && (quoted || valueQuoted) ? stop - 1 : stop;
  return { name: text.slice(start, equals), value: text.slice(valueStart, valueStop), raw };
}
