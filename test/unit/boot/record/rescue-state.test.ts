import { expect, it } from 'vitest';
import type { JournalEntry } from '../../../../src/boot/record/journal.ts';
import { rescueState } from '../../../../src/boot/record/rescue-state.ts';

const lines = (...entries: readonly JournalEntry[]) => entries.map((entry, atMs) => ({ ...entry, atMs }));
const began = { event: 'boot-started', version: '1' } as const;
const phase = (name: string) => ({ event: 'phase-started', phase: name }) as const;
const failed = { event: 'failed', phase: 'network', code: 'no-lease', text: 'nobody answers' } as const;
const rescue = { event: 'rescue', phase: 'network', code: 'no-lease' } as const;
const over = { event: 'handed-over', init: '/sbin/init', bootMs: 7 } as const;

it.each([
  ['came to its end', [over], { kind: 'handed-over', init: '/sbin/init', bootMs: 7 }],
  ['crashed in a later phase', [phase('mount')], { kind: 'crashed', phase: 'mount' }],
  ['crashed at once', [], { kind: 'crashed' }],
  ['stopped at a break', [{ event: 'break', phase: 'slot' } as const], { kind: 'break', phase: 'slot' }],
  ['was asked for the prompt', [{ ...rescue, code: 'rescue-asked' }], { kind: 'asked' }],
])('of two tries only the last counts: the first failed, the second %s', (_, second, state) => {
  expect(rescueState(lines(began, phase('network'), failed, rescue, began, ...second))).toEqual(state);
});

it('of two tries that failed, the last one says why', () => {
  const again = { ...failed, phase: 'mount', code: 'mount-failed', text: 'no such device' } as const;
  expect(rescueState(lines(began, failed, rescue, began, again))).toMatchObject({
    phase: 'mount',
    code: 'mount-failed',
  });
});

it('a try that failed after one that came to its end failed', () => {
  expect(rescueState(lines(began, over, began, failed))).toMatchObject({ kind: 'failed', phase: 'network' });
});
