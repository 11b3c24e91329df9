import { describe, expect, it } from 'vitest';
import { type BootFlag, flagDigest, flagText } from '../../../src/slots/boot-flag.ts';
import type { Wish } from '../../../src/slots/choose-slot.ts';
import type { CycleLook } from '../../../src/slots/cycle-look.ts';
import type { CycleState } from '../../../src/slots/cycle-state.ts';
import { decide } from '../../../src/slots/decide.ts';
import type { SeenFlag } from '../../../src/slots/flag-state.ts';
import {
  A,
  attemptOn,
  B,
  C,
  createLook,
  createState,
  createWish,
  good,
  image,
  MACHINE,
  NOW,
  RULES,
} from '../../fixtures/slots/cycles.ts';

const BAD = { state: 'BAD', why: 'told' } as const;
const BY_HEALTH = { ...BAD, check: 'service klipper' } as const;
const closed = (more: Partial<CycleState> = {}): CycleState => {
  const { attempt: _none, ...state } = createState(more);
  return state;
};
const DAMAGED: SeenFlag = { seen: 'no flag', why: 'is a fifo' };
const offer = (sha256: string, sizeBytes = 1000) => ({ offer: { sha256, sizeBytes } });
const choose = (state: CycleState | undefined, wish: Partial<Wish> = {}, look: Partial<CycleLook> = {}) =>
  decide(createLook(state, look), createWish(wish), RULES);

/** Each row of the table of choices, by name: what is known, what is wished, what is seen; and what is booted. */
const ROWS: Readonly<
  Record<
    string,
    readonly [
      state: CycleState | undefined,
      wish: Partial<Wish>,
      look: Partial<CycleLook>,
      choice: object,
      acts?: false,
    ]
  >
> = {
  'the one that was healthy last, not the one of a letter': [
    closed({ a: good(A, 3), b: good(B, 7) }),
    {},
    {},
    { kind: 'slot', slot: 'b' },
  ],
  'that which the server wants, where it is on the disk': [closed(), offer(B), {}, { kind: 'slot', slot: 'b' }],
  'what a person chose, whatever the server offers of what is here': [
    closed({ prefer: 'b' }),
    offer(A),
    {},
    { kind: 'slot', slot: 'b' },
  ],
  'a new image, into the slot that is worth less': [closed(), offer(C), {}, { kind: 'image', slot: 'b', sha256: C }],
  'a new image, into the slot that is worth less, whatever its letter': [
    closed({ a: good(A, 3), b: good(B, 7) }),
    offer(C),
    {},
    { kind: 'image', slot: 'a', sha256: C },
  ],
  'a new image with another kernel, never over the one that was healthy last': [
    closed(),
    { ...offer(C), kernelRelease: '6.12' },
    {},
    { kind: 'image', slot: 'b', sha256: C },
  ],
  'a new image with another kernel, over the bad one': [
    closed({ b: good(B, 4, BAD) }),
    { ...offer(C), kernelRelease: '6.12' },
    {},
    { kind: 'image', slot: 'b', sha256: C },
  ],
  'a new image, over one that never was healthy rather than over the healthy one of another kernel': [
    closed({ b: good(B, 0, { state: 'FRESH' }), trial: 'b', last: 'b' }),
    { ...offer(C), images: { [A]: image({ kernelRelease: '6.12' }), [B]: image() } },
    {},
    { kind: 'image', slot: 'b', sha256: C },
  ],
  'a new image, over the healthy one whose image is damaged': [
    closed({ b: good(B, 0, { state: 'FRESH' }) }),
    { ...offer(C), altered: [A] },
    {},
    { kind: 'image', slot: 'a', sha256: C },
  ],
  'a new image, into an empty slot': [
    closed({ b: undefined }),
    { ...offer(C), images: { [A]: image() } },
    {},
    { kind: 'image', slot: 'b', sha256: C },
  ],
  'the first image of a machine, into slot a': [
    undefined,
    { ...offer(C), images: {} },
    {},
    { kind: 'image', slot: 'a', sha256: C },
  ],
  'the image on trial again, without its server, after a cut': [
    closed({ b: good(B, 0, { state: 'FRESH' }), trial: 'b' }),
    {},
    {},
    { kind: 'slot', slot: 'b' },
  ],
  'a fresh one only after those that were healthy, where it is not on trial': [
    closed({ a: good(A, 0, { state: 'FRESH' }), b: good(B, 1) }),
    {},
    {},
    { kind: 'slot', slot: 'b' },
  ],
  'the other, where the one is bad': [closed({ a: good(A, 9, BAD) }), {}, {}, { kind: 'slot', slot: 'b' }],
  'the other, where the one is bad and the server offers it again': [
    closed({ a: good(A, 9, BAD), denied: [A] }),
    offer(A),
    {},
    { kind: 'slot', slot: 'b' },
  ],
  'the other, where a denied image is not even on the disk any more': [
    closed({ denied: [C] }),
    offer(C),
    {},
    { kind: 'slot', slot: 'a' },
  ],
  'a new image over the bad one': [
    closed({ a: good(A, 9, BAD), denied: [A] }),
    offer(C),
    {},
    { kind: 'image', slot: 'a', sha256: C },
  ],
  'the other, where the kernel of the one does not run': [
    closed(),
    { images: { [A]: image({ kernelRelease: '6.12' }), [B]: image() } },
    {},
    { kind: 'slot', slot: 'b' },
  ],
  'the other, where the image of the one is gone': [
    closed(),
    { images: { [B]: image() } },
    {},
    { kind: 'slot', slot: 'b' },
  ],
  'the other, where the image of the one came only in part': [
    closed(),
    { images: { [A]: image({ whole: false }), [B]: image() } },
    {},
    { kind: 'slot', slot: 'b' },
  ],
  'the other, where the one was altered': [closed(), { altered: [A] }, {}, { kind: 'slot', slot: 'b' }],
  'bailout: the other at once, where the flag of the one is damaged': [
    closed(),
    { corruption: 'bailout' },
    { flags: { [A]: DAMAGED } },
    { kind: 'slot', slot: 'b' },
  ],
  'clone: the one, mended, where its flag is damaged': [
    closed(),
    { corruption: 'clone' },
    { flags: { [A]: DAMAGED } },
    { kind: 'slot', slot: 'a', mend: true },
  ],
  'auto: the one, mended, where its image is read in a minute': [
    closed(),
    { bytesPerSecond: 1000 },
    { flags: { [A]: DAMAGED } },
    { kind: 'slot', slot: 'a', mend: true },
  ],
  'auto: the other, where the image of the one takes more than a minute to read': [
    closed(),
    { bytesPerSecond: 10 },
    { flags: { [A]: DAMAGED } },
    { kind: 'slot', slot: 'b' },
  ],
  'clone: the other, after two mendings': [
    closed({ a: good(A, 9, { repairs: 2 }) }),
    { corruption: 'clone' },
    { flags: { [A]: DAMAGED } },
    { kind: 'slot', slot: 'b' },
  ],
  'the one, mended, where the flags of both are damaged, and however often': [
    closed({ a: good(A, 9, { repairs: 9 }), b: good(B, 4, { repairs: 9 }) }),
    { corruption: 'bailout' },
    { flags: { [A]: DAMAGED, [B]: DAMAGED } },
    { kind: 'slot', slot: 'a', mend: true },
  ],
  'bailout: the other, where the image of the one is damaged and a server has it': [
    closed(),
    { ...offer(A), altered: [A], corruption: 'bailout' },
    {},
    { kind: 'slot', slot: 'b' },
  ],
  'clone: the image again, where that of the one is damaged and a server has it': [
    closed(),
    { ...offer(A, 10 ** 12), altered: [A], corruption: 'clone' },
    {},
    { kind: 'image', slot: 'a', sha256: A, mend: true },
  ],
  'auto: the image again, where it comes within a minute': [
    closed(),
    { ...offer(A), altered: [A] },
    {},
    { kind: 'image', slot: 'a', sha256: A, mend: true },
  ],
  'auto: the other, where the image would be long on its way': [
    closed(),
    { ...offer(A, 10 ** 9), altered: [A] },
    {},
    { kind: 'slot', slot: 'b' },
  ],
  'the image again, however long, where nothing else can be booted': [
    closed({ b: good(B, 4, BAD) }),
    { ...offer(A, 10 ** 9), altered: [A], corruption: 'bailout' },
    {},
    { kind: 'image', slot: 'a', sha256: A, mend: true },
  ],
  'one that was damaged once, verified again, where nothing else is there': [
    closed({ a: good(A, 9, { state: 'INVALID' }), b: undefined }),
    { images: { [A]: image() } },
    {},
    { kind: 'slot', slot: 'a' },
  ],
  'the image of a server, where both are bad': [
    closed({ a: good(A, 9, BAD), b: good(B, 4, BAD) }),
    offer(C),
    {},
    { kind: 'image', slot: 'a', sha256: C },
  ],
  'nothing, where both are bad and no server has another image: no loop': [
    closed({ a: good(A, 9, BAD), b: good(B, 4, BAD), denied: [A, B] }),
    offer(A),
    {},
    { kind: 'none', why: ['slot a is bad: told', 'slot b is bad: told'] },
  ],
  'as a last resort the one that was healthy last, which stays up, where health alone fails': [
    closed({ a: good(A, 9, BY_HEALTH), b: good(B, 4, BAD), denied: [A, B] }),
    {},
    {},
    { kind: 'slot', slot: 'a' },
    false,
  ],
  'as a last resort the one that runs well, and hangs as it stops': [
    closed({ a: good(A, 9, { ...BAD, stopFailed: 3 }), b: undefined, denied: [A] }),
    { ...offer(A), images: { [A]: image() } },
    {},
    { kind: 'slot', slot: 'a' },
    false,
  ],
  'as a last resort the only one, which starts, and crashes later': [
    closed({ a: good(A, 9, { ...BAD, crashes: [NOW, NOW, NOW] }), b: undefined, denied: [A] }),
    { ...offer(A), images: { [A]: image() } },
    {},
    { kind: 'slot', slot: 'a' },
    false,
  ],
  'nothing, where the only one crashed, and does not come to its start any more': [
    closed({ a: good(A, 9, { ...BAD, crashes: [NOW, NOW, NOW], failed: 3 }), b: undefined, denied: [A] }),
    { images: { [A]: image() } },
    {},
    { kind: 'none', why: ['slot a is bad: told'] },
  ],
  'in an environment that fails both, what would be booted anyway, and it stays up': [
    closed({ environment: 'url http://a' }),
    {},
    {},
    { kind: 'slot', slot: 'a' },
    false,
  ],
};

it.each(Object.entries(ROWS))('boots %s', (_title, [state, wish, look, choice, acts = true]) => {
  const decision = choose(state, wish, look);
  expect(decision.choice).toEqual(choice);
  expect(decision.acts).toBe(acts);
  // Nothing of it is left to chance.
  expect(choose(state, wish, look)).toEqual(decision);
});

it('systems in another machine: the same one is booted again, though the power went between the flags of both and the journal', () => {
  const flagOf = (machine: string, slot: 'a' | 'b', prev = ''): SeenFlag & { readonly seen: 'flag' } => {
    const [image, cycle] = slot === 'a' ? [A, 9] : [B, 4];
    const counts = { cycle, healthyCycles: cycle, firstMs: null, lastMs: null };
    const flag = { v: 1 as const, machine, slot, image, generation: '1000', ...counts, prev, seal: '0'.repeat(64) };
    return { seen: 'flag', flag, sha256: flagDigest(flagText(flag)), sealed: 'yes' };
  };
  const known = { a: flagOf(MACHINE, 'a'), b: flagOf(MACHINE, 'b') };
  const state = createState({
    a: good(A, 9, { flag: flagText(known.a.flag) }),
    b: good(B, 4, { flag: flagText(known.b.flag) }),
  });
  const written = flagOf('another', 'a', known.a.sha256);
  const moved = (a: SeenFlag, machine = 'another') =>
    choose(state, { corruption: 'bailout' }, { machine, flags: { [A]: a, [B]: known.b } });
  expect(moved(known.a).choice).toEqual({ kind: 'slot', slot: 'a' });
  expect(moved(written).choice).toEqual({ kind: 'slot', slot: 'a' });
  // Neither a flag of a machine that this is not, nor one that another hand made.
  expect(moved(written, MACHINE).choice).toEqual({ kind: 'slot', slot: 'b' });
  expect(moved(flagOf('another', 'a')).choice).toEqual({ kind: 'slot', slot: 'b' });
});

describe('the attempt', () => {
  it('is counted before the system runs, and judged by the next boot', () => {
    const { judged, state } = choose(
      createState(),
      {},
      { said: { started: { atMs: 1 }, stopping: { atMs: 2 }, clean: true } },
    );
    expect(judged).toEqual({ cycle: 10, slot: 'a', verdict: 'HEALTHY', why: 'it started, and stopped in order' });
    expect(state).toMatchObject({ cycle: 11, attempt: { cycle: 11, slot: 'a', bootId: 'boot-000011', atMs: NOW } });
  });

  it('of this very boot goes on, when the boot is tried once more', () => {
    const { judged, state } = choose(createState(), {}, { bootId: 'boot-000010' });
    expect(judged).toBeUndefined();
    expect(state).toMatchObject({ cycle: 10, attempt: attemptOn('a'), past: [] });
  });

  it('of this very boot is another one, when the boot is tried once more and its image is altered', () => {
    const { judged, state } = choose(createState(), { altered: [A] }, { bootId: 'boot-000010' });
    expect(judged).toBeUndefined();
    expect(state).toMatchObject({ cycle: 11, attempt: { cycle: 11, slot: 'b' }, a: { state: 'INVALID' } });
  });
});

describe('a disk of the layout before', () => {
  it('has its copy in slot a, on trial, and nothing is fetched again', () => {
    const { choice, state, flagsDue } = choose(
      undefined,
      { images: { [A]: image() }, ...offer(A) },
      { current: A, flags: { [A]: { seen: 'nothing' } } },
    );
    expect(choice).toEqual({ kind: 'slot', slot: 'a' });
    expect(state).toMatchObject({ a: { digest: A, state: 'FRESH' }, cycle: 1, tells: false });
    expect(flagsDue).toMatchObject([{ slot: 'a', flag: { image: A, cycle: 0, healthyCycles: 0, machine: MACHINE } }]);
  });

  it('that an earlier statectl gave a new image meanwhile has that in a slot', () => {
    const { choice, state, notes } = choose(closed(), { images: { [C]: image(), [B]: image() } }, { current: C });
    expect(state).toMatchObject({ a: { digest: C, state: 'FRESH' }, b: { digest: B } });
    expect(choice).toEqual({ kind: 'slot', slot: 'a' });
    expect(notes).toEqual([`the image ${C.slice(0, 12)} came without the cycle journal: it is slot a now`]);
  });
});

describe('a journal that is lost', () => {
  const flag = (slot: 'a' | 'b', digest: string, cycle: number): SeenFlag => {
    const seal = 'e'.repeat(64);
    const times = { firstMs: null, lastMs: null };
    const content = {
      v: 1,
      machine: MACHINE,
      slot,
      image: digest,
      generation: '1000',
      cycle,
      healthyCycles: cycle,
    } as const;
    const read: BootFlag = { ...content, ...times, prev: '', seal };
    return { seen: 'flag', sealed: 'unknown', sha256: flagDigest(flagText(read)), flag: read };
  };
  const LOST = { journal: { seq: 0, trust: 'lost', notes: ['torn'] } } as const;

  it('is made anew from the flags of all slots, and that is told', () => {
    const { choice, state, notes } = choose(
      undefined,
      {},
      { ...LOST, current: A, flags: { [A]: flag('b', A, 3), [B]: flag('a', B, 7) } },
    );
    expect(state).toMatchObject({
      a: { digest: B, lastHealthy: 7 },
      b: { digest: A, lastHealthy: 3 },
      cycle: 8,
      tells: true,
    });
    expect(choice).toEqual({ kind: 'slot', slot: 'a' });
    expect(notes).toContain('the cycle journal is lost: it is made anew from the boot flags');
  });

  it('believes no flag of another machine, of another image or with a foreign seal', () => {
    const flags = { [A]: { ...flag('a', A, 9), sealed: 'no' } as SeenFlag, [B]: flag('b', A, 9) };
    const { state } = choose(undefined, {}, { ...LOST, current: B, flags });
    expect(state).toMatchObject({ a: { digest: B, healthyCycles: 0 }, b: { digest: A, healthyCycles: 0 } });
  });

  it('that was an earlier one put back is no verdict on the start that it tells of', () => {
    const { judged, state } = choose(
      createState(),
      {},
      { journal: { state: createState(), seq: 3, trust: 'behind', notes: [] }, keyCycle: 30 },
    );
    expect(judged).toBeUndefined();
    expect(state.cycle).toBe(31);
  });
});

it('a disk that was put into another machine goes on there, with new flags', () => {
  const seen: SeenFlag = {
    seen: 'flag',
    sealed: 'yes',
    sha256: '',
    flag: {
      v: 1,
      machine: MACHINE,
      slot: 'a',
      image: A,
      generation: '1000',
      cycle: 9,
      healthyCycles: 9,
      firstMs: null,
      lastMs: null,
      prev: '',
      seal: '',
    },
  };
  const { choice, state, flagsDue, notes } = choose(closed(), {}, { machine: 'another', flags: { [A]: seen } });
  expect(choice).toEqual({ kind: 'slot', slot: 'a' });
  expect(state.machine).toBe('another');
  expect(flagsDue).toMatchObject([{ slot: 'a', flag: { machine: 'another', cycle: 9 } }]);
  expect(notes[0]).toContain('come from another machine');
});

describe('a person', () => {
  const order = (verb: 'mark-good' | 'mark-bad' | 'switch' | 'repair', slot: 'a' | 'b', id = 'one') => ({
    orders: [{ id, verb, slot, atMs: NOW }],
  });

  it('marks a slot good, which is booted again, and whose image may come again', () => {
    const { choice, state } = choose(closed({ a: good(A, 9, BAD), denied: [A] }), {}, order('mark-good', 'a'));
    expect(choice).toEqual({ kind: 'slot', slot: 'a' });
    expect(state).toMatchObject({ denied: [], a: { state: 'GOOD', failed: 0 } });
  });

  it('marks a slot bad, and the other is booted', () => {
    expect(choose(closed(), {}, order('mark-bad', 'a'))).toMatchObject({
      choice: { slot: 'b' },
      state: { denied: [A], a: { state: 'BAD' } },
    });
  });

  it('switches, and it stays so until a new image comes', () => {
    const first = choose(closed(), offer(A), order('switch', 'b'));
    expect(first.choice).toEqual({ kind: 'slot', slot: 'b' });
    const { attempt: _done, ...next } = first.state;
    expect(choose(next, offer(A)).choice).toEqual({ kind: 'slot', slot: 'b' });
    expect(choose(next, offer(C)).state.prefer).toBeUndefined();
  });

  it('is obeyed once, also where the order is still there after a cut', () => {
    const { state } = choose(closed(), {}, order('mark-bad', 'a'));
    const { attempt: _done, ...pardoned } = { ...state, a: good(A, 9) };
    expect(choose(pardoned, {}, order('mark-bad', 'a')).state.a?.state).toBe('GOOD');
    expect(choose(pardoned, {}, order('mark-bad', 'a', 'two')).state.a?.state).toBe('BAD');
  });
});
