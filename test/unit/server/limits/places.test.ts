import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { places } from '../../../../src/server/limits/places.ts';

/** As who asks for a place does: takes one that is free, or that of the first who has to give way. */
function crowd(options: Parameters<typeof places>[0]) {
  const held = places<string>(options);
  const at = new Map<string, string>();
  let count = 0;
  return {
    at,
    come(remote: string): string | undefined {
      const giving = held.roomFor(remote);
      if (!giving) return undefined;
      const [leaving] = giving;
      if (leaving !== undefined) {
        held.delete(at.get(leaving) ?? '', leaving);
        at.delete(leaving);
      }
      const holder = `holder ${count++}`;
      held.add(remote, holder);
      at.set(holder, remote);
      return holder;
    },
    of: (remote: string) => [...at.values()].filter((one) => one === remote).length,
  };
}

describe('places that anybody may take', () => {
  it('are taken from who holds most, the oldest first', () => {
    const room = crowd({ total: 4 });
    const first = room.come('10.0.0.1') as string;
    for (let index = 0; index < 3; index += 1) room.come('10.0.0.1');
    expect(room.come('10.0.0.1')).toBeUndefined();
    expect(room.come('10.9.0.1')).toBeDefined();
    expect(room.at.has(first)).toBe(false);
    expect([room.of('10.0.0.1'), room.of('10.9.0.1')]).toEqual([3, 1]);
    room.come('10.9.0.1');
    // Both have their half.
    expect(room.come('10.9.0.1')).toBeUndefined();
  });

  it('are shared out by network before they are by address, in IPv6 by the network that one machine has', () => {
    const room = crowd({ total: 8 });
    for (let index = 1; index <= 8; index += 1) room.come(`10.0.0.${index}`);
    expect(room.come('10.0.0.99')).toBeUndefined();
    for (let index = 0; index < 4; index += 1) expect(room.come('10.9.0.1')).toBeDefined();
    expect(room.come('10.9.0.1')).toBeUndefined();
    const six = crowd({ total: 8, ofSender: 4 });
    for (let index = 0; index < 4; index += 1) expect(six.come(`2001:db8::${index}`)).toBeDefined();
    expect(six.come('2001:db8::77')).toBeUndefined();
    expect(six.come('::ffff:10.0.0.1')).toBeDefined();
  });

  it('go to machines that proved themselves before they go to strangers, from however many addresses these come', () => {
    const room = crowd({ total: 16, isKnown: (sender) => sender.startsWith('192.168.') });
    for (let index = 0; index < 16; index += 1) expect(room.come(`10.${index}.0.1`)).toBeDefined();
    expect(room.come('10.99.0.1')).toBeUndefined();
    for (let index = 1; index <= 16; index += 1) expect(room.come(`192.168.7.${index}`)).toBeDefined();
    expect(room.come('10.99.0.1')).toBeUndefined();
    expect([...room.at.values()].every((remote) => remote.startsWith('192.168.'))).toBe(true);
  });

  it('are never more than there are, and nobody loses one to somebody who has as many', () => {
    const remote = fc.tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 3 }));
    fc.assert(
      fc.property(fc.array(remote, { maxLength: 200 }), fc.integer({ min: 1, max: 12 }), (comers, total) => {
        const room = crowd({ total });
        const networks = (of: string) => [...room.at.values()].filter((one) => one.startsWith(of)).length;
        for (const [network, host] of comers) {
          const [from, before] = [`10.0.${network}.${host}`, new Map(room.at)];
          const came = room.come(from);
          expect(room.at.size).toBeLessThanOrEqual(total);
          for (const [holder, at] of before) {
            if (room.at.has(holder)) continue;
            expect(came).toBeDefined();
            const own = `10.0.${network}.`;
            const its = `${at.split('.').slice(0, 3).join('.')}.`;
            if (its === own) expect(room.of(at)).toBeGreaterThanOrEqual(room.of(from));
            else expect(networks(its)).toBeGreaterThanOrEqual(networks(own));
          }
        }
      }),
      { numRuns: 200 },
    );
  });
});
