import type { Facts } from './facts.ts';

/** What a look found: undefined, or null where it was read from a file, for a fact that does not hold any more. */
export type FoundFacts = { readonly [Key in keyof Facts]?: Facts[Key] | null | undefined };

/** The facts with what was found over them; what does not hold any more has no key. Pure. */
export function withFound<Known extends Partial<Facts>>(facts: Known, found: FoundFacts): Known {
  const all = Object.entries({ ...facts, ...found });
  return Object.fromEntries(all.filter(([, value]) => value !== undefined && value !== null)) as Known;
}
