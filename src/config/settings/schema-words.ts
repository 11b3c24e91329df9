import type { z } from 'zod';

const NOUNS: ReadonlyMap<string, string> = new Map([
  ['string', 'a text'],
  ['number', 'a number'],
  ['int', 'a whole number'],
  ['boolean', 'true or false'],
  ['array', 'a list'],
  ['object', 'a mapping of keys to values'],
  ['record', 'a mapping of keys to values'],
  ['null', 'nothing'],
]);

/** What a text, a list and a mapping are counted in; a number is compared. */
const THINGS: ReadonlyMap<string, string> = new Map([
  ['string', 'letter'],
  ['array', 'item'],
  ['object', 'key'],
  ['record', 'key'],
]);

const LONGEST = 80;

const nounOf = (kind: string): string => NOUNS.get(kind) ?? kind;

function found(input: unknown): string {
  if (input === null || input === undefined) return 'nothing';
  if (Array.isArray(input)) return 'a list';
  if (typeof input === 'object') return 'a mapping';
  if (typeof input !== 'string') return String(input);
  return JSON.stringify(input.length > LONGEST ? `${input.slice(0, LONGEST)}…` : input);
}

function bound(origin: string, side: 'least' | 'most', limit: number | bigint, input: unknown): string {
  const thing = THINGS.get(origin);
  if (thing === undefined) return `expected ${limit} or ${side === 'least' ? 'more' : 'less'}, found ${found(input)}`;
  if (side === 'least' && Number(limit) === 1) return `expected ${nounOf(origin)} that is not empty`;
  return `expected ${nounOf(origin)} of at ${side} ${limit} ${thing}${Number(limit) === 1 ? '' : 's'}`;
}

const oneOf = (values: readonly unknown[]): string =>
  values.length > 1 ? `one of ${values.map(String).join(', ')}` : String(values[0]);

/** What is wrong with a value whose schema has no words of its own: what was expected, not what zod calls it. */
function wordsOf(issue: z.core.$ZodRawIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return `expected ${nounOf(issue.expected)}, found ${found(issue.input)}`;
    case 'too_small':
      return bound(issue.origin, 'least', issue.minimum, issue.input);
    case 'too_big':
      return bound(issue.origin, 'most', issue.maximum, issue.input);
    case 'not_multiple_of':
      return `expected a multiple of ${issue.divisor}, found ${found(issue.input)}`;
    case 'invalid_value':
      return `expected ${oneOf(issue.values)}, found ${found(issue.input)}`;
    case 'unrecognized_keys':
      return `unknown key ${issue.keys.map((key) => JSON.stringify(key)).join(', ')}`;
    case 'invalid_key':
      return 'it has a key that cannot be one here';
    default:
      return `it cannot be ${found(issue.input)}`;
  }
}

/** For a `safeParse` of what people wrote. */
export const IN_WORDS = { error: wordsOf } as const;

/** What the schema makes of the value. Throws all that is wrong, each at its place, for a sentence that goes on. */
export function parseInWords<Parsed>(schema: z.ZodType<Parsed>, value: unknown): Parsed {
  const parsed = schema.safeParse(value, IN_WORDS);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map(({ path, message }) => [path.join('.'), message].filter(Boolean).join(': '));
  throw new Error(faults.join('; '));
}
