import { describe, expect, it } from 'vitest';
import { countAttempt, LIMITS } from '../../../src/slots/count.ts';
import type { CycleState, Slot, SlotRecord } from '../../../src/slots/cycle-state.ts';
import type { JudgedAttempt } from '../../../src/slots/verdict.ts';
import { slotSentence } from '../../../src/slots/words.ts';
import { A, attemptOn, B, createState, good, NOW, RULES } from '../../fixtures/slots/cycles.ts';

const judged = (verdict: JudgedAttempt['verdict'], more: Partial<JudgedAttempt> = {}): JudgedAttempt => ({
  verdict,
  why: 'as told',
  ...more,
});
const silent = (stood: JudgedAttempt['stood']) => judged('INTERRUPTED', { stood: stood ?? 'long' });
const failedBy = (check: string) => judged('FAILED_START', { check });

/** The same verdict again and again, each on a new attempt of this slot. */
function again(state: CycleState, slot: Slot, verdicts: readonly JudgedAttempt[], atMs = NOW) {
  const notes: string[] = [];
  const given: string[] = [];
  let known = state;
  for (const [index, each] of verdicts.entries()) {
    const attempt = attemptOn(slot, { cycle: 10 + index, atMs });
    const counted = countAttempt({ ...known, attempt }, each, NOW, RULES.tries);
    notes.push(...counted.notes);
    given.push(counted.verdict);
    known = counted.state;
  }
  return { state: known, notes, given };
}
const times = (count: number, verdict: JudgedAttempt) => Array.from({ length: count }, () => verdict);
const STREAKS: Partial<SlotRecord> = {
  failed: 1,
  interrupted: 3,
  unclean: 5,
  stopFailed: 2,
  crashes: [NOW],
  repairs: 1,
  why: 'x',
  check: 'y',
};

describe('what each verdict counts', () => {
  it('HEALTHY: its cycle is the last healthy one, and all streaks are over', () => {
    const { state } = again(createState({ a: good(A, 9, STREAKS) }), 'a', [judged('HEALTHY')]);
    expect(state.a).toEqual(good(A, 9, { healthyCycles: 10, lastHealthy: 10, firstMs: NOW, lastMs: NOW }));
    expect(state).toMatchObject({ tells: true, past: [{ cycle: 10, slot: 'a', verdict: 'HEALTHY' }] });
    expect(state.attempt).toBeUndefined();
  });

  it('UNCLEAN_STOP: ends the rows of failed starts, and twenty of them are told and change nothing', () => {
    const { state, notes } = again(
      createState({ a: good(A, 9, { failed: 2, interrupted: 5 }) }),
      'a',
      times(25, judged('UNCLEAN_STOP')),
    );
    expect(state.a).toMatchObject({ state: 'GOOD', failed: 0, interrupted: 0, unclean: 25, lastHealthy: 9 });
    expect(notes.length).toBe(6);
    expect(state.past.length).toBe(LIMITS.past);
  });

  it('HUNG_STOP: the third in a row makes the image bad', () => {
    expect(again(createState(), 'a', times(2, judged('HUNG_STOP'))).state.a?.state).toBe('GOOD');
    expect(again(createState(), 'a', times(3, judged('HUNG_STOP'))).state).toMatchObject({
      a: { state: 'BAD' },
      denied: [A],
    });
  });

  it('CRASHED: the third within a day makes the image bad, those of the day before do not count', () => {
    expect(again(createState(), 'a', times(3, judged('CRASHED'))).state.a?.state).toBe('BAD');
    const old = createState({ a: good(A, 9, { crashes: [NOW - 90_000_000, NOW - 89_000_000] }) });
    expect(again(old, 'a', [judged('CRASHED')]).state.a).toMatchObject({ state: 'GOOD', crashes: [NOW] });
    const clockless = createState({ a: good(A, 9, { crashes: [0, 0] }) });
    expect(again(clockless, 'a', [judged('CRASHED')]).state.a?.state).toBe('BAD');
  });

  it('CRASHED: what is bad by crashes stays so however rare they become, where nothing else can be booted', () => {
    const bad = createState({ a: good(A, 9, { state: 'BAD', crashes: [1, 2, 3] }) });
    expect(again(bad, 'a', [judged('CRASHED')]).state.a).toMatchObject({ state: 'BAD', crashes: [2, 3, NOW] });
  });

  it('INTERRUPTED: stops in order before a start was told are no failures, and the sixth in a row is told', () => {
    expect(again(createState({ tells: false }), 'a', times(5, silent('orderly'))).notes).toEqual([]);
    const { state, notes } = again(createState(), 'a', times(60, silent('orderly')));
    expect(state).toMatchObject({ a: { state: 'GOOD', failed: 0, interrupted: 0, quiet: 60 }, denied: [] });
    expect(notes.at(-1)).toBe(
      "slot a was stopped in order 60 times in a row and never said that it had started: does statectl's agent run in it?",
    );
    expect(slotSentence(state.a!)).toContain('60 times in a row and never said that it had started');
    expect(slotSentence(again(state, 'a', [judged('UNCLEAN_STOP')]).state.a!)).not.toContain('never said');
  });

  it('FAILED_START: the third in a row makes an image bad that was healthy once, the second one that never was', () => {
    expect(again(createState(), 'a', times(2, judged('FAILED_START'))).state.a).toMatchObject({
      state: 'GOOD',
      failed: 2,
    });
    const { state, notes } = again(createState(), 'a', times(3, judged('FAILED_START')));
    expect(state).toMatchObject({ a: { state: 'BAD' }, b: { state: 'GOOD' }, denied: [A] });
    expect(notes).toEqual(['slot a is bad: 3 failed starts in a row, the last: as told']);
    const { notes: once } = countAttempt(createState(), judged('FAILED_START'), NOW, { image: 1, update: 1 });
    expect(once).toEqual(['slot a is bad: a failed start: as told']);
    const fresh = createState({ a: good(A, 0, { state: 'FRESH', healthyCycles: 0 }) });
    expect(again(fresh, 'a', times(2, judged('FAILED_START'))).state.a?.state).toBe('BAD');
  });

  it('FAILED_START: a start in between ends the row', () => {
    const row = [judged('FAILED_START'), judged('FAILED_START'), judged('UNCLEAN_STOP')];
    expect(again(createState(), 'a', [...row, ...row, ...row]).state.a).toMatchObject({ state: 'GOOD', failed: 0 });
  });

  it('INTERRUPTED: quick cuts never count, however many', () => {
    const { state } = again(createState(), 'a', times(500, silent('short')));
    expect(state.a).toMatchObject({ state: 'GOOD', failed: 0, interrupted: 0 });
    expect(again(createState(), 'a', times(500, silent('orderly'))).state.a).toMatchObject({
      failed: 0,
      interrupted: 0,
    });
  });

  it('INTERRUPTED: six that stood long are one failed start, whatever quick cuts are among them; eighteen make the image bad', () => {
    const mixed = Array.from({ length: 5 }, () => [silent('long'), silent('short')]).flat();
    expect(again(createState(), 'a', mixed).state.a).toMatchObject({ failed: 0, interrupted: 5 });
    const six = again(createState(), 'a', [...mixed, silent('long')]);
    expect(six.state.a).toMatchObject({ failed: 1, interrupted: 0 });
    expect(six.given.at(-1)).toBe('FAILED_START');
    expect(again(createState(), 'a', times(17, silent('long'))).state.a?.state).toBe('GOOD');
    expect(again(createState(), 'a', times(18, silent('long'))).state.a?.state).toBe('BAD');
  });

  it('INTERRUPTED: without a clock each counts, and that is told', () => {
    const { state, notes } = again(createState(), 'a', times(6, silent('unknown')));
    expect(state.a?.failed).toBe(1);
    expect(notes[0]).toBe('this machine has no clock: silent starts are counted, however short');
  });

  it('INTERRUPTED: the silence of a machine that never told of a start means nothing', () => {
    expect(again(createState({ tells: false }), 'a', times(100, silent('long'))).state.a).toMatchObject({
      failed: 0,
      interrupted: 0,
    });
  });

  it('DELIBERATE: changes nothing', () => {
    const state = createState({ a: good(A, 9, STREAKS) });
    expect(again(state, 'a', times(20, judged('DELIBERATE'))).state.a).toEqual(state.a);
  });

  it('ENVIRONMENT: the check that made the one bad fails on the other, so both are good and nothing is switched', () => {
    const first = again(createState(), 'a', times(3, failedBy('url http://a')));
    expect(first.state).toMatchObject({ a: { state: 'BAD', check: 'url http://a' }, denied: [A] });
    const { state, given } = again(first.state, 'b', times(5, failedBy('url http://a')));
    expect(given).toEqual(times(5, judged('FAILED_START')).map(() => 'ENVIRONMENT'));
    expect(state).toMatchObject({
      environment: 'url http://a',
      denied: [],
      a: { state: 'GOOD' },
      b: { state: 'GOOD', failed: 0 },
    });
  });

  it('ENVIRONMENT: another check that fails there is the system’s own fault (F22)', () => {
    const first = again(createState(), 'a', times(3, failedBy('url http://a')));
    const { state, given } = again(first.state, 'b', times(3, failedBy('service klipper')));
    expect(given).toEqual(['FAILED_START', 'FAILED_START', 'FAILED_START']);
    expect(state).toMatchObject({ denied: [A, B], a: { state: 'BAD' }, b: { state: 'BAD' } });
  });

  it('ENVIRONMENT: ends with the first start', () => {
    const state = createState({ environment: 'url http://a' });
    expect(again(state, 'a', [judged('UNCLEAN_STOP')]).state.environment).toBeUndefined();
    expect(again(state, 'a', [judged('INTERRUPTED', { stood: 'short' })]).state.environment).toBe('url http://a');
  });
});

it('of denied images the newest eight are known', () => {
  const denied = Array.from({ length: 8 }, (_, n) => String(n).repeat(64));
  const { state } = again(createState({ denied }), 'a', times(3, judged('HUNG_STOP')));
  expect(state.denied).toEqual([...denied.slice(1), A]);
});
