import { entryOf } from '../entry-of.ts';

type Kind = 'text' | 'number' | 'flag' | 'list' | 'mapping';

type KindOf<Value> = unknown extends Value
  ? Kind
  : NonNullable<Value> extends string
    ? 'text'
    : NonNullable<Value> extends number
      ? 'number'
      : NonNullable<Value> extends boolean
        ? 'flag'
        : NonNullable<Value> extends readonly unknown[]
          ? 'list'
          : 'mapping';

/** What a record cannot do without, and of what kind that is: by it one of another version is known. */
export type RecordShape<T> = { readonly [Key in keyof T]?: KindOf<T[Key]> };

const KINDS: Readonly<Record<string, Kind>> = { string: 'text', number: 'number', boolean: 'flag' };

export const isMapping = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const kindOf = (value: unknown): Kind | undefined =>
  Array.isArray(value) ? 'list' : isMapping(value) ? 'mapping' : entryOf(KINDS, typeof value);

/** Why it is no such record; undefined: it is one. */
function faultOf(value: unknown, shape: RecordShape<unknown>): string | undefined {
  if (!isMapping(value)) return 'is no record';
  const missing = Object.entries<Kind>(shape).find(([key, kind]) => kindOf(entryOf(value, key)) !== kind);
  return missing && `has no "${missing[0]}" as this version has`;
}

const isOf = <T>(value: unknown, shape: RecordShape<T>): value is T => faultOf(value, shape) === undefined;

/**
 * The one reader of JSON that this program wrote itself, on this machine: a power cut may have torn it, another version may
 * have written it, so what is needed of it is looked for; the rest is as it was written. Throws why it is none, for a sentence
 * that begins with the file's name.
 */
export function parseRecord<T extends object>(text: string, shape: RecordShape<T>): T {
  const value = parse(text);
  if (isOf(value, shape)) return value;
  throw new Error(faultOf(value, shape));
}

/** The same of a list of records. */
export function parseRecords<T extends object>(text: string, shape: RecordShape<T>): readonly T[] {
  const value = parse(text);
  if (Array.isArray(value) && value.every((item): item is T => isOf(item, shape))) return value;
  throw new Error('is no list of records as this version has');
}

/** undefined for what is none: where a record that is torn counts as one that is not there. */
export function recordOrNone<T extends object>(text: string | undefined, shape: RecordShape<T>): T | undefined {
  try {
    return text === undefined ? undefined : parseRecord(text, shape);
  } catch {
    return undefined;
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new Error(`is no JSON: ${(cause as Error).message}`, { cause });
  }
}
