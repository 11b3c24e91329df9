import { entryOf } from '../entry-of.ts';
import type { Probe } from './probe-server.ts';
import type { ServerFacts } from './server-facts.ts';

export interface ServerOrder {
  readonly choose: 'ordered' | 'weighted' | 'measured';
  /** By URL; 1 where there is none. */
  readonly weights: Readonly<Record<string, number>>;
}

type Accepting = Extract<Probe, { kind: 'accepts' }>;

/** Differences below this are the network's mood, and say less than the load. */
const LEAST_ROUND_TRIP_MS = 5;
/** Of a server that does not say. */
const UNKNOWN_LOAD = 0.5;
const LEAST_IDLE = 0.05;

/** How long a machine may expect to wait: the round trip, longer the less of the server is idle, as in a queue. Less is better. */
export const score = ({ roundTripMs, load = UNKNOWN_LOAD }: Pick<Accepting, 'roundTripMs' | 'load'>): number =>
  Math.max(LEAST_ROUND_TRIP_MS, roundTripMs) / Math.max(LEAST_IDLE, 1 - load);

/**
 * Every server once, the one to ask first at the front. Those that take no new boots, fail or are silent stand at the
 * end, in the order of the probes. `random` gives numbers in [0, 1).
 */
export function orderServers(
  probes: readonly Probe[],
  { choose, weights }: ServerOrder,
  random: () => number,
): readonly ServerFacts[] {
  const good = probes.filter((probe) => probe.kind === 'accepts');
  const last = probes.filter((probe) => probe.kind !== 'accepts');
  const order = {
    ordered: () => good.map((probe) => factsOf(probe, 'in order')),
    measured: () => drawAll(good, (left) => betterOfTwo(left, random)).map((probe) => factsOf(probe, 'measured')),
    weighted: () => weighted(good, (url) => entryOf(weights, url) ?? 1, random),
  };
  return [...order[choose](), ...last.map(sayLast)];
}

/**
 * The better of two that are drawn by chance. Machines that measure at the same moment would else all run to the one
 * server that was idle then (Mitzenmacher, *The Power of Two Choices in Randomized Load Balancing*, 1996).
 */
function betterOfTwo(left: readonly Accepting[], random: () => number): number {
  const one = draw(left.length, random);
  if (left.length === 1) return one;
  const drawn = draw(left.length - 1, random);
  const other = drawn >= one ? drawn + 1 : drawn;
  const [a, b] = [left[one], left[other]];
  return a && b && score(b) < score(a) ? other : one;
}

/** Those with weight 0 come after all others. */
function weighted(good: readonly Accepting[], weightOf: (url: string) => number, random: () => number) {
  const spare = good.filter(({ url }) => weightOf(url) === 0);
  const wanted = drawAll(
    good.filter(({ url }) => weightOf(url) > 0),
    (left) => {
      let point = random() * left.reduce((sum, { url }) => sum + weightOf(url), 0);
      for (const [at, { url }] of left.entries()) {
        point -= weightOf(url);
        if (point < 0) return at;
      }
      return left.length - 1;
    },
  );
  return [...wanted, ...spare].map((probe) => factsOf(probe, `weight ${weightOf(probe.url)}`));
}

/** Takes one after the other, each at the place that `next` says, until none is left. */
function drawAll<T>(all: readonly T[], next: (left: readonly T[]) => number): readonly T[] {
  const left = [...all];
  const drawn: T[] = [];
  while (left.length > 0) drawn.push(...left.splice(next(left), 1));
  return drawn;
}

const draw = (count: number, random: () => number): number => Math.min(count - 1, Math.floor(random() * count));

const loadText = (load: number | undefined): string => (load === undefined ? 'load unknown' : `load ${load}`);

const factsOf = ({ url, roundTripMs, load }: Accepting, how: string): ServerFacts => ({
  url,
  reason: `${how}: ${roundTripMs} ms, ${loadText(load)}`,
  roundTripMs,
  ...(load !== undefined && { load }),
});

function sayLast(probe: Exclude<Probe, Accepting>): ServerFacts {
  const { url } = probe;
  if (probe.kind === 'failed') return { url, reason: probe.why, isLast: true };
  const { roundTripMs, load } = probe;
  return {
    url,
    reason: `takes no new boots: ${roundTripMs} ms, ${loadText(load)}`,
    isLast: true,
    roundTripMs,
    ...(load !== undefined && { load }),
  };
}
