import type { Files } from '../../host/host.ts';
import { recordOrNone } from '../../host/record.ts';
import type { History, PhaseRecord } from '../../machine/boot-record.ts';
import { JOURNAL } from '../../machine/paths.ts';
import type { PhaseName } from '../phase.ts';
import type { JournalEntry } from './journal.ts';

/** A line as it was kept; `atMs` since the kernel started. */
export type JournalLine = JournalEntry & { readonly atMs: number };

/** A line that a crash tore, or that another version wrote, is passed over. */
export function parseJournal(text: string): readonly JournalLine[] {
  return text.split('\n').flatMap((line): readonly JournalLine[] => {
    const entry = recordOrNone<JournalLine>(line, { event: 'text', atMs: 'number' });
    return entry === undefined ? [] : [entry];
  });
}

/** The journal so far; empty before the first boot of this start of the machine. */
export const readJournal = async (files: Pick<Files, 'readText'>): Promise<readonly JournalLine[]> =>
  parseJournal(await files.readText(JOURNAL).catch(() => ''));

export const NO_HISTORY: History = { phases: [], warnings: [], failures: [] };

export function historyOf(lines: readonly JournalLine[]): History {
  const phases = new Map<string, PhaseRecord>();
  const warnings = new Set<string>();
  const failures: History['failures'][number][] = [];
  let startedMs = 0;
  let steps = 0;
  for (const line of lines) {
    if (line.event === 'phase-started') [startedMs, steps] = [line.atMs, 0];
    if (line.event === 'step') steps += 1;
    if (line.event === 'said' && line.level === 'warning') warnings.add(line.text);
    if (line.event === 'failed') failures.push({ phase: line.phase, code: line.code, text: line.text });
    if (line.event === 'phase-ended')
      phases.set(line.phase, { name: line.phase as PhaseName, startedMs, tookMs: line.tookMs, steps });
  }
  return { phases: [...phases.values()], warnings: [...warnings], failures };
}
