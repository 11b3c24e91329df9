/** Where a string, template, comment or regular expression at this place ends; undefined where there is none. */
function endOfToken(text: string, at: number): number | undefined {
  const char = text[at];
  if (char === "'" || char === '"') {
    for (let next = at + 1; next < text.length; next++) {
      if (text[next] === '\\') next++;
      else if (text[next] === char) return next + 1;
    }
  }
  if (char === '`') return endOfTemplate(text, at);
  if (text.startsWith('//', at)) return text.indexOf('\n', at);
  if (text.startsWith('/*', at)) return text.indexOf('*/', at) + 2;
  // A regular expression stands where no value can end.
  if (char === '/' && /[(,=:?&|!{;]\s*$/.test(text.slice(Math.max(0, at - 4), at))) {
    const [match] = /^\/(?:\\.|\[(?:\\.|[^\]\\])*\]|[^/\\\n[])+\/[a-z]*/.exec(text.slice(at, at + 400)) ?? [];
    if (match) return at + match.length;
  }
  return undefined;
}

function endOfTemplate(text: string, at: number): number {
  for (let next = at + 1; next < text.length; next++) {
    if (text[next] === '\\') next++;
    else if (text[next] === '`') return next + 1;
    else if (text.startsWith('${', next)) next = endOfBrackets(text, next + 1) - 1;
  }
  return text.length;
}

/** The place behind the bracket that closes the one at `open`. */
function endOfBrackets(text: string, open: number): number {
  let depth = 0;
  for (let at = open; at < text.length; ) {
    const end = endOfToken(text, at);
    if (end !== undefined) {
      at = end;
      continue;
    }
    const char = text[at++] ?? '';
    if ('([{'.includes(char)) depth++;
    if (')]}'.includes(char) && --depth === 0) return at;
  }
  return text.length;
}

/** `a, { b: c }` at its commas, those within brackets and strings excepted. */
export function splitAtCommas(text: string): readonly string[] {
  const parts: string[] = [];
  let from = 0;
  for (let at = 0; at < text.length; ) {
    const end = endOfToken(text, at) ?? ('([{'.includes(text[at] ?? '') ? endOfBrackets(text, at) : undefined);
    if (end === undefined && text[at] === ',') {
      parts.push(text.slice(from, at));
      from = at + 1;
    }
    at = end ?? at + 1;
  }
  return [...parts, text.slice(from)].map((part) => part.trim()).filter(Boolean);
}

/** A call in a source: where it stands, and the text of each argument. */
export interface SourceCall {
  readonly at: number;
  readonly arguments: readonly string[];
}

/** Every call of `callee(`, such as `new StatectlError(`. */
export function callsOf(text: string, callee: string): readonly SourceCall[] {
  const calls: SourceCall[] = [];
  for (let at = text.indexOf(`${callee}(`); at >= 0; at = text.indexOf(`${callee}(`, at + 1)) {
    if (/[\w.]/.test(text[at - 1] ?? '')) continue;
    const open = at + callee.length;
    calls.push({ at, arguments: splitAtCommas(text.slice(open + 1, endOfBrackets(text, open) - 1)) });
  }
  return calls;
}

/** The strings and templates in an expression, as people read them: `FILE is no folder`, and `…` for words of others. */
export function textsIn(expression: string): readonly string[] {
  const texts: string[] = [];
  for (let at = 0; at < expression.length; ) {
    const end = endOfToken(expression, at);
    const quote = expression[at] ?? '';
    if (end !== undefined && '\'"`'.includes(quote)) texts.push(readable(expression.slice(at + 1, end - 1)).trim());
    at = end ?? at + 1;
  }
  // A separator says nothing.
  return texts.filter((text) => /\p{L}|…/u.test(text));
}

function readable(inner: string): string {
  let text = '';
  for (let at = 0; at < inner.length; ) {
    if (inner.startsWith('${', at)) {
      const end = endOfBrackets(inner, at + 1);
      text += placeholder(inner.slice(at + 2, end - 1));
      at = end;
    } else if (inner[at] === '\\') {
      text += inner[at + 1] === 'n' ? ' ' : inner[at + 1];
      at += 2;
    } else text += inner[at++];
  }
  return text;
}

/** Whose value is a sentence, or nobody can name in a word. */
const SAYS_ITSELF =
  /reason|cause|error|why|what|text|hint|fault|message|stderr|lastLine|said|words|rest|detail|dates|failure/i;

/** `shownUrl(url)` is URL, `names.join(', ')` NAMES. */
function placeholder(expression: string): string {
  if (/[`?+]/.test(expression) || SAYS_ITSELF.test(expression)) return '…';
  const names = expression
    .replace(/'[^']*'/g, '')
    .replace(/\.(?:join|map|slice|length|toString|trim|name|at|size)\b.*$/, '')
    .match(/[A-Za-z]\w*(?!\w*\()/g);
  const name = names?.at(-1);
  return name === undefined ? '…' : name.replace(/([a-z])([A-Z])/g, '$1-$2').toUpperCase();
}
