/** What the budgets of DESIGN §10 are held against; undefined what this run did not measure. Bytes, and seconds. */
export interface Measured {
  /** Our median time by the rival's. */
  readonly partOfDracut?: number | undefined;
  readonly partOfLiveBoot?: number | undefined;
  /** Without its tool sets. */
  readonly initramfsBytes: number;
  readonly toolSets: readonly { readonly name: string; readonly sizeBytes: number }[];
  /** MemAvailable after the hand-over: of the one without a disk, less dracut's. */
  readonly moreThanDracutBytes?: number | undefined;
  /** The same where the image lies on a disk. */
  readonly moreThanDracutWithDiskBytes?: number | undefined;
  readonly localPlanS?: number | undefined;
  readonly boots256MiB?: boolean | undefined;
}

export interface BudgetRow {
  readonly row: string;
  readonly measured: string;
  readonly budget: string;
  readonly verdict: 'ok' | 'over' | 'not measured';
}

const MIB = 2 ** 20;
const MB = 1e6;
const mib = (bytes: number) => `${(bytes / MIB).toFixed(1)} MiB`;
const difference = (bytes: number) => `${bytes < 0 ? '-' : '+'}${(Math.abs(bytes) / MB).toFixed(0)} MB`;
const part = (value: number) => value.toFixed(2);

export function budgetRows(measured: Measured): readonly BudgetRow[] {
  return [
    // A third cannot be met with Node started cold under emulation, and would gain nothing elsewhere (docs/design/figures.md).
    row('netboot, part of dracut’s time', measured.partOfDracut, part, (value) => value <= 0.5, '≤ 0.50'),
    row('netboot, part of live-boot’s time', measured.partOfLiveBoot, part, (value) => value <= 1, '≤ 1.00'),
    // Verity and streaming are to come: until then an image is read whole before it is mounted.
    row<number>('netboot, 1 GB by 74 MB', undefined, part, (value) => value <= 1.2, '≤ 1.20'),
    row('initramfs with all drivers', measured.initramfsBytes, mib, (bytes) => bytes <= 52 * MIB, '≤ 52 MiB'),
    ...measured.toolSets.map(({ name, sizeBytes }) =>
      row(`its tool set ${name}`, sizeBytes, mib, (bytes) => bytes <= 3.5 * MIB, '≤ 3.5 MiB'),
    ),
    row(
      'MemAvailable by dracut’s, diskless',
      measured.moreThanDracutBytes,
      difference,
      (bytes) => bytes >= -40 * MB,
      '≥ -40 MB',
    ),
    row(
      'MemAvailable by dracut’s, with a disk',
      measured.moreThanDracutWithDiskBytes,
      difference,
      (bytes) => bytes > 0,
      '> 0 MB',
    ),
    row(
      'plan without network, /init to hand-over',
      measured.localPlanS,
      (seconds) => `${seconds.toFixed(1)} s`,
      (seconds) => seconds < 4.5,
      '< 4.5 s',
    ),
    row(
      'a local root on 256 MiB of RAM',
      measured.boots256MiB,
      (boots) => (boots ? 'boots' : 'does not boot'),
      (boots) => boots,
      'boots',
    ),
  ];
}

function row<T>(
  name: string,
  value: T | undefined,
  show: (value: T) => string,
  isWithin: (value: T) => boolean,
  budget: string,
): BudgetRow {
  const verdict = value === undefined ? 'not measured' : isWithin(value) ? 'ok' : 'over';
  return { row: name, measured: value === undefined ? '-' : show(value), budget, verdict };
}
