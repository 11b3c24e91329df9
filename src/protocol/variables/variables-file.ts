import { StatectlError } from '../../error.ts';
import {
  DEFAULTS,
  FileError,
  type FilePlace,
  interpolate,
  MOST_REFERRED,
  type OptionValue,
  placeIn,
  readSections,
  type Section,
  shown,
  textOf,
} from './config-parser.ts';
import { checkLiteral } from './python-literal.ts';
import { LiteralError } from './python-tokens.ts';

/** The largest that was seen has 20 KiB. */
export const LARGEST_VARIABLES_BYTES = 1 << 20;
const MOST_VARIABLES = 10_000;
const LONGEST_NAME = 256;

/** What is in a file of Klipper's `[save_variables]`. */
export interface Variables {
  /** By name in small letters, as it stands in the file: `"it's"`, `[1, 2]`. */
  readonly literals: ReadonlyMap<string, string>;
  /** Names whose value Klipper wrote and cannot read again (`inf`): its next start stops at them. */
  readonly unreadable: readonly string[];
}

/**
 * Reads the file that Klipper's `save_variables` writes (klippy/extras/save_variables.py): `[Variables]` of a ConfigParser, with
 * literals of Python, which are looked at and kept as they stand, never evaluated. Throws `variables-damaged` with `path`, line
 * and column: Klipper stops the printer at such a file. Pure.
 */
export function readVariables(bytes: Uint8Array, path: string): Variables {
  try {
    if (bytes.length > LARGEST_VARIABLES_BYTES)
      throw new FileError(START, `expected at most ${LARGEST_VARIABLES_BYTES} bytes, found ${bytes.length}`);
    const sections = readSections(decode(bytes));
    const own = sections.get('Variables');
    // Without its section, Klipper has none.
    return own ? readLiterals(new Map([...(sections.get(DEFAULTS) ?? []), ...own])) : NONE;
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    const { line, column } = error.place;
    throw new StatectlError('variables-damaged', `${path}:${line}:${column}: ${error.message}`, {
      hint: 'Klipper reads literals of Python there, `name = 1`; what was kept before stays as it is',
    });
  }
}

/** Of a file that was good when it was kept: a version that thinks otherwise goes on without. Pure. */
export function literalsOf(text: string | null | undefined): ReadonlyMap<string, string> {
  try {
    return readVariables(Buffer.from(text ?? ''), 'variables').literals;
  } catch {
    return NONE.literals;
  }
}

const START: FilePlace = { line: 1, column: 1 };
const NONE: Variables = { literals: new Map(), unreadable: [] };

/** Python writes UTF-8 where no other encoding is set. */
function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    // Each letter that is none becomes a mark, the first of which tells where.
    const read = Buffer.from(bytes)
      .toString('utf8')
      .split('\ufffd', 1)
      .join('')
      .split(/\r\n|\r|\n/);
    throw new FileError({ line: read.length, column: (read.at(-1)?.length ?? 0) + 1 }, 'expected UTF-8');
  }
}

function readLiterals(section: Section): Variables {
  const literals = new Map<string, string>();
  const unreadable: string[] = [];
  const texts = new Map([...section].map(([name, value]) => [name, textOf(value)]));
  let left = MOST_REFERRED;
  const replaced = (literal: string): string =>
    interpolate(
      literal,
      (name) => texts.get(name),
      (letters) => {
        left -= letters;
        if (left < 0) throw new Error('expected references that lead to less: they are made longer and longer');
      },
    );
  for (const [name, value] of section) {
    const [first = START] = value.lines;
    const start = { line: first.line, column: first.column };
    if (name.length > LONGEST_NAME)
      throw new FileError(start, `expected a name of at most ${LONGEST_NAME} letters, found ${shown(name)}`);
    if (literals.size === MOST_VARIABLES) throw new FileError(start, `expected at most ${MOST_VARIABLES} variables`);
    const literal = texts.get(name) ?? '';
    if (checkValue(literal, value, start, replaced).length > 0) unreadable.push(name);
    literals.set(name, literal);
  }
  return { literals, unreadable };
}

function checkValue(
  literal: string,
  value: OptionValue,
  start: FilePlace,
  replaced: (literal: string) => string,
): readonly string[] {
  const hasPercent = literal.includes('%');
  let text = literal;
  try {
    if (hasPercent) text = replaced(literal);
  } catch (error) {
    throw new FileError(start, (error as Error).message);
  }
  try {
    return checkLiteral(text);
  } catch (error) {
    if (!(error instanceof LiteralError)) throw error;
    throw new FileError(hasPercent ? start : placeIn(value, error.at), error.message);
  }
}
