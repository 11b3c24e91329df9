import { describe, expect, it } from 'vitest';
import type { Wish } from '../../../src/slots/choose-slot.ts';
import { newSlot, type SlotRecord } from '../../../src/slots/cycle-state.ts';
import { decide } from '../../../src/slots/decide.ts';
import { inPlace, isAmong, placeName, readPlaceName } from '../../../src/slots/image-place.ts';
import { A, B, C, createLook, createState, createWish, good, image, NOW, RULES } from '../../fixtures/slots/cycles.ts';

const DAY_MS = 86_400_000;
const onPartitions = (more: Partial<Wish> = {}): Wish =>
  createWish({
    images: { [placeName('a', A)]: image(), [placeName('b', B)]: image() },
    writable: ['a', 'b'],
    bytesPerSecond: 100_000_000,
    ...more,
  });
/** Slot a was booted last, nothing is open. */
const stateOf = (a: SlotRecord | undefined, b: SlotRecord | undefined) => {
  const { attempt: _none, a: _a, b: _b, ...state } = createState({ last: 'a' });
  return { ...state, ...(a && { a }), ...(b && { b }) };
};
const decided = (a: SlotRecord | undefined, b: SlotRecord | undefined, more: Partial<Wish> = {}) =>
  decide(createLook(stateOf(a, b)), onPartitions(more), RULES);

const INVALID = { ...good(A, 9), state: 'INVALID' } as const;
const SLOW = { bytesPerSecond: 10 };

describe('the answer to damage of the system that would be booted', () => {
  it.each<[string, SlotRecord, Partial<Wish>, object]>([
    ['clone', INVALID, { corruption: 'clone' }, { kind: 'clone', slot: 'a', from: 'b' }],
    [
      'clone, however long it takes',
      INVALID,
      { corruption: 'clone', ...SLOW },
      { kind: 'clone', slot: 'a', from: 'b' },
    ],
    ['bailout', INVALID, { corruption: 'bailout' }, { kind: 'slot', slot: 'b' }],
    ['auto, on a fast disk', INVALID, {}, { kind: 'clone', slot: 'a', from: 'b' }],
    ['auto, where it takes more than a minute', INVALID, SLOW, { kind: 'slot', slot: 'b' }],
    ['found in this boot', good(A, 9), { altered: [placeName('a', A)] }, { kind: 'clone', slot: 'a', from: 'b' }],
    [
      'a copy that was cut once',
      { ...newSlot(B), state: 'REPAIRING', repairs: 1 },
      {},
      { kind: 'clone', slot: 'a', from: 'b' },
    ],
    ['a copy that was cut twice', { ...newSlot(B), state: 'REPAIRING', repairs: 2 }, {}, { kind: 'slot', slot: 'b' }],
    ['a copy that failed in this boot', INVALID, { noCopies: true }, { kind: 'slot', slot: 'b' }],
    ['a partition that is not there', INVALID, { writable: ['b'] }, { kind: 'slot', slot: 'b' }],
    ['both damaged', INVALID, { altered: [placeName('b', B)] }, { kind: 'slot', slot: 'a' }],
    ['both found so in this boot', INVALID, { altered: [placeName('a', A), placeName('b', B)] }, { kind: 'none' }],
    ['a bad one is no damage', { ...good(A, 9), state: 'BAD' }, { corruption: 'clone' }, { kind: 'slot', slot: 'b' }],
  ])('%s', (_name, a, more, choice) => {
    expect(decided(a, good(B, 4), more).choice).toMatchObject(choice);
  });

  it('is of the damaged slot alone where both have the same image', () => {
    const images = { [placeName('a', A)]: image(), [placeName('b', A)]: image() };
    const { choice } = decided(good(A, 9), good(A, 4), { images, altered: [placeName('a', A)], corruption: 'bailout' });
    expect(choice).toEqual({ kind: 'slot', slot: 'b' });
  });

  it('counts a copy as a mending, and the system as new', () => {
    const { state, flagsDue } = decided(INVALID, good(B, 4));
    expect(state.a).toMatchObject({ digest: B, state: 'FRESH', repairs: 1, healthyCycles: 0 });
    expect(flagsDue).toMatchObject([{ slot: 'a', flag: { image: B, generation: '1000' } }]);
  });
});

describe('the backup that becomes a copy of what proved itself', () => {
  const PROVED = good(A, 9, { healthyCycles: 3, firstMs: NOW - 2 * DAY_MS, lastMs: NOW - DAY_MS });
  it.each<[string, SlotRecord, SlotRecord | undefined, Partial<Wish>, 'b' | undefined]>([
    ['three cycles and a day', PROVED, good(B, 4), {}, 'b'],
    ['an empty slot', PROVED, undefined, {}, 'b'],
    ['a damaged backup', PROVED, { ...good(B, 4), state: 'INVALID' }, {}, 'b'],
    ['the same image that was cut', PROVED, { ...newSlot(A), state: 'REPAIRING' }, {}, 'b'],
    ['two cycles', { ...PROVED, healthyCycles: 2 }, good(B, 4), {}, undefined],
    ['less than a day', { ...PROVED, firstMs: NOW - 2 * DAY_MS + 1 }, good(B, 4), {}, undefined],
    ['no clock', good(A, 9), good(B, 4), {}, undefined],
    [
      'the same image',
      PROVED,
      good(A, 4),
      { images: { [placeName('a', A)]: image(), [placeName('b', A)]: image() } },
      undefined,
    ],
    ['a partition that is not there', PROVED, good(B, 4), { writable: ['a'] }, undefined],
    ['a copy that failed in this boot', PROVED, good(B, 4), { noCopies: true }, undefined],
    ['more than a minute', PROVED, good(B, 4), SLOW, undefined],
    ['images in files', PROVED, good(B, 4), { writable: undefined, images: { [A]: image(), [B]: image() } }, undefined],
  ])('%s', (_name, a, b, more, refresh) => {
    const decision = decided(a, b, more);
    expect([decision.choice, decision.refresh]).toEqual([{ kind: 'slot', slot: 'a' }, refresh]);
  });
});

describe('a new image', () => {
  const offer = { sha256: C, sizeBytes: 1000 };
  it.each<[string, SlotRecord | undefined, SlotRecord | undefined, Partial<Wish>, object]>([
    ['goes over the backup', good(A, 9), good(B, 4), {}, { kind: 'image', slot: 'b', sha256: C }],
    [
      'goes nowhere where the backup has no partition',
      good(A, 9),
      good(B, 4),
      { writable: ['a'] },
      { kind: 'slot', slot: 'a' },
    ],
    [
      'goes to the partition that is there',
      undefined,
      undefined,
      { writable: ['b'], images: {} },
      { kind: 'image', slot: 'b' },
    ],
    [
      'that was cut goes on',
      good(A, 9),
      { ...newSlot(C), state: 'REPAIRING' },
      { corruption: 'bailout' },
      { kind: 'image', slot: 'b' },
    ],
    [
      'that was cut three times waits',
      good(A, 9),
      { ...newSlot(C), state: 'REPAIRING', repairs: 2 },
      {},
      { kind: 'slot', slot: 'a' },
    ],
  ])('%s', (_name, a, b, more, choice) => {
    expect(decided(a, b, { offer, ...more }).choice).toMatchObject(choice);
  });

  it('that came wholly is not being made any more', () => {
    const images = { [placeName('a', A)]: image(), [placeName('b', C)]: image() };
    const { state, choice } = decided(good(A, 9), { ...newSlot(C), state: 'REPAIRING' }, { images, offer });
    expect([choice, state.b?.state]).toEqual([{ kind: 'slot', slot: 'b' }, 'FRESH']);
  });
});

it('an image is called by its slot where it lies on a partition, and by its digest alone elsewhere', () => {
  expect([readPlaceName(placeName('b', A)), readPlaceName(A)]).toEqual([{ slot: 'b', digest: A }, { digest: A }]);
  expect([inPlace({ [`b:${A}`]: 1 }, 'a', A), inPlace({ [A]: 2 }, 'a', A)]).toEqual([undefined, 2]);
  expect([isAmong([placeName('b', A)], 'a', A), isAmong([A], 'a', A)]).toEqual([false, true]);
});
