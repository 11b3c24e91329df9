import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { orderServers, type ServerOrder, score } from '../../../src/fetch/order-servers.ts';
import type { Probe } from '../../../src/fetch/probe-server.ts';
import { memoryClock } from '../../../src/host/memory/clock.ts';

const accepts = (url: string, roundTripMs: number, load?: number): Probe => ({
  kind: 'accepts',
  url,
  roundTripMs,
  ...(load !== undefined && { load }),
});
const failed = (url: string): Probe => ({ kind: 'failed', url, why: 'silent' });
const refuses = (url: string): Probe => ({ kind: 'refuses', url, roundTripMs: 1, load: 1 });
const by = (choose: ServerOrder['choose'], weights: ServerOrder['weights'] = {}): ServerOrder => ({ choose, weights });
const urls = (servers: readonly { readonly url: string }[]) => servers.map(({ url }) => url).join('');

/** How often each order comes up. */
function count(probes: readonly Probe[], order: ServerOrder, times = 6_000, pick = urls): Record<string, number> {
  const { random } = memoryClock(0);
  const seen: Record<string, number> = {};
  for (let turn = 0; turn < times; turn += 1) {
    const key = pick(orderServers(probes, order, random));
    seen[key] = (seen[key] ?? 0) + 1;
  }
  return seen;
}
const first = (servers: readonly { readonly url: string }[]) => servers[0]?.url ?? '';

describe('servers in order', () => {
  it('stay as config.d has them, the good before the others, each with its reason', () => {
    const probes = [failed('a'), accepts('b', 9, 0.9), refuses('c'), accepts('d', 1)];
    expect(orderServers(probes, by('ordered'), () => 0)).toEqual([
      { url: 'b', reason: 'in order: 9 ms, load 0.9', roundTripMs: 9, load: 0.9 },
      { url: 'd', reason: 'in order: 1 ms, load unknown', roundTripMs: 1 },
      { url: 'a', reason: 'silent', isLast: true },
      { url: 'c', reason: 'takes no new boots: 1 ms, load 1', isLast: true, roundTripMs: 1, load: 1 },
    ]);
  });

  it('that say they are busier than busy are no better for it', () => {
    const scores = [1, 1.5, 7, Number.MAX_VALUE].map((load) => score({ roundTripMs: 10, load }));
    expect(scores).toEqual([200, 200, 200, 200]);
    const probes = [accepts('a', 10, 7), accepts('b', 10, 0.9)];
    expect(orderServers(probes, by('measured'), () => 0).map(({ url }) => url)).toEqual(['b', 'a']);
  });

  it('are every one in the list exactly once, whatever the probes say', () => {
    const probe = fc.oneof(
      fc.record({ kind: fc.constant('accepts' as const), roundTripMs: fc.double(), load: fc.double() }),
      fc.record({ kind: fc.constant('accepts' as const), roundTripMs: fc.double() }),
      fc.record({ kind: fc.constant('refuses' as const), roundTripMs: fc.double(), load: fc.double() }),
      fc.record({ kind: fc.constant('failed' as const), why: fc.string() }),
    );
    const names = fc.constantFrom('0', '1', '2', '3', '__proto__', 'constructor');
    fc.assert(
      fc.property(
        fc.array(probe, { maxLength: 12 }),
        fc.constantFrom('ordered', 'weighted', 'measured'),
        fc.dictionary(names, fc.nat(1000)),
        fc.infiniteStream(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })),
        (found, choose, weights, numbers) => {
          const probes = found.map((each, at): Probe => ({ ...each, url: String(at) }));
          const servers = orderServers(probes, { choose, weights }, () => numbers.next().value);
          expect(servers.map(({ url }) => url).toSorted()).toEqual(probes.map(({ url }) => url).toSorted());
          const isLast = servers.map((server) => server.isLast ?? false);
          expect(isLast).toEqual(isLast.toSorted((a, b) => Number(a) - Number(b)));
          const last = servers.filter((server) => server.isLast).map(({ url }) => url);
          expect(last).toEqual(probes.filter(({ kind }) => kind !== 'accepts').map(({ url }) => url));
        },
      ),
    );
  });
});

describe('measured servers', () => {
  it('are the better of two by round trip and load', () => {
    expect(count([accepts('a', 100, 0), accepts('b', 10, 0)], by('measured'))).toEqual({ ba: 6_000 });
    expect(count([accepts('a', 10, 0.95), accepts('b', 10, 0.1)], by('measured'))).toEqual({ ba: 6_000 });
    expect(score({ roundTripMs: 50, load: 0 })).toBeLessThan(score({ roundTripMs: 10, load: 0.9 }));
    expect(score({ roundTripMs: 10, load: 0.4 })).toBeLessThan(score({ roundTripMs: 10 }));
  });

  it('that differ by less than a network does are told apart by their load alone', () => {
    expect(score({ roundTripMs: 4, load: 0.1 })).toBeLessThan(score({ roundTripMs: 0.1, load: 0.2 }));
  });

  it('of equal worth get a machine each as often', () => {
    const seen = count(
      ['a', 'b', 'c'].map((url) => accepts(url, 1, 0)),
      by('measured'),
      6_000,
      first,
    );
    for (const times of Object.values(seen)) expect(Math.abs(times - 2_000)).toBeLessThan(150);
    expect(Object.keys(seen)).toHaveLength(3);
  });

  it('are drawn in pairs that are all as likely: the best of n wins in 2/n of the draws, the worst never', () => {
    const probes = [1, 2, 3, 4].map((rank) => accepts(String(rank), rank * 100, 0));
    const seen = count(probes, by('measured'), 6_000, first);
    // Of the six pairs the best is in three, the second wins two, the third one.
    expect(Object.keys(seen).toSorted()).toEqual(['1', '2', '3']);
    for (const [rank, share] of [
      ['1', 3],
      ['2', 2],
      ['3', 1],
    ] as const)
      expect(Math.abs((seen[rank] ?? 0) - share * 1_000)).toBeLessThan(150);
  });
});

describe('weighted servers', () => {
  it('come first as often as their weights say', () => {
    const seen = count([accepts('a', 1), accepts('b', 1)], by('weighted', { a: 3 }));
    expect(Math.abs((seen.ab ?? 0) - 4_500)).toBeLessThan(200);
    expect((seen.ab ?? 0) + (seen.ba ?? 0)).toBe(6_000);
  });

  it('have one place each in the draw, and say their weight', () => {
    const probes = [accepts('a', 1), accepts('b', 2, 0.5)];
    const drawn = (by_: number) => orderServers(probes, by('weighted', { a: 1 }), () => by_);
    expect(urls(drawn(0.499))).toBe('ab');
    expect(drawn(0.5)).toStrictEqual([
      { url: 'b', reason: 'weight 1: 2 ms, load 0.5', roundTripMs: 2, load: 0.5 },
      { url: 'a', reason: 'weight 1: 1 ms, load unknown', roundTripMs: 1 },
    ]);
  });

  it('of weight 0 come after the others, and before those that do not answer', () => {
    const probes = [accepts('a', 1), failed('b'), accepts('c', 1)];
    expect(count(probes, by('weighted', { a: 0 }))).toEqual({ cab: 6_000 });
    expect(count(probes, by('weighted', { a: 0, c: 0 }))).toEqual({ acb: 6_000 });
  });
});
