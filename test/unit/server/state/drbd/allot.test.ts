import { describe, expect, it } from 'vitest';
import { allot, type Taken } from '../../../../../src/server/state/drbd/allot.ts';

const NOTHING: Taken = { ports: new Set(), minors: new Set(), resources: new Set() };

describe('what is allotted to a volume', () => {
  it('is named after printer and item, and no two of them alike', () => {
    expect(allot('voron', 'database', NOTHING)).toEqual({ resource: 'voron.database', port: 7900, minor: 100 });
    // A printer may have dots in its name, an item none.
    const [a, b] = [allot('voron-a', 'b', NOTHING), allot('voron', 'a-b', NOTHING)];
    expect(a.resource).not.toBe(b.resource);
  });

  it('is the first port and minor that nobody has, each for itself', () => {
    const taken = { ...NOTHING, ports: new Set([7900, 7901, 7903]), minors: new Set([100]) };
    expect(allot('voron', 'database', taken)).toMatchObject({ port: 7902, minor: 101 });
  });

  it('has a name that both sides take, and another one where somebody has it', () => {
    const [long, other] = ['a', 'b'].map((end) => allot(`v${'x'.repeat(61)}${end}`, 'database', NOTHING).resource);
    expect(long).toMatch(/^[A-Za-z][A-Za-z0-9_.-]{0,63}$/);
    expect(long).not.toBe(other);
    const { resource } = allot('voron', 'database', { ...NOTHING, resources: new Set(['voron.database']) });
    expect(resource).toMatch(/^voron\.database-[0-9a-f]{12}$/);
  });

  it('is refused where all are given away', () => {
    const all = new Set(Array.from({ length: 900 }, (_, at) => 7900 + at));
    expect(() => allot('voron', 'database', { ...NOTHING, ports: all })).toThrow('no port from 7900 to 8799 is free');
  });
});
