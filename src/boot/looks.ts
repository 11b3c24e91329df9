import { isDeepStrictEqual } from 'node:util';
import type { Facts } from '../machine/facts/facts.ts';
import { type FoundFacts, withFound } from '../machine/facts/found-facts.ts';
import type { LookRecord, RecordedFacts } from '../machine/facts/recorded-facts.ts';

/** What `now` has other than `before`, by value: facts that were read again from a file are the same. Pure. */
export function changesOf(before: Partial<Facts>, now: Partial<Facts>): FoundFacts {
  const found: Record<string, unknown> = {};
  for (const key of new Set([...Object.keys(before), ...Object.keys(now)]) as Set<keyof Facts>)
    if (!isDeepStrictEqual(before[key] ?? null, now[key] ?? null)) found[key] = now[key] ?? null;
  return found;
}

/** What looks add up to. Pure. */
export const factsOf = (looks: readonly LookRecord[]): Partial<Facts> =>
  looks.reduce((facts: Partial<Facts>, { found }) => withFound(facts, found), {});

/** Names of facts that are other ones than the looks of that boot found: somebody edited the file. Pure. */
export const editedFacts = ({ looks, ...facts }: RecordedFacts): readonly string[] =>
  looks ? Object.keys(changesOf(factsOf(looks), facts)) : [];
