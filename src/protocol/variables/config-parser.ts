/** Where something is in a file, from 1. */
export interface FilePlace {
  readonly line: number;
  readonly column: number;
}

/** What is wrong with a file, and where. */
export class FileError extends Error {
  readonly place: FilePlace;

  constructor(place: FilePlace, message: string) {
    super(message);
    this.name = 'FileError';
    this.place = place;
  }
}

interface ValueLine extends FilePlace {
  readonly text: string;
}

/** A value as ConfigParser reads it: its lines, without the space around each. */
export interface OptionValue {
  readonly lines: readonly ValueLine[];
}

/** By name in small letters. */
export type Section = ReadonlyMap<string, OptionValue>;

/** What Python calls a space. JavaScript's `\s` has the byte order mark besides, which Python does not skip. */
const SPACE = String.raw`[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]`;
const BEFORE = new RegExp(`^${SPACE}*`);
const AFTER = new RegExp(`(?<!${SPACE})${SPACE}+$`);
const HEADER = /^\[([^\n]+)\]/;
/** Its options are of every section. */
export const DEFAULTS = 'DEFAULT';

const widthBefore = (text: string): number => BEFORE.exec(text)?.[0].length ?? 0;
const strip = (text: string): string => text.slice(widthBefore(text)).replace(AFTER, '');

/**
 * The sections of a file as Python's ConfigParser reads it with nothing set (configparser.py, `_read`): Klipper does so, and what
 * it refuses stops the printer. Throws a `FileError`. Pure.
 */
export function readSections(text: string): ReadonlyMap<string, Section> {
  const sections = new Map<string, Map<string, { readonly lines: ValueLine[] }>>();
  let section: Map<string, { readonly lines: ValueLine[] }> | undefined;
  let option: { readonly lines: ValueLine[] } | undefined;
  let indent = 0;
  for (const [at, whole] of text.split(/\r\n|\r|\n/).entries()) {
    const [line, before, value] = [at + 1, widthBefore(whole), strip(whole)];
    const place = { line, column: before + 1 };
    if (value.startsWith('#') || value.startsWith(';')) continue;
    if (value === '' || (option && before > indent)) {
      option?.lines.push({ ...place, text: value });
      continue;
    }
    indent = before;
    const [, name] = HEADER.exec(value) ?? [];
    if (name !== undefined) {
      const known = sections.get(name);
      if (known && name !== DEFAULTS) throw new FileError(place, `there is a section [${name}] already`);
      section = known ?? new Map();
      sections.set(name, section);
      option = undefined;
    } else {
      if (!section) throw new FileError(place, `expected a section such as [Variables], found ${shown(value)}`);
      option = readOption(section, value, place);
    }
  }
  return sections;
}

function readOption(
  section: Map<string, { readonly lines: ValueLine[] }>,
  text: string,
  place: FilePlace,
): { readonly lines: ValueLine[] } {
  const delimiter = text.search(/[=:]/);
  const name = strip(text.slice(0, delimiter)).toLowerCase();
  if (delimiter === -1 || name === '') throw new FileError(place, `expected NAME = VALUE, found ${shown(text)}`);
  if (section.has(name)) throw new FileError(place, `there is a ${shown(name)} already`);
  const rest = text.slice(delimiter + 1);
  const value = { line: place.line, column: place.column + delimiter + 1 + widthBefore(rest), text: strip(rest) };
  const option = { lines: [value] };
  section.set(name, option);
  return option;
}

export const shown = (text: string): string => (text.length > 40 ? `${text.slice(0, 40)}…` : text);

/** All of it. */
export const textOf = ({ lines }: OptionValue): string =>
  lines
    .map(({ text }) => text)
    .join('\n')
    .replace(AFTER, '');

/** Where this letter of the text is in its file. */
export function placeIn({ lines }: OptionValue, at: number): FilePlace {
  let left = at;
  for (const { line, column, text } of lines) {
    if (left <= text.length) return { line, column: column + left };
    left -= text.length + 1;
  }
  return lines.at(-1) ?? { line: 1, column: 1 };
}

/** MAX_INTERPOLATION_DEPTH */
const MOST_DEPTH = 10;
/** Letters that all references of a file may lead to. More is of somebody who tries how much there is room, and time, for. */
export const MOST_REFERRED = 1 << 20;
const REFERENCE = /%\(([^)]+)\)s/y;

/** A text with `%%` and `%(NAME)s` as ConfigParser replaces them. `spend`: letters of what a reference leads to. Throws why it would not. */
export function interpolate(
  text: string,
  textAt: (name: string) => string | undefined,
  spend: (letters: number) => void,
): string {
  let result = '';
  const some = (rest: string, depth: number): void => {
    if (depth > MOST_DEPTH) throw new Error('expected a value that does not lead back to itself');
    for (let at = 0; at < rest.length; ) {
      const percent = rest.indexOf('%', at);
      result += rest.slice(at, percent === -1 ? undefined : percent);
      if (percent === -1) return;
      if (rest.charAt(percent + 1) === '%') {
        result += '%';
        at = percent + 2;
        continue;
      }
      REFERENCE.lastIndex = percent;
      const [reference = '', name = ''] = REFERENCE.exec(rest) ?? [];
      const value = reference === '' ? undefined : textAt(name.toLowerCase());
      if (value === undefined)
        throw new Error(
          `expected "%%" for a "%", or %(NAME)s with the name of a variable, found ${shown(rest.slice(percent))}`,
        );
      // One that leads to nothing takes its time, too.
      spend(value.length + 1);
      some(value, depth + 1);
      at = percent + reference.length;
    }
  };
  some(text, 1);
  return result;
}
