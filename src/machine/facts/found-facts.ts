import type { Facts } from './facts.ts';

/** What a boot knows before its first look. */
export const NO_FACTS = { network: {}, servers: {}, bundle: {}, root: {}, system: {} } as const;

/** Parts of the facts that looks fill field by field; the others are found whole. */
export const GROUPS = ['machine', ...(Object.keys(NO_FACTS) as (keyof typeof NO_FACTS)[])] as const;
type Group = (typeof GROUPS)[number];

type Found<Part> = { readonly [Key in keyof Part]?: Part[Key] | null | undefined };

/** What a look found: undefined, or null where it was read from a file, for a fact that does not hold any more. */
export type FoundFacts = Found<Omit<Facts, Group>> & { readonly [Each in Group]?: Found<Facts[Each]> };

const over = <Part extends object>(known: Part | undefined, found: object): Part => {
  const all = Object.entries({ ...known, ...found });
  return Object.fromEntries(all.filter(([, value]) => value !== undefined && value !== null)) as Part;
};

/** The facts with what was found over them, group by group; what does not hold any more has no key. Pure. */
export function withFound<Known extends Partial<Facts>>(facts: Known, found: FoundFacts): Known {
  const groups = GROUPS.flatMap((group) => {
    const part = found[group];
    return part ? [[group, over<object>(facts[group], part)] as const] : [];
  });
  return over(facts, { ...found, ...Object.fromEntries(groups) });
}
