import { isDeepStrictEqual } from 'node:util';
import { entryOf } from '../entry-of.ts';
import type { Facts } from '../machine/facts/facts.ts';
import { type FoundFacts, GROUPS, NO_FACTS, withFound } from '../machine/facts/found-facts.ts';
import type { LookRecord, RecordedFacts } from '../machine/facts/recorded-facts.ts';

type Part = Readonly<Record<string, unknown>>;

const isGroup = (name: string): boolean => (GROUPS as readonly string[]).includes(name);

/** Fields of `now` that are others than those of `before`, by value; null for one that is gone, and of a group its fields. */
const changed = (before: Part, now: Part): readonly (readonly [name: string, value: unknown])[] =>
  [...new Set([...Object.keys(before), ...Object.keys(now)])].flatMap((name) => {
    const [was, is] = [entryOf(before, name) ?? null, entryOf(now, name) ?? null];
    // Most is the same object: it is not looked into.
    if (was === is) return [];
    if (!isGroup(name)) return isDeepStrictEqual(was, is) ? [] : [[name, is]];
    const fields = changed({ ...was }, { ...is });
    return fields.length > 0 ? [[name, Object.fromEntries(fields)]] : [];
  });

/** What `now` has other than `before`, field by field: facts that were read again from a file are the same. Pure. */
export const changesOf = (before: Partial<Facts>, now: Partial<Facts>): FoundFacts =>
  Object.fromEntries(changed({ ...before }, { ...now }));

/** What looks add up to. Pure. */
export const factsOf = (looks: readonly LookRecord[]): Partial<Facts> =>
  looks.reduce((facts: Partial<Facts>, { found }) => withFound(facts, found), NO_FACTS);

/** Names of facts that are other ones than the looks of that boot found: somebody edited the file. Pure. */
export const editedFacts = ({ looks, ...facts }: RecordedFacts): readonly string[] =>
  looks ? namesOf(changesOf(factsOf(looks), facts)) : [];

/** Of what a look found: of a group, each field. */
const namesOf = (found: FoundFacts): readonly string[] =>
  Object.entries(found).flatMap(([name, part]) =>
    isGroup(name) ? Object.keys(Object(part)).map((field) => `${name}.${field}`) : [name],
  );
