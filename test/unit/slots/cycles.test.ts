import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { CycleLook } from '../../../src/slots/cycle-look.ts';
import type { CycleState, Slot } from '../../../src/slots/cycle-state.ts';
import { type Decision, decide } from '../../../src/slots/decide.ts';
import { RECORD_BYTES, writeRecord } from '../../../src/slots/journal-record.ts';
import {
  A,
  B,
  C,
  createLook,
  createState,
  createWish,
  image,
  NOW,
  RULES,
  WINDOW_MS,
} from '../../fixtures/slots/cycles.ts';

/** What happens to a machine from one start to the next. */
interface Life {
  readonly said: CycleLook['said'];
  /** From its start to the next. */
  readonly betweenMs: number;
}

/** A machine through its lives; each is given the slot that was booted. */
function live(state: CycleState, lives: readonly ((slot: Slot) => Life)[], wish = createWish(), hasClock = true) {
  let nowMs = NOW;
  let known = state;
  let said: CycleLook['said'] = {};
  const decisions: Decision[] = [];
  for (const [index, life] of lives.entries()) {
    const { nowMs: _clock, ...look } = createLook(known, { bootId: `boot-${index}-of-many`, said });
    const decision = decide({ ...look, ...(hasClock && { nowMs }) }, wish, RULES);
    decisions.push(decision);
    known = decision.state;
    const { choice } = decision;
    const lived = choice.kind === 'none' ? { said: {}, betweenMs: 0 } : life(choice.slot);
    said = lived.said;
    nowMs += lived.betweenMs;
  }
  return { decisions, state: known };
}

const slots = (decisions: readonly Decision[]) =>
  decisions.map(({ choice }) => (choice.kind === 'none' ? 'none' : choice.slot));
const MINUTE = 60_000;

/** What may happen to a system that is healthy: it is stopped, reset, cut at any time, and stays off for any time. */
const healthyLife = fc
  .record({
    ranMs: fc.integer({ min: 0, max: 20 * MINUTE }),
    offMs: fc.oneof(fc.integer({ min: 0, max: 2 * MINUTE }), fc.integer({ min: 0, max: 10 * 86_400_000 })),
    ends: fc.constantFrom('stopped', 'cut', 'rebooted by a person'),
  })
  .map(({ ranMs, offMs, ends }): Life => {
    const started = ranMs > 2 * MINUTE;
    const clean = ends !== 'cut';
    return {
      betweenMs: ranMs + offMs,
      said: {
        clean,
        ...(ranMs > MINUTE / 2 && { alive: { uptimeMs: ranMs, gateMs: Math.min(ranMs, 2 * MINUTE) } }),
        ...(started && { started: { atMs: 1 } }),
        ...(started && clean && { stopping: { atMs: 2 } }),
        ...(!started && ends === 'rebooted by a person' && { deliberate: { by: 'reboot' } }),
      },
    };
  });

it('200 random power cycles of a healthy image never switch', () => {
  fc.assert(
    fc.property(fc.array(healthyLife, { minLength: 200, maxLength: 200 }), (lives) => {
      const { decisions, state } = live(
        createState(),
        lives.map((each) => () => each),
      );
      expect(new Set(slots(decisions))).toEqual(new Set(['a']));
      expect(state.denied).toEqual([]);
      expect(decisions.map(({ judged }) => judged?.verdict)).not.toContain('CRASHED');
    }),
    { numRuns: 60 },
  );
});

it('a healthy image that is cut 20 times in a row before it has started boots the same slot', () => {
  const { decisions } = live(
    createState(),
    Array.from({ length: 20 }, () => () => ({ said: {}, betweenMs: 20_000 })),
  );
  expect(new Set(slots(decisions))).toEqual(new Set(['a']));
});

it('one that hangs before it has started, without watchdog, is left after three times six silent starts, and never again booted', () => {
  const hangs = (slot: Slot): Life =>
    slot === 'a'
      ? { said: {}, betweenMs: WINDOW_MS + 1 }
      : { said: { started: { atMs: 1 }, stopping: { atMs: 2 }, clean: true }, betweenMs: 3_600_000 };
  const { decisions } = live(
    createState(),
    Array.from({ length: 40 }, () => hangs),
  );
  // The open attempt that it began with is the first of eighteen.
  expect(slots(decisions).indexOf('b')).toBe(17);
  expect(new Set(slots(decisions).slice(17))).toEqual(new Set(['b']));
});

it('an update that hangs is left after two times six', () => {
  const wish = createWish({ images: { [A]: image(), [B]: image() }, offer: { sha256: C, sizeBytes: 1000 } });
  const after = createWish({ images: { [A]: image(), [C]: image() }, offer: { sha256: C, sizeBytes: 1000 } });
  const [first] = live(createState(), [() => ({ said: {}, betweenMs: 0 })], wish).decisions;
  const { decisions } = live(
    first!.state,
    Array.from({ length: 20 }, () => () => ({ said: {}, betweenMs: WINDOW_MS + 1 })),
    after,
  );
  expect(slots(decisions).indexOf('a')).toBe(12);
});

it('a system without a clock is counted by number alone', () => {
  const { decisions } = live(
    createState(),
    Array.from({ length: 20 }, () => () => ({ said: {}, betweenMs: 20_000 })),
    createWish(),
    false,
  );
  expect(slots(decisions).indexOf('b')).toBe(17);
});

const evidence = fc.record(
  {
    alive: fc.record({ uptimeMs: fc.nat(10 ** 7), gateMs: fc.nat(10 ** 6) }),
    started: fc.record({ atMs: fc.nat(100) }),
    failed: fc.record({ atMs: fc.nat(100), check: fc.constantFrom('one', 'two'), reason: fc.string() }),
    stopping: fc.record({ atMs: fc.nat(100) }),
    deliberate: fc.record({ by: fc.string() }),
    clean: fc.boolean(),
    panic: fc.string(),
    watchdogReset: fc.boolean(),
  },
  { requiredKeys: [] },
);
const anyLife = fc.record({ said: evidence, betweenMs: fc.nat(10 ** 9) });

it('whatever happens, a record has room for it, nothing bad is booted to act, and what is booted can be', () => {
  fc.assert(
    fc.property(
      fc.array(anyLife, { maxLength: 60 }),
      fc.constantFrom('bailout', 'clone', 'auto'),
      (lives, corruption) => {
        const { decisions } = live(
          createState(),
          lives.map((each) => () => each),
          createWish({ corruption }),
        );
        for (const { choice, state, acts } of decisions) {
          expect(writeRecord(state, 1, undefined).length).toBe(RECORD_BYTES);
          if (choice.kind === 'none') continue;
          const record = state[choice.slot];
          expect([A, B]).toContain(record?.digest);
          if (acts) expect(record?.state).not.toBe('BAD');
        }
      },
    ),
    { numRuns: 300 },
  );
});

it('no loop: a machine of which nothing ever starts switches a few times at most, and stays or gives up', () => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom('panic', 'watchdog', 'one', 'two'), { minLength: 100, maxLength: 100 }),
      (reasons) => {
        const lives = reasons.map(
          (reason) => (): Life => ({
            betweenMs: MINUTE,
            said:
              reason === 'panic'
                ? { panic: 'Oops' }
                : reason === 'watchdog'
                  ? { watchdogReset: true }
                  : { failed: { atMs: 1, check: reason, reason: 'dead' } },
          }),
        );
        const booted = slots(live(createState(), lives).decisions);
        const switches = booted.filter((slot, index) => index > 0 && slot !== booted[index - 1]).length;
        // The other; back, since it is what is around both; the other once more; each as a last resort; and nothing.
        expect(switches).toBeLessThanOrEqual(6);
      },
    ),
    { numRuns: 300 },
  );
});
