import { recordOrNone } from '../../../host/record.ts';
import type { VariableChange } from '../../../protocol/variables/shipment.ts';

/** A line of `journal.jsonl`: a value that a variable had. */
export interface JournalEntry extends VariableChange {
  /** Of the file that it came with. */
  readonly number: number;
  readonly node: string;
  readonly boot: string;
  readonly receivedAtMs: number;
}

/** So many values of each variable are kept at least that long, as there is room. */
const VALUES_OF_EACH = 100;

/** What was torn by a power cut is skipped. What came twice, since its answer was lost, counts once. Pure. */
export function readJournal(text: string): readonly JournalEntry[] {
  const known = new Set<string>();
  return text.split('\n').flatMap((line) => {
    const entry = recordOrNone<JournalEntry>(line, { seq: 'number', atMs: 'number', key: 'text', boot: 'text' });
    if (!entry) return [];
    const which = JSON.stringify([entry.boot, entry.seq, entry.key, entry.literal]);
    if (known.has(which)) return [];
    known.add(which);
    return [entry];
  });
}

/** One batch. An end of line before it keeps it apart from one that was torn. */
export const journalLines = (entries: readonly JournalEntry[]): string =>
  entries.length === 0 ? '' : `\n${entries.map((entry) => `${JSON.stringify(entry)}\n`).join('')}`;

/** What stays of a journal that grew too long: of each variable the newest values, as many as there is room for. Pure. */
export function rotated(entries: readonly JournalEntry[], mostBytes: number): readonly JournalEntry[] {
  const counts = new Map<string, number>();
  const kept: JournalEntry[] = [];
  let bytes = 0;
  for (const entry of entries.toReversed()) {
    const count = (counts.get(entry.key) ?? 0) + 1;
    const size = Buffer.byteLength(JSON.stringify(entry)) + 1;
    if (count > VALUES_OF_EACH || bytes + size > mostBytes) continue;
    counts.set(entry.key, count);
    bytes += size;
    kept.push(entry);
  }
  return kept.toReversed();
}

type Literals = ReadonlyMap<string, string>;

/**
 * What happened from one file to the next, as far as it is known: the changes that a machine tells, without those that change
 * nothing, and whatever else is different. Pure.
 */
export function changesBetween(
  before: Literals,
  now: Literals,
  told: readonly VariableChange[],
  rest: Pick<VariableChange, 'seq' | 'atMs'>,
): readonly VariableChange[] {
  const current = new Map(before);
  const changes: VariableChange[] = [];
  const change = (one: VariableChange): void => {
    if ((current.get(one.key) ?? null) === one.literal) return;
    changes.push(one);
    if (one.literal === null) current.delete(one.key);
    else current.set(one.key, one.literal);
  };
  for (const one of told) change(one);
  for (const [key, literal] of now) change({ ...rest, key, literal });
  for (const key of [...current.keys()]) if (!now.has(key)) change({ ...rest, key, literal: null });
  return changes;
}

/** Names of what a branch has and the line has not: variables that are not there, and values that its boot gave them. Pure. */
export function lackingOf(line: Literals, own: Literals, changed: readonly string[] = []): readonly string[] {
  const named = new Set(changed);
  return [...own].flatMap(([key, literal]) =>
    !line.has(key) || (named.has(key) && line.get(key) !== literal) ? [key] : [],
  );
}
