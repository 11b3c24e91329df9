import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { planArchive } from '../../../../src/machine/logs/plan-archive.ts';

const MIB = 2 ** 20;
const file = (path: string, sizeBytes: number) => ({ path, sizeBytes });

describe('an archive of logs with too little room', () => {
  it('has what is small whole, and the end of what grew without bound', () => {
    const { taken, left } = planArchive(
      [file('var/log/syslog', 100 * 2 ** 30), file('var/log/dpkg.log', 5000), file('var/log/auth.log', 2 * MIB)],
      10 * MIB,
    );
    expect(left).toEqual([]);
    const [auth, dpkg, syslog] = taken;
    expect([auth?.from, dpkg?.from]).toEqual([0, 0]);
    expect(syslog?.sizeBytes).toBeGreaterThan(7 * MIB);
    expect((syslog?.from ?? 0) + (syslog?.sizeBytes ?? 0)).toBe(100 * 2 ** 30);
  });

  it('has two that grew share the room alike', () => {
    const { taken } = planArchive([file('a', 50 * MIB), file('b', 90 * MIB)], 10 * MIB);
    expect(taken[0]?.sizeBytes).toBe(taken[1]?.sizeBytes);
  });

  it('leaves out what is of no use in part, and says so', () => {
    const { taken, left } = planArchive([file('var/log/journal/a.journal', 90 * MIB), file('b.gz', 9 * MIB)], 10 * MIB);
    expect(taken).toEqual([]);
    expect(left.map(({ path }) => path)).toEqual(['b.gz', 'var/log/journal/a.journal']);
    expect(planArchive([file('a', 10_000)], 2000).left).toEqual([{ path: 'a', why: '10000 bytes have no room' }]);
  });

  it('never takes more than its room, and names every file once', () => {
    const files = fc.array(fc.tuple(fc.constantFrom('log', 'gz'), fc.oneof(fc.nat(9000), fc.nat(2 ** 40))), {
      maxLength: 40,
    });
    fc.assert(
      fc.property(files, fc.integer({ min: -1000, max: 2 ** 34 }), (sizes, room) => {
        const all = sizes.map(([end, size], index) => file(`${index}.${end}`, size));
        const { taken, left } = planArchive(all, room);
        expect(taken.reduce((sum, { sizeBytes }) => sum + sizeBytes + 1024, 0)).toBeLessThanOrEqual(Math.max(0, room));
        expect([...taken.map((one) => one.file.path), ...left.map(({ path }) => path)].toSorted()).toEqual(
          all.map(({ path }) => path).toSorted(),
        );
        expect(taken.every((one) => one.from >= 0 && one.from + one.sizeBytes === one.file.sizeBytes)).toBe(true);
      }),
    );
  });
});
