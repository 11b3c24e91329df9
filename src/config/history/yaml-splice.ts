import { type Document, isPair, isSeq } from 'yaml';
import type { Plain, SettingPath } from '../tree/tree.ts';
import { type Collection, endOf, isBlock, isEmpty, isNothing, type Place, placeAt, reach } from './yaml-place.ts';
import { entryLines, inlineText, isMapping, keyText, mappingLines } from './yaml-text.ts';

/** What takes the place of `text.slice(start, end)`. */
interface Splice {
  readonly start: number;
  readonly end: number;
  readonly by: string;
}

/** Sets one value in a text, touching no line that need not change. The document is that of the text, with its tokens. */
export function spliceValue(text: string, document: Document, path: SettingPath, value: Plain): string {
  const { places, node, rest } = reach(document, path);
  const nested = (keys: SettingPath): Plain => keys.reduceRight<Plain>((inner, key) => ({ [key]: inner }), value);
  const [key, ...below] = rest;
  const place = places.at(-1);
  if (key !== undefined && !isNothing(node)) return spliceItem(text, node as Collection, key, nested(below));
  if (place) return apply(text, replace(text, place, nested(rest)));
  const whole = nested(rest);
  return apply(text, [addLines(text, text.length, isMapping(whole) ? mappingLines(whole, 0) : [])]);
}

/** A new key at the end of a mapping, or an item into a list before the one with this number. */
export function spliceItem(text: string, into: Collection, key: string, value: Plain): string {
  const index = isSeq(into) ? Number(key) : into.items.length;
  const head = isSeq(into) ? '-' : `${keyText(key)}:`;
  if (into.flow) {
    const entry = `${isSeq(into) ? '' : `${head} `}${inlineText(value, 'flow')}`;
    return apply(text, [addToFlow(text, into, index, entry)]);
  }
  const lines = entryLines(head, value, columnOf(text, placeAt(into, 0).start));
  const at =
    index < into.items.length
      ? lineStart(text, placeAt(into, index).start)
      : lineEnd(text, endOf(text, placeAt(into, index - 1)));
  return apply(text, [addLines(text, at, lines)]);
}

function addToFlow(text: string, into: Collection, index: number, entry: string): Splice {
  const [start, end] = into.range as [number, number, number];
  if (index < into.items.length) return insertion(placeAt(into, index).start, `${entry}, `);
  // Behind the last item, so that a comma after it goes on to be the last one.
  if (index > 0) return insertion(endOf(text, placeAt(into, index - 1)), `, ${entry}`);
  const padding = isSeq(into) ? '' : ' ';
  const isBare = /^[ \t]*$/.test(text.slice(start + 1, end - 1));
  return isBare
    ? { start: start + 1, end: end - 1, by: padding + entry + padding }
    : insertion(start + 1, padding + entry);
}

/** Another value in a place that there is. */
function replace(text: string, place: Place, value: Plain): readonly Splice[] {
  const { node, headEnd, parent, index } = place;
  const [start, end] = isEmpty(node) ? [headEnd, headEnd] : [node?.range?.[0] ?? headEnd, endOf(text, place)];
  const isOfKey = isPair(parent.items[index]);
  if (parent.flow) {
    const before = !isEmpty(node) ? '' : isOfKey && text[headEnd - 1] !== ':' ? ': ' : ' ';
    return [{ start, end, by: before + inlineText(value, 'flow') }];
  }
  const [head, indent] = [isOfKey ? 'k:' : '-', columnOf(text, place.start)];
  const [first = '', ...lines] = entryLines(head, value, indent);
  const said = first.slice(indent + head.length);
  // What began on a line of its own goes by the line; what is said of it in comments above stays.
  if (isBlock(node) && isFirstInLine(text, start))
    return [insertion(headEnd, said), { start: lineStart(text, start), end: lineEnd(text, end), by: asLines(lines) }];
  const below = lines.length === 0 ? [] : [addLines(text, lineEnd(text, end), lines)];
  // The blanks before a value stay as they are, unless none comes there.
  return said === '' || start === headEnd
    ? [{ start: headEnd, end, by: said }, ...below]
    : [{ start, end, by: said.replace(/^ +/, '') }, ...below];
}

/** Takes out what a path leads to; a list or mapping that is empty then says so, since nothing at all would be no list. */
export function spliceOut(text: string, document: Document, path: SettingPath): string {
  const { places, rest } = reach(document, path);
  const [place, holder] = [places.at(-1), places.at(-2)];
  if (!place || rest.length > 0) return text;
  const { parent, index, start } = place;
  const end = endOf(text, place);
  if (parent.flow) return apply(text, [outOfFlow(text, place, end)]);
  if (parent.items.length === 1 && holder) return apply(text, replace(text, holder, isSeq(parent) ? [] : {}));
  return isFirstInLine(text, start)
    ? apply(text, [{ start: lineStart(text, start), end: lineEnd(text, end), by: '' }])
    : // `- a: 1` goes on with the next key behind the dash.
      apply(text, [{ start, end: placeAt(parent, index + 1).start, by: '' }]);
}

function outOfFlow(text: string, { parent, index, start }: Place, end: number): Splice {
  const comma = /^[ \t]*,/.exec(text.slice(end))?.[0].length ?? 0;
  // Alone on its lines: they go, and with them the comment beside it.
  if (isFirstInLine(text, start) && /^[ \t]*(?:#.*)?\r?(?:\n|$)/.test(text.slice(end + comma)))
    return { start: lineStart(text, start), end: lineEnd(text, end), by: '' };
  const blanks = /^[ \t]*/.exec(text.slice(end + comma))?.[0].length ?? 0;
  if (index === 0 || index + 1 < parent.items.length) return { start, end: end + comma + blanks, by: '' };
  const before = endOf(text, placeAt(parent, index - 1));
  const isNear = /^[ \t]*,[ \t]*$/.test(text.slice(before, start));
  return { start: isNear ? before : start, end: end + comma, by: '' };
}

const insertion = (at: number, by: string): Splice => ({ start: at, end: at, by });
const asLines = (lines: readonly string[]): string => lines.map((line) => `${line}\n`).join('');

const addLines = (text: string, at: number, lines: readonly string[]): Splice =>
  insertion(at, (at > 0 && text[at - 1] !== '\n' ? '\n' : '') + asLines(lines));

const lineStart = (text: string, at: number): number => text.lastIndexOf('\n', at - 1) + 1;
const lineEnd = (text: string, at: number): number => text.indexOf('\n', at) + 1 || text.length;
const columnOf = (text: string, at: number): number => at - lineStart(text, at);
const isFirstInLine = (text: string, at: number): boolean => /^[ \t]*$/.test(text.slice(lineStart(text, at), at));

/** From the last to the first, so that none moves another; with the line ends of the text. */
function apply(text: string, splices: readonly Splice[]): string {
  const newline = text.includes('\r\n') ? '\r\n' : '\n';
  return splices
    .toSorted((a, b) => b.start - a.start)
    .reduce((now, { start, end, by }) => now.slice(0, start) + by.replaceAll('\n', newline) + now.slice(end), text);
}
