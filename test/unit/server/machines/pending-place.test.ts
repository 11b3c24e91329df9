import { describe, expect, it } from 'vitest';
import { networkOf, senderOf } from '../../../../src/server/limits/sender.ts';
import { type Waiting, whoGivesWay } from '../../../../src/server/machines/pending-place.ts';

/** One entry for each; the first was not seen for the longest time. */
const waiting = (...entries: readonly (readonly [remote: string, node?: string])[]): readonly Waiting[] =>
  entries.map(([remote, node], index) => ({
    ...{ digest: String(index), remote, lastSeenMs: index },
    ...(node !== undefined && { node }),
  }));
const whoLeaves = (remote: string, node: string | undefined, entries: readonly Waiting[]) =>
  whoGivesWay({ remote, ...(node !== undefined && { node }) }, entries)?.digest;

describe('in a full list of those who wait', () => {
  it('strangers give way to machines that config.d knows, and never the other way round', () => {
    const full = waiting(['10.0.0.1', 'print01'], ['10.0.1.1'], ['10.0.1.2'], ['10.0.2.1']);
    expect(whoLeaves('10.0.9.1', 'print02', full)).toBe('1');
    expect(whoLeaves('10.0.9.1', undefined, waiting(['10.0.0.1', 'print01'], ['10.0.0.1', 'print02']))).toBe(undefined);
  });

  it('the network that holds the most gives way, its address that holds the most, its name that is claimed the most', () => {
    const full = waiting(
      ...([
        ['10.0.0.1', 'print01'],
        ['10.0.1.1', 'print01'],
        ['10.0.1.2', 'print02'],
        ['10.0.1.2', 'print03'],
        ['10.0.1.2', 'print04'],
      ] as const),
    );
    expect(whoLeaves('10.0.9.1', 'print09', full)).toBe('2');
    // Also to one of the same network.
    expect(whoLeaves('10.0.1.9', 'print09', full)).toBe('2');
    // By IPv6 one machine has many addresses.
    const one = waiting(['2001:db8:0:1::1', 'print01'], ['2001:db8:0:1::2', 'print02'], ['2001:db8:0:1::3', 'print02']);
    expect(whoLeaves('2001:db8:0:1::9', 'print03', one)).toBe('1');
    expect(whoLeaves('2001:db8:0:1::9', 'print01', one)).toBe(undefined);
  });

  it('among equals it is who was not seen for the longest time, wherever it stands', () => {
    const full = waiting(['10.0.1.1'], ['10.0.1.1'], ['10.0.1.1']).map((one, at) => ({
      ...{ ...one, lastSeenMs: [2, 1, 3][at] ?? 0 },
    }));
    expect(whoLeaves('10.0.9.1', 'print01', full)).toBe('1');
    expect(whoLeaves('10.0.9.1', undefined, full)).toBe('1');
  });

  it('nobody gives way to who would hold as much, or more', () => {
    const even = waiting(['10.0.0.1', 'print01'], ['10.0.1.1', 'print02']);
    expect(whoLeaves('10.0.2.1', 'print03', even)).toBe(undefined);
    expect(whoLeaves('10.0.0.1', 'print03', even)).toBe(undefined);
    const greedy = waiting(['10.0.0.1', 'print01'], ['10.0.1.1', 'print02'], ['10.0.1.1', 'print03']);
    expect(whoLeaves('10.0.1.1', 'print04', greedy)).toBe(undefined);
    expect(whoLeaves('10.0.0.1', 'print04', greedy)).toBe(undefined);
    expect(whoLeaves('10.0.9.1', 'print04', greedy)).toBe('1');
  });
});

it.each([
  ['10.0.7.1', '10.0.7.1', '10.0.7'],
  ['::ffff:10.0.7.1', '10.0.7.1', '10.0.7'],
  ['2001:db8:0:7::1', '2001:db8:0:7', '2001:db8:0'],
  ['2001:0db8::1', '2001:db8:0:0', '2001:db8:0'],
  ['fe80::1%eth0', 'fe80:0:0:0', 'fe80:0:0'],
  ['2001:db8:0:7:a:b:c:d', '2001:db8:0:7', '2001:db8:0'],
])('%s is the sender %s in the network %s', (remote, sender, network) => {
  expect([senderOf(remote), networkOf(remote)]).toEqual([sender, network]);
});
