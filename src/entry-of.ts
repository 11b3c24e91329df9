/**
 * What a record has under a name that somebody wrote; undefined for what every object has besides: `constructor`,
 * `toString`, `__proto__`. Nothing else in src/ looks a record up by a text (test/unit/law/own-keys.test.ts).
 */
export const entryOf = <T>(record: Readonly<Record<string, T>> | undefined, key: string): T | undefined =>
  record !== undefined && Object.hasOwn(record, key) ? record[key] : undefined;
