import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Wish } from '../../../src/slots/choose-slot.ts';
import type { CycleState, SlotRecord, Way } from '../../../src/slots/cycle-state.ts';
import { decide } from '../../../src/slots/decide.ts';
import { A, B, createLook, createState, createWish, good, image, RULES } from '../../fixtures/slots/cycles.ts';

const OTHER = '6.1.0-45-amd64';
/** Slot a is of the kernel that runs, slot b of another, and better. */
const wishOf = (more: Partial<Wish> = {}): Wish =>
  createWish({
    images: { [A]: image(), [B]: image({ kernelRelease: OTHER }) },
    ways: ['kexec', 'loader'],
    ...more,
  });
const stateOf = (more: Partial<CycleState> = {}): CycleState => {
  const { attempt: _none, ...state } = createState({ b: good(B, 10), last: 'b', ...more });
  return state;
};
const BAD: SlotRecord = { ...good(A, 9), state: 'BAD' };
const sent = (...ways: Way[]) => ({ sent: { digest: B, ways } });
const decided = (state: Partial<CycleState>, wish: Partial<Wish> = {}) =>
  decide(createLook(stateOf(state)), wishOf(wish), RULES);

describe('a system of another kernel that would be booted', () => {
  it.each<[string, Partial<CycleState>, Partial<Wish>, Way | undefined, object]>([
    ['by kexec', {}, {}, 'kexec', { kind: 'slot', slot: 'b' }],
    ['by the loader, without kexec', {}, { ways: ['loader'] }, 'loader', { kind: 'slot', slot: 'b' }],
    ['not at all without a way', {}, { ways: [] }, undefined, { kind: 'slot', slot: 'a' }],
    ['not where nobody looked for one', {}, { ways: undefined }, undefined, { kind: 'slot', slot: 'a' }],
    ['not a second time', sent('kexec'), {}, undefined, { kind: 'slot', slot: 'a' }],
    ['again, of another image', { sent: { digest: A, ways: ['kexec'] } }, {}, 'kexec', { kind: 'slot', slot: 'b' }],
    ['by the other way where nothing else is there', { a: BAD, ...sent('kexec') }, {}, 'loader', { slot: 'b' }],
    ['not a third time', { a: BAD, ...sent('kexec', 'loader') }, {}, undefined, { kind: 'none' }],
    ['not where the one of this kernel is better', { b: good(B, 4) }, {}, undefined, { slot: 'a' }],
    ['not where it is bad', { b: { ...good(B, 10), state: 'BAD' } }, {}, undefined, { slot: 'a' }],
    ['where the one of this kernel is damaged', { b: good(B, 4) }, { altered: [A] }, 'kexec', { slot: 'b' }],
    ['where a person chose it', { b: good(B, 4), prefer: 'b' }, {}, 'kexec', { slot: 'b' }],
  ])('%s', (_name, state, wish, way, choice) => {
    const { goes, choice: chosen } = decided(state, wish);
    expect([goes?.way, chosen]).toMatchObject([way, choice]);
  });

  it('begins no attempt, and is noted before it is gone', () => {
    const { state, goes } = decided({});
    expect([goes, state.attempt, state.sent, state.cycle]).toEqual([
      { slot: 'b', way: 'kexec' },
      undefined,
      { digest: B, ways: ['kexec'] },
      10,
    ]);
  });

  it('is forgotten once its system is tried, and told of until then', () => {
    const arrived = decide(createLook(stateOf(sent('kexec'))), wishOf({ kernelRelease: OTHER }), RULES);
    expect([arrived.choice, arrived.state.sent, arrived.goes]).toEqual([
      { kind: 'slot', slot: 'b' },
      undefined,
      undefined,
    ]);
    const { notes, state } = decided(sent('kexec'));
    expect(state.sent).toEqual({ digest: B, ways: ['kexec'] });
    expect(notes.join()).toContain('`statectl slots switch b` tries it once more');
  });

  it('is tried once more when a person says so', () => {
    const orders = [{ id: 'x', verb: 'switch', slot: 'b', atMs: 1 } as const];
    const { goes } = decide(createLook(stateOf(sent('kexec', 'loader')), { orders }), wishOf(), RULES);
    expect(goes).toEqual({ slot: 'b', way: 'kexec' });
  });

  it('whatever happens to the machine on its way, it is never sent more than once by a way before a system was tried', () => {
    const record = (digest: string) =>
      fc
        .record({
          state: fc.constantFrom('FRESH', 'GOOD', 'BAD', 'INVALID', 'REPAIRING'),
          healthy: fc.integer({ min: 0, max: 12 }),
        })
        .map(({ state, healthy }) => ({ ...good(digest, healthy), state }) as SlotRecord);
    const wish = fc.record({
      ways: fc.subarray<Way>(['kexec', 'loader']),
      altered: fc.subarray([A, B]),
      corruption: fc.constantFrom('bailout', 'clone', 'auto'),
    });
    fc.assert(
      fc.property(record(A), record(B), wish, fc.array(fc.boolean(), { maxLength: 12 }), (a, b, about, arrives) => {
        let state = stateOf({ a, b });
        let sendings = 0;
        for (const comes of arrives) {
          // No kernel but this one ever comes up.
          const decision = decide(createLook(state), wishOf(about as Partial<Wish>), RULES);
          if (!decision.goes) {
            expect(decision.choice.kind === 'slot' && decision.choice.slot === 'b').toBe(false);
            break;
          }
          // The power may go before the journal has it.
          if (comes) continue;
          sendings += 1;
          state = decision.state;
        }
        expect(sendings).toBeLessThanOrEqual(2);
      }),
      { numRuns: 300 },
    );
  });
});
