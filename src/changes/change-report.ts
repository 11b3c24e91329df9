import type { PlaceReport } from './changes.ts';
import type { Change } from './scan.ts';

export interface ReportOptions {
  /** Lines for each place, default 20. */
  readonly limit?: number;
  /** Every path, whatever the limit. */
  readonly all?: boolean;
}

const MARKS = { added: '+', changed: '~', deleted: '-' } as const;

/** `340 B`, `1.2 KiB`, `12 MiB`: one decimal below ten, and never an amount rounded to nothing. */
export function sizeText(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  const [unit, size] = bytes < 1023.5 * 1024 ? ['KiB', bytes / 1024] : ['MiB', bytes / (1 << 20)];
  return `${size < 9.95 ? size.toFixed(1).replace('.0', '') : Math.round(size)} ${unit}`;
}

const pathsText = (count: number): string => `${count} ${count === 1 ? 'path' : 'paths'}`;

/** A name may hold anything, also what a terminal obeys: bytes other than printable ASCII as `\xHH`. */
const printable = (text: string): string =>
  text
    .replaceAll('\\', '\\\\')
    .replace(/[^ -~]+/gu, (odd) =>
      [...Buffer.from(odd)].map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join(''),
    );

interface Row extends Change {
  /** How many paths the row stands for. */
  readonly paths: number;
}

/** A directory that is new or deleted as a whole takes in what is below it. Changes come sorted by path. */
function fold(changes: readonly Change[]): readonly Row[] {
  const rows = new Map<string, Row>();
  const topOf = new Map<string, string>();
  for (const change of changes) {
    const parent = change.path.slice(0, change.path.lastIndexOf('/'));
    const top = topOf.get(`${change.change} ${parent}`) ?? change.path;
    const row = rows.get(top);
    if (row) rows.set(top, { ...row, sizeBytes: row.sizeBytes + change.sizeBytes, paths: row.paths + 1 });
    else rows.set(top, { ...change, paths: 1 });
    if (change.what === 'dir' && change.change !== 'changed') topOf.set(`${change.change} ${change.path}`, top);
  }
  return [...rows.values()];
}

function rowText(row: Row): string {
  const path = printable(row.path) + (row.what === 'dir' && row.path !== '/' ? '/' : '');
  const note = row.sameFileAs ? ` (same file as ${printable(row.sameFileAs)})` : '';
  return `  ${MARKS[row.change]} ${sizeText(row.sizeBytes).padStart(8)}  ${path}${row.paths > 1 ? ` (${pathsText(row.paths)})` : ''}${note}`;
}

function placeText(
  { place, changes, totals, limits }: PlaceReport,
  { limit = 20, all = false }: ReportOptions,
): readonly string[] {
  const counts =
    place.kind === 'tmpfs'
      ? `${totals.added} ${totals.added === 1 ? 'file' : 'files'}`
      : `${totals.added} added, ${totals.changed} changed, ${totals.deleted} deleted`;
  const fate = place.persistent ? ', survives a reboot' : '';
  const plain = changes.map((change) => ({ ...change, paths: 1 }));
  const rows = [...(all || plain.length <= limit ? plain : fold(changes))].sort((a, b) => b.sizeBytes - a.sizeBytes);
  const shown = all ? rows : rows.slice(0, limit);
  const rest = rows.slice(shown.length);
  const restPaths = rest.reduce((sum, row) => sum + row.paths, 0);
  return [
    `${printable(place.mountPoint)} (${place.kind}${fate}): ${counts}, ${sizeText(totals.bytes)}`,
    ...shown.map(rowText),
    ...(rest.length > 0
      ? [`    and ${pathsText(restPaths)} more, each at most ${sizeText(rest[0]!.sizeBytes)}: --all shows them`]
      : []),
    ...limits.slice(0, all ? limits.length : limit).map((text) => `  ! ${printable(text)}`),
    ...(!all && limits.length > limit ? [`  ! and ${limits.length - limit} more: --all shows them`] : []),
  ];
}

/** For people: a block for each place, the biggest change first. Plain ASCII, one line a row. */
export const renderChanges = (reports: readonly PlaceReport[], options: ReportOptions = {}): string =>
  reports.map((report) => `${placeText(report, options).join('\n')}\n`).join('\n');

/** `would be lost at a reboot: 12 paths, 340 KiB; plus 1.2 MiB in tmpfs`. Places that survive do not count. */
export function summarizeChanges(reports: readonly PlaceReport[]): string {
  const lost = reports.filter(({ place }) => !place.persistent);
  const tmpfs = lost.filter(({ place }) => place.kind === 'tmpfs');
  const compared = lost.filter(({ place }) => place.kind !== 'tmpfs');
  const bytesOf = (some: readonly PlaceReport[]) => some.reduce((sum, { totals }) => sum + totals.bytes, 0);
  const paths = compared.reduce((sum, { changes }) => sum + changes.length, 0);
  const main = paths === 0 ? 'nothing' : `${pathsText(paths)}, ${sizeText(bytesOf(compared))}`;
  const inTmpfs = tmpfs.some(({ totals }) => totals.added > 0);
  return `would be lost at a reboot: ${main}${inTmpfs ? `; plus ${sizeText(bytesOf(tmpfs))} in tmpfs` : ''}`;
}
