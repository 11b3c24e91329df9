import { expect, it } from 'vitest';
import type { VolumeCost } from '../../../build/bench/volume/volume-cost.ts';
import { volumeFaults, writeVolumeCost } from '../../../build/bench/volume/volume-report.ts';

const QUICK = { count: 9_000, p50: 1.26, p99: 12.3, longest: 131.4 };
const COST: VolumeCost = {
  sizeMiB: 64,
  firstSyncS: 3.456,
  writes: { ram: QUICK, peer: QUICK, slow: QUICK, frozen: QUICK, dead: { ...QUICK, longest: 1_234 } },
};

it('a volume is told by its fsyncs beside the second that none may take, and by how long its first sync takes', () => {
  expect(writeVolumeCost(COST)).toMatchInlineSnapshot(`
    "an fsync of 64 KiB, 10 MB/s   half, 99 % within  longest           budget
    in RAM alone, without DRBD    1.3 ms, 12.3 ms    131 ms, of 9000
    with a peer                   1.3 ms, 12.3 ms    131 ms, of 9000   < 1000 ms
    with a peer behind 64 kbit/s  1.3 ms, 12.3 ms    131 ms, of 9000   < 1000 ms
    with a peer that is frozen    1.3 ms, 12.3 ms    131 ms, of 9000   < 1000 ms
    with a peer that dies         1.3 ms, 12.3 ms    1234 ms, of 9000  < 1000 ms
    the first sync of 64 MiB      3.5 s
    "
  `);
});

it('an fsync that waited for the other side is a fault; one in RAM alone is of the machine', () => {
  expect(volumeFaults(COST)).toEqual(['dead: an fsync took 1234 ms']);
  expect(volumeFaults({ ...COST, writes: { ...COST.writes, ram: COST.writes.dead, dead: QUICK } })).toEqual([]);
});
