import { describe, expect, test } from 'vitest';
import { type BudgetRow, budgetRows, type Measured } from '../../../build/bench/budgets.ts';

const MIB = 2 ** 20;
const WITHIN: Measured = {
  partOfDracut: 0.3,
  initramfsBytes: 61 * MIB,
  dracutInitramfsBytes: 47 * MIB,
  localPlanS: 2.9,
  boots256MiB: true,
  initLines: 149,
};

const verdicts = (measured: Measured) => budgetRows(measured).map(({ verdict }: BudgetRow) => verdict);

describe('the budgets', () => {
  test('are kept by a boot in less than a third of dracut’s time', () => {
    expect(verdicts(WITHIN)).toEqual(['ok', 'ok', 'ok', 'ok', 'ok']);
  });

  test.each<[string, Partial<Measured>, number]>([
    ['a boot that takes more than a third of dracut’s time', { partOfDracut: 0.34 }, 0],
    ['an initramfs of 64 MiB', { initramfsBytes: 64 * MIB }, 1],
    ['a plan without network that takes three seconds', { localPlanS: 3 }, 2],
    ['a machine with 256 MiB that does not boot', { boots256MiB: false }, 3],
    ['a /init of 150 lines', { initLines: 150 }, 4],
  ])('are broken by %s', (_what, change, index) => {
    const expected = ['ok', 'ok', 'ok', 'ok', 'ok'].with(index, 'over');
    expect(verdicts({ ...WITHIN, ...change })).toEqual(expected);
  });

  test('say so where nothing was measured', () => {
    const [race, , plan] = budgetRows({ initramfsBytes: MIB, initLines: 100 });
    expect(race).toMatchObject({ measured: '-', verdict: 'not measured' });
    expect(plan).toMatchObject({ measured: '-', verdict: 'not measured' });
  });
});
