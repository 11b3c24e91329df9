import { describe, expect, it } from 'vitest';
import type { JournalEntry } from '../../../../src/boot/record/journal.ts';
import { historyOf, parseJournal } from '../../../../src/boot/record/journal-reader.ts';

const textOf = (entries: readonly JournalEntry[]): string =>
  entries.map((entry, index) => `${JSON.stringify({ atMs: 100 * (index + 1), ...entry })}\n`).join('');

const run = (phase: string, steps: number): readonly JournalEntry[] => [
  { event: 'phase-started', phase },
  ...Array.from({ length: steps }, () => ({ event: 'step', phase, step: 'do', command: 'do', tookMs: 1 }) as const),
  { event: 'phase-ended', phase, tookMs: 7 },
];

describe('a journal', () => {
  it('is read up to the line that a crash tore', () => {
    expect(parseJournal(`${textOf(run('cmdline', 0))}{"atMs":3,"ev`)).toHaveLength(2);
  });

  it('passes over what is no line of it', () => {
    expect(parseJournal('\nnull\n"x"\n{"event":"step"}\n')).toEqual([]);
  });
});

describe('the history of a boot', () => {
  it('has each phase with its last run to the end', () => {
    const lines = parseJournal(textOf([...run('cmdline', 0), ...run('config', 1), ...run('cmdline', 2)]));
    expect(historyOf(lines).phases).toEqual([
      { name: 'cmdline', startedMs: 600, tookMs: 7, steps: 2 },
      { name: 'config', startedMs: 300, tookMs: 7, steps: 1 },
    ]);
  });

  it('has each warning once, and every failure', () => {
    const warned = { event: 'said', level: 'warning', phase: 'devices', text: 'DEGRADED' } as const;
    const failed = { event: 'failed', phase: 'mount', code: 'mount-failed', text: 'it broke' } as const;
    const { warnings, failures } = historyOf(
      parseJournal(textOf([warned, failed, warned, { ...warned, level: 'info', text: 'fine' }, failed])),
    );
    expect(warnings).toEqual(['DEGRADED']);
    expect(failures).toEqual([1, 2].map(() => ({ phase: 'mount', code: 'mount-failed', text: 'it broke' })));
  });
});
