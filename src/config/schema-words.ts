import { z } from 'zod';

const NOUNS = new Map([
  ['string', 'a text'],
  ['number', 'a number'],
  ['int', 'a whole number'],
  ['boolean', 'true or false'],
  ['array', 'a list'],
  ['set', 'a list'],
  ['object', 'a mapping of keys to values'],
  ['record', 'a mapping of keys to values'],
  ['map', 'a mapping of keys to values'],
  ['null', 'nothing'],
]);

const noun = (kind: string): string => NOUNS.get(kind) ?? kind;

function found(input: unknown): string {
  if (input === null || input === undefined) return 'nothing';
  if (Array.isArray(input)) return 'a list';
  if (typeof input === 'object') return 'a mapping';
  const text = JSON.stringify(input);
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}

/** How much of what: letters of a text, items of a list, keys of a mapping; a number is compared. */
function bound(origin: string, side: 'least' | 'most', limit: number | bigint): string {
  const things = new Map([
    ['string', 'letter'],
    ['array', 'item'],
    ['set', 'item'],
    ['object', 'key'],
    ['record', 'key'],
    ['map', 'key'],
  ]).get(origin);
  if (things === undefined) return `expected ${limit} or ${side === 'least' ? 'more' : 'less'}`;
  if (side === 'least' && Number(limit) === 1) return `expected ${noun(origin)} that is not empty`;
  return `expected ${noun(origin)} of at ${side} ${limit} ${things}${Number(limit) === 1 ? '' : 's'}`;
}

/** What is wrong with a value, where its schema has no words of its own: what was expected, not what the library calls it. */
function wordsOf(issue: z.core.$ZodRawIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return `expected ${noun(issue.expected)}, found ${found(issue.input)}`;
    case 'too_small':
      return bound(issue.origin, 'least', issue.minimum);
    case 'too_big':
      return bound(issue.origin, 'most', issue.maximum);
    case 'not_multiple_of':
      return `expected a multiple of ${issue.divisor}, found ${found(issue.input)}`;
    case 'invalid_value':
      return `expected ${issue.values.length > 1 ? 'one of ' : ''}${issue.values.map(String).join(', ')}, found ${found(issue.input)}`;
    case 'unrecognized_keys':
      return `unknown key ${issue.keys.map((key) => JSON.stringify(key)).join(', ')}`;
    case 'invalid_key':
      return 'it has a key that cannot be one here';
    case 'invalid_format':
    case 'invalid_union':
    case 'invalid_element':
      return `it cannot be ${found(issue.input)}`;
    default:
      return `it cannot be ${found(issue.input)}`;
  }
}

z.config({ customError: (issue) => wordsOf(issue) });
