/** What the budgets of DESIGN §10 are held against; undefined what this run did not measure. */
export interface Measured {
  /** Our median time by dracut's. */
  readonly partOfDracut?: number;
  readonly initramfsBytes: number;
  readonly dracutInitramfsBytes?: number;
  readonly localPlanS?: number;
  readonly boots256MiB?: boolean;
  readonly initLines: number;
}

export interface BudgetRow {
  readonly row: string;
  readonly measured: string;
  readonly budget: string;
  /** Where it is meant to get to. */
  readonly aim: string;
  readonly verdict: 'ok' | 'over' | 'not measured';
}

const MIB = 2 ** 20;

export function budgetRows(measured: Measured): readonly BudgetRow[] {
  const { partOfDracut, initramfsBytes, dracutInitramfsBytes, localPlanS, boots256MiB, initLines } = measured;
  const mib = (bytes: number) => `${(bytes / MIB).toFixed(1)} MiB`;
  return [
    row(
      'netboot, part of dracut’s time',
      partOfDracut,
      (part) => part.toFixed(2),
      (part) => part <= 1 / 3,
      '≤ 0.33',
      '0.20',
    ),
    row(
      'initramfs with all drivers',
      initramfsBytes,
      mib,
      (bytes) => bytes < 64 * MIB,
      '< 64 MiB',
      dracutInitramfsBytes === undefined ? 'dracut’s' : mib(dracutInitramfsBytes),
    ),
    row(
      'plan without network, /init to hand-over',
      localPlanS,
      (seconds) => `${seconds.toFixed(1)} s`,
      (seconds) => seconds < 3,
      '< 3 s',
      '',
    ),
    row(
      'a local root on 256 MiB of RAM',
      boots256MiB,
      (boots) => (boots ? 'boots' : 'does not boot'),
      (boots) => boots,
      'boots',
      '',
    ),
    row(
      '/init',
      initLines,
      (lines) => `${lines} lines`,
      (lines) => lines < 150,
      '< 150 lines',
      '',
    ),
  ];
}

function row<T>(
  name: string,
  value: T | undefined,
  show: (value: T) => string,
  isWithin: (value: T) => boolean,
  budget: string,
  aim: string,
): BudgetRow {
  const verdict = value === undefined ? 'not measured' : isWithin(value) ? 'ok' : 'over';
  return { row: name, measured: value === undefined ? '-' : show(value), budget, aim, verdict };
}
