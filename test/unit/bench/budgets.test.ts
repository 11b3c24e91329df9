import { describe, expect, test } from 'vitest';
import { type BudgetRow, budgetRows, type Measured } from '../../../build/bench/budgets.ts';

const MIB = 2 ** 20;
const WITHIN: Measured = {
  partOfDracut: 0.5,
  partOfLiveBoot: 1,
  initramfsBytes: 52 * MIB,
  toolSets: [{ name: 'fsck', sizeBytes: 3.5 * MIB }],
  moreThanDracutBytes: -40e6,
  moreThanDracutWithDiskBytes: 1,
  localPlanS: 4.4,
  boots256MiB: true,
};

const verdicts = (measured: Measured) =>
  Object.fromEntries(budgetRows(measured).map(({ row, verdict }: BudgetRow) => [row, verdict]));

describe('the budgets', () => {
  test('are kept by a boot in half of dracut’s time that is no slower than live-boot', () => {
    const { 'netboot, 1 GB by 74 MB': large, ...others } = verdicts(WITHIN);
    expect(large).toBe('not measured');
    expect(new Set(Object.values(others))).toEqual(new Set(['ok']));
  });

  test.each<[string, Partial<Measured>, string]>([
    ['a boot that takes more than half of dracut’s time', { partOfDracut: 0.51 }, 'netboot, part of dracut’s time'],
    ['a boot that is slower than live-boot', { partOfLiveBoot: 1.01 }, 'netboot, part of live-boot’s time'],
    ['an initramfs above 52 MiB', { initramfsBytes: 52 * MIB + 1 }, 'initramfs with all drivers'],
    [
      'a tool set above 3.5 MiB',
      { toolSets: [{ name: 'nfs', sizeBytes: 3.5 * MIB + 1 }, ...WITHIN.toolSets] },
      'its tool set nfs',
    ],
    [
      'a machine without a disk that has 41 MB less than with dracut',
      { moreThanDracutBytes: -41e6 },
      'MemAvailable by dracut’s, diskless',
    ],
    [
      'a machine with a disk that has no more than with dracut',
      { moreThanDracutWithDiskBytes: 0 },
      'MemAvailable by dracut’s, with a disk',
    ],
    [
      'a plan without network that takes four and a half seconds',
      { localPlanS: 4.5 },
      'plan without network, /init to hand-over',
    ],
    ['a machine with 256 MiB that does not boot', { boots256MiB: false }, 'a local root on 256 MiB of RAM'],
  ])('are broken by %s', (_what, change, row) => {
    const over = Object.entries(verdicts({ ...WITHIN, ...change })).filter(([, verdict]) => verdict === 'over');
    expect(over).toEqual([[row, 'over']]);
  });

  test('say so where nothing was measured', () => {
    const rows = budgetRows({ initramfsBytes: MIB, toolSets: [] });
    for (const { row, measured, verdict } of rows)
      if (row !== 'initramfs with all drivers')
        expect({ measured, verdict }).toEqual({ measured: '-', verdict: 'not measured' });
  });
});
