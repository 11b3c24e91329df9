import { stringify } from 'yaml';
import type { Plain } from '../tree/tree.ts';

/** A list or mapping that needs more than this stands over several lines. */
const WIDTH = 100;
/** No text is folded: what a person searches for stands in one piece. */
const ONE_LINE = { lineWidth: 0, doubleQuotedMinMultiLineLength: Number.POSITIVE_INFINITY } as const;
const IN_FLOW = { ...ONE_LINE, collectionStyle: 'flow', flowCollectionPadding: false } as const;

/** A value within one line. Among commas and brackets more needs quotes than in a block. */
export function inlineText(value: Plain, within: 'flow' | 'block'): string {
  if (Array.isArray(value)) return `[${value.map((item) => inlineText(item, 'flow')).join(', ')}]`;
  if (isMapping(value)) {
    const entries = Object.entries(value).map(([key, inner]) => `${keyText(key)}: ${inlineText(inner, 'flow')}`);
    return entries.length === 0 ? '{}' : `{ ${entries.join(', ')} }`;
  }
  if (within === 'flow') return stringify([value], IN_FLOW).trim().slice(1, -1);
  return stringify({ k: value }, ONE_LINE).replace(/\n$/, '').replace(/^k: /, '');
}

/** A key, right in a block and in a flow. */
export const keyText = (key: string): string =>
  stringify({ [key]: 0 }, IN_FLOW)
    .trim()
    .slice(1, -': 0}'.length);

/** `head value` in lines, the first indented so far. Head: `key:` or `-`. */
export function entryLines(head: string, value: Plain, indent: number): readonly string[] {
  const pad = ' '.repeat(indent);
  const inline = isInline(value) ? `${pad}${head} ${inlineText(value, 'block')}` : undefined;
  if (inline !== undefined && (inline.length <= WIDTH || !isCollection(value))) return [inline];
  if (typeof value === 'string') {
    const [header = '', ...lines] = stringify({ k: value }, ONE_LINE).replace(/\n$/, '').split('\n');
    return [`${pad}${head} ${header.replace(/^k: /, '')}`, ...lines.map((line) => line && pad + line)];
  }
  const below = Array.isArray(value)
    ? value.flatMap((item) => entryLines('-', item, indent + 2))
    : mappingLines(value as { readonly [key: string]: Plain }, indent + 2);
  // `- a: 1` rather than a dash that stands alone.
  if (head === '-') return [`${pad}- ${(below[0] ?? '').slice(indent + 2)}`, ...below.slice(1)];
  return [`${pad}${head}`, ...below];
}

export const mappingLines = (value: { readonly [key: string]: Plain }, indent: number): readonly string[] =>
  Object.entries(value).flatMap(([key, inner]) => entryLines(`${keyText(key)}:`, inner, indent));

/** `{ kind: bind, options: [ro] }`, but a mapping of mappings stands in lines. */
const isInline = (value: Plain): boolean =>
  isCollection(value)
    ? Object.values(value).every((inner) => isInline(inner) && !isMapping(inner))
    : typeof value !== 'string' || !value.includes('\n');

const isCollection = (value: Plain | undefined): value is readonly Plain[] | { readonly [key: string]: Plain } =>
  typeof value === 'object' && value !== null;

export const isMapping = (value: Plain | undefined): value is { readonly [key: string]: Plain } =>
  isCollection(value) && !Array.isArray(value);
