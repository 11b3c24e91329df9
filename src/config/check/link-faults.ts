import { entryOf } from '../../entry-of.ts';

/** What of an interface says which others it lies over. */
export interface Stacked {
  readonly kind: 'physical' | 'vlan' | 'bond' | 'bridge' | 'can';
  /** Of a VLAN. */
  readonly link?: string;
  /** Of a bond or bridge. */
  readonly members?: readonly string[];
  readonly addresses?: readonly string[];
  readonly primary?: string | undefined;
}

export interface LinkFault {
  /** Below `interfaces`. */
  readonly path: readonly string[];
  readonly message: string;
}

/** The interfaces that one lies over. */
export const below = ({ link, members = [] }: Stacked): readonly string[] => (link ? [link, ...members] : members);

/** By interface the bond or bridge that it is in, the first that says so. */
const mastersOf = (interfaces: Readonly<Record<string, Stacked>>): ReadonlyMap<string, string> =>
  new Map(
    Object.entries(interfaces)
      .toReversed()
      .flatMap(([name, { members = [] }]) => members.map((member) => [member, name] as const)),
  );

/** The bond or bridge that an interface is in. */
export const masterOf = (name: string, interfaces: Readonly<Record<string, Stacked>>): string | undefined =>
  mastersOf(interfaces).get(name);

/** Interfaces that cannot lie over each other as they say, with the reason. Pure. */
export function linkFaults(interfaces: Readonly<Record<string, Stacked>>): readonly LinkFault[] {
  const known = Object.hasOwn.bind(undefined, interfaces);
  const masters = mastersOf(interfaces);
  return Object.entries(interfaces).flatMap(([name, entry]): readonly LinkFault[] => {
    const field = entry.kind === 'vlan' ? 'link' : 'members';
    const fault = (message: string, path = field): LinkFault => ({ path: [name, path], message });
    const missing = below(entry).filter((other) => !known(other));
    if (missing.length > 0)
      return missing.map((other) => fault(`there is no interface ${other}: say it too, if only as \`${other}: {}\``));
    const can = below(entry).filter((other) => entryOf(interfaces, other)?.kind === 'can');
    if (can.length > 0)
      return can.map((other) => fault(`${other} is a CAN interface: no ${entry.kind} is made of one`));
    if (isOver(name, name, interfaces)) return [fault(`${name} would lie over itself`)];
    return [
      ...membersInTwo(name, entry, masters).map((message) => fault(message)),
      ...(entry.members ?? []).flatMap((member) => {
        const { kind, addresses = [] } = entryOf(interfaces, member) as Stacked;
        if (entry.kind === 'bond' && kind !== 'physical')
          return [fault(`a bond takes physical interfaces: ${member} is a ${kind}`)];
        if (kind === 'bridge') return [fault(`a bridge cannot be in a bridge: ${member}`)];
        return addresses.length > 0 ? [fault(`${member} has an address of its own: give it to ${name}`)] : [];
      }),
      ...(entry.primary && !entry.members?.includes(entry.primary)
        ? [fault(`${entry.primary} is not among the members`, 'primary')]
        : []),
    ];
  });
}

function membersInTwo(
  name: string,
  { members = [] }: Stacked,
  masters: ReadonlyMap<string, string>,
): readonly string[] {
  return members.flatMap((member) => {
    const other = masters.get(member);
    return other === undefined || other === name ? [] : [`${member} is in ${other} already`];
  });
}

/** Whether the way down from `from` comes to `target`. */
function isOver(
  from: string,
  target: string,
  all: Readonly<Record<string, Stacked>>,
  seen = new Set<string>(),
): boolean {
  return below(entryOf(all, from) ?? { kind: 'physical' }).some((next) => {
    if (next === target) return true;
    if (seen.has(next)) return false;
    seen.add(next);
    return isOver(next, target, all, seen);
  });
}
