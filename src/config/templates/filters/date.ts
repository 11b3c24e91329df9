import { entryOf } from '../../../entry-of.ts';
import { refuse, textOf } from './input.ts';

const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const MONTHS = [
  ...['January', 'February', 'March', 'April', 'May', 'June'],
  ...['July', 'August', 'September', 'October', 'November', 'December'],
];
const two = (number: number): string => String(number).padStart(2, '0');

/** strftime(3) in UTC and English: what depends on the server's place or language is not there. */
const CODES: Readonly<Record<string, (date: Date) => string>> = {
  Y: (date) => String(date.getUTCFullYear()).padStart(4, '0'),
  y: (date) => two(date.getUTCFullYear() % 100),
  m: (date) => two(date.getUTCMonth() + 1),
  d: (date) => two(date.getUTCDate()),
  e: (date) => String(date.getUTCDate()).padStart(2),
  H: (date) => two(date.getUTCHours()),
  M: (date) => two(date.getUTCMinutes()),
  S: (date) => two(date.getUTCSeconds()),
  j: (date) =>
    String(Math.floor((date.getTime() - Date.UTC(date.getUTCFullYear(), 0)) / 86_400_000) + 1).padStart(3, '0'),
  s: (date) => String(Math.floor(date.getTime() / 1000)),
  a: (date) => DAYS[date.getUTCDay()]!.slice(0, 3),
  A: (date) => DAYS[date.getUTCDay()]!,
  b: (date) => MONTHS[date.getUTCMonth()]!.slice(0, 3),
  B: (date) => MONTHS[date.getUTCMonth()]!,
  F: (date) => date.toISOString().slice(0, 10),
  T: (date) => date.toISOString().slice(11, 19),
  z: () => '+0000',
  Z: () => 'UTC',
  '%': () => '%',
};

/** An ISO 8601 time (without a zone, UTC), seconds since 1970, or "now": the context's time, where it gives one. */
export function date(value: unknown, format: unknown, now: unknown): string {
  const time = value === 'now' || value === 'today' ? now : value;
  if (time === undefined) throw new Error('there is no clock here: "now" is known only where a time was given');
  const date = new Date(millisecondsOf(time));
  if (Number.isNaN(date.getTime())) throw refuse('a time such as 2026-11-20T12:00:00Z', value);
  return textOf(format ?? '%FT%TZ').replaceAll(/%([^])/g, (_, code: string) => {
    if (!Object.hasOwn(CODES, code))
      throw new Error(`%${code} is not known; there are %${Object.keys(CODES).join(' %')}`);
    return entryOf(CODES, code)!(date);
  });
}

function millisecondsOf(time: unknown): number {
  if (typeof time === 'number' || (typeof time === 'string' && /^\d{1,12}$/.test(time))) return Number(time) * 1000;
  const iso = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?)(Z|[+-]\d\d:\d\d)?)?$/.exec(String(time));
  return iso ? Date.parse(`${iso[1]}T${iso[2] ?? '00:00'}${iso[3] ?? 'Z'}`) : Number.NaN;
}
