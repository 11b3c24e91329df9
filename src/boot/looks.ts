import { isDeepStrictEqual } from 'node:util';
import { entryOf } from '../entry-of.ts';
import type { Facts } from '../machine/facts/facts.ts';
import { type FoundFacts, GROUPS, NO_FACTS, withFound } from '../machine/facts/found-facts.ts';
import type { LookRecord, RecordedFacts } from '../machine/facts/recorded-facts.ts';

/** Fields of `now` that are others than those of `before`, by value; null for one that is gone. */
function changed(before: object, now: object): object {
  const [was, is] = [{ ...before }, { ...now }] as const;
  return Object.fromEntries(
    [...new Set([...Object.keys(was), ...Object.keys(is)])].flatMap((key) => {
      const value = entryOf(is, key) ?? null;
      return isDeepStrictEqual(entryOf(was, key) ?? null, value) ? [] : [[key, value]];
    }),
  );
}

const isGroup = (name: string): boolean => (GROUPS as readonly string[]).includes(name);

/** What `now` has other than `before`, field by field: facts that were read again from a file are the same. Pure. */
export function changesOf(before: Partial<Facts>, now: Partial<Facts>): FoundFacts {
  const groups = GROUPS.map((group) => [group, changed({ ...before[group] }, { ...now[group] })] as const);
  return Object.fromEntries([
    ...Object.entries(changed(before, now)).filter(([name]) => !isGroup(name)),
    ...groups.filter(([, part]) => Object.keys(part).length > 0),
  ]);
}

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
