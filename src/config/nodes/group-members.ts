import { type ConfigFault, faultAt } from '../check/fault.ts';
import { MOST_SUGGESTIONS, nearest } from '../check/suggest.ts';
import { foldHostlist } from './hostlist.ts';
import type { NodeRecord, Nodes } from './nodes.ts';

/** Members of a group that no node file has: they get nothing of it. */
export interface StrayMembers {
  readonly fault: ConfigFault;
  /** `typo`: a node is called almost so; `absent`: perhaps its file is still to come. */
  readonly kind: 'typo' | 'absent';
  /** The nodes that were probably meant. */
  readonly meant: readonly string[];
}

/** Every group file's members that are no nodes. Pure. */
export function strayMembers({ nodes, groups }: Pick<Nodes, 'nodes' | 'groups'>): readonly StrayMembers[] {
  const strays = [...groups.values()].map((group) => ({
    group,
    names: [...group.members].filter((name) => !nodes.has(name)),
  }));
  if (strays.every(({ names }) => names.length === 0)) return [];
  const known = seriesOf(nodes.values());
  const meantBySeries = meantAmong(known);
  return strays.flatMap(({ group: { name, membersAt }, names }) => {
    const typos = names.flatMap((stray) => {
      const node = meantBy(stray, known, meantBySeries);
      return node === undefined ? [] : [{ stray, node }];
    });
    const mistyped = new Set(typos.map(({ stray }) => stray));
    const absent = names.filter((stray) => !mistyped.has(stray));
    const meant = typos.map(({ node }) => node);
    return [
      ...(typos.length === 0
        ? []
        : [
            {
              kind: 'typo' as const,
              meant,
              fault: faultAt(
                membersAt,
                `no node file names ${foldHostlist([...mistyped])}: did you mean ${foldHostlist(meant)}?`,
              ),
            },
          ]),
      ...(absent.length === 0
        ? []
        : [
            {
              kind: 'absent' as const,
              meant: [],
              fault: faultAt(
                membersAt,
                `no node file names ${foldHostlist(absent)}: group ${name} does nothing for ${absent.length > 1 ? 'them' : 'it'} yet`,
              ),
            },
          ]),
    ];
  });
}

/** A series like the one that nobody has, each asked for once. */
type Meant = (series: string) => string | undefined;

function meantAmong(known: Series): Meant {
  const asked = new Map<string, string | undefined>();
  return (series) => {
    if (!asked.has(series) && asked.size < MOST_SUGGESTIONS) asked.set(series, nearest(series, known.keys()));
    return asked.get(series);
  };
}

/** Nodes by their series, and there by their numbers. */
type Series = ReadonlyMap<string, ReadonlyMap<string, string>>;

function seriesOf(nodes: Iterable<NodeRecord>): Series {
  const series = new Map<string, Map<string, string>>();
  for (const { name } of nodes) {
    const known = series.get(seriesName(name)) ?? new Map<string, string>();
    series.set(seriesName(name), known.set(numbersOf(name), name));
  }
  return series;
}

/**
 * What the machines of a series have in common: numbers, and a letter that ends a word, count them. So print03 and rackb07 are
 * further ones of print01 and racka07, and no typing errors.
 */
const seriesName = (name: string): string =>
  name
    .toLowerCase()
    .replace(/\d+/g, '#')
    .replace(/[a-z](?![a-z])/g, '');

const lettersOf = (name: string): string => name.toLowerCase().replace(/\d+/g, '');

/** 7, 07 and 007 are one number. */
const numbersOf = (name: string): string => [...name.matchAll(/\d+/g)].map(([digits]) => Number(digits)).join(',');

/** Shorter words are too alike to tell a typing error from another series. */
const SHORTEST_WORD = 4;

/** The node that differs in a letter or in leading zeros only. */
function meantBy(name: string, series: Series, meant: Meant): string | undefined {
  const own = seriesName(name);
  const sameNumber = series.get(own)?.get(numbersOf(name));
  if (sameNumber !== undefined) return lettersOf(sameNumber) === lettersOf(name) ? sameNumber : undefined;
  if (series.has(own)) return undefined;
  const word = own.replaceAll('#', '');
  const near = meant(own);
  return near === undefined || word.length < SHORTEST_WORD - 1 ? undefined : series.get(near)?.get(numbersOf(name));
}
