import { createHash } from 'node:crypto';
import { Document } from 'yaml';
import { entryOf } from '../../../entry-of.ts';
import { parseMac } from '../../../protocol/mac-address.ts';
import { integerOf, refuse, textOf } from './input.ts';

/** JSON, on one line or indented by that many blanks. */
export function json(value: unknown, spaces: unknown = 0): string {
  if (value === undefined) throw refuse('a value', value);
  const width = integerOf(spaces, 'how many blanks to indent');
  if (width < 0 || width > 10) throw refuse('0 to 10 blanks', spaces);
  return JSON.stringify(value, undefined, width);
}

/**
 * YAML that readers of 1.1 (cloud-init) and 1.2 take alike: a text is always quoted. A list or map begins a line of its
 * own; `indent` puts it deeper.
 */
export function yaml(value: unknown): string {
  if (value === undefined) throw refuse('a value', value);
  const document = new Document(value, { version: '1.2', compat: 'yaml-1.1', aliasDuplicateObjects: false });
  return document
    .toString({
      defaultStringType: 'QUOTE_DOUBLE',
      defaultKeyType: 'PLAIN',
      doubleQuotedMinMultiLineLength: Number.MAX_SAFE_INTEGER,
      lineWidth: 0,
    })
    .trimEnd();
}

/** Every line but the first, or all with `first: true`, that many blanks deeper. Empty lines stay empty. */
export function indent(value: unknown, blanks: unknown, ...options: unknown[]): string {
  const width = integerOf(blanks, 'how many blanks');
  if (width < 0 || width > 64) throw refuse('0 to 64 blanks', blanks);
  const first = options.some((option) => Array.isArray(option) && option[0] === 'first' && option[1] === true);
  return textOf(value).replace(first ? /^(?=[^\n])/gm : /(?<=\n)(?=[^\n])/g, ' '.repeat(width));
}

const MAC_FORMS: Readonly<Record<string, (mac: string) => string>> = {
  colon: (mac) => mac,
  dash: (mac) => mac.replaceAll(':', '-'),
  bare: (mac) => mac.replaceAll(':', ''),
  dotted: (mac) => mac.replaceAll(':', '').replace(/....(?=.)/g, '$&.'),
};

/** A MAC address, however it was written, in one form, lower case. */
export function mac(value: unknown, form: unknown = 'colon'): string {
  const normal = parseMac(textOf(value));
  if (normal === undefined) throw refuse('a MAC address', value);
  const write = typeof form === 'string' ? entryOf(MAC_FORMS, form) : undefined;
  if (!write) throw refuse(`one of ${Object.keys(MAC_FORMS).join(', ')}`, form);
  return write(normal);
}

export const b64 = (value: unknown): string => Buffer.from(textOf(value)).toString('base64');
export const sha256 = (value: unknown): string => createHash('sha256').update(textOf(value)).digest('hex');
