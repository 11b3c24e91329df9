import { foldHostlist } from './hostlist.ts';

/** More than this is told by a number: names that do not fold would fill the screen. */
const LONGEST = 120;

/** `print[01-24]`, and in words who has no name. */
export function namesOf(nodes: readonly string[]): string {
  const others = nodes.filter((node) => node.startsWith('('));
  const named = nodes.filter((node) => !node.startsWith('('));
  const folded = foldHostlist(named);
  const cut = folded.slice(0, LONGEST).replace(/,[^,]*$/, '');
  const names = folded.length > LONGEST ? `${cut} … (${named.length} machines)` : folded;
  return [names, ...others].filter(Boolean).join(' and ');
}

/** Which machines have a fault, for the end of its line. */
export const forNodes = (nodes: readonly string[]): string => (nodes.length === 0 ? '' : ` (for ${namesOf(nodes)})`);
