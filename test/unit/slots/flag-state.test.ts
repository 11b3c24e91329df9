import { expect, it } from 'vitest';
import type { Seed } from '../../../src/host/memory/seed.ts';
import { memoryHost } from '../../../src/host/memory.ts';
import { type BootFlag, FLAG_LIMIT_BYTES, flagDigest, writeFlag } from '../../../src/slots/boot-flag.ts';
import type { CycleKey } from '../../../src/slots/cycle-key.ts';
import { type FlagContext, judgeFlag, lookAtFlag } from '../../../src/slots/flag-state.ts';
import { A, B, good, MACHINE } from '../../fixtures/slots/cycles.ts';

const PATH = '/images/bootflag.json';
const KEY: CycleKey = { cycle: 9, key: '7'.repeat(64) };
const FLAG: Omit<BootFlag, 'seal'> = {
  v: 1,
  machine: MACHINE,
  slot: 'a',
  image: A,
  generation: '1000',
  cycle: 9,
  healthyCycles: 9,
  firstMs: 1,
  lastMs: 2,
  prev: '',
};
const WRITTEN = writeFlag(FLAG, KEY);
const CONTEXT: FlagContext = { machine: MACHINE, slot: 'a', record: good(A, 9, { flag: WRITTEN }), generation: '1000' };

const stateOf = async (seed: Seed | undefined, context: Partial<FlagContext> = {}, key: CycleKey | undefined = KEY) => {
  const host = memoryHost({ files: { '/images': { type: 'dir' }, ...(seed !== undefined && { [PATH]: seed }) } });
  return judgeFlag(await lookAtFlag(host, PATH, key), { ...CONTEXT, ...context }).state;
};
const other = (more: Partial<BootFlag>, key: CycleKey | undefined = KEY) => writeFlag({ ...FLAG, ...more }, key);

it('the flag that was written is VALID, and at most a kibibyte long', async () => {
  expect(Buffer.byteLength(WRITTEN)).toBeLessThan(FLAG_LIMIT_BYTES / 2);
  expect(await stateOf(WRITTEN)).toBe('VALID');
});

/** F16, and the states of a flag, each by its name. */
const TAMPERED: Readonly<Record<string, readonly [Seed | undefined, string]>> = {
  'deleted (F16)': [undefined, 'MISSING'],
  'truncated to nothing (F16)': ['', 'UNREADABLE'],
  'cut in half (F16)': [WRITTEN.slice(0, 100), 'UNREADABLE'],
  'one digit edited (F16)': [WRITTEN.replace('"healthyCycles":9', '"healthyCycles":8'), 'BADMAC'],
  'an old copy put back (F16)': [other({ cycle: 8, healthyCycles: 8 }), 'STALE'],
  'a later copy put back, the journal being older (F18)': [other({ cycle: 12, healthyCycles: 12 }), 'AHEAD'],
  'copied from the other slot (F16)': [other({ slot: 'b', image: B }), 'WRONG_SLOT'],
  'copied from another machine (F16)': [other({ machine: 'another' }), 'WRONG_MACHINE'],
  'copied from another image (F16)': [other({ image: B }), 'WRONG_IMAGE'],
  'a link to itself (F16)': [{ target: 'bootflag.json' }, 'UNREADABLE'],
  'a link to a flag (F16)': [{ target: 'real.json' }, 'UNREADABLE'],
  'a folder (F16)': [{ type: 'dir' }, 'UNREADABLE'],
  'a pipe (F16)': [{ type: 'fifo' }, 'UNREADABLE'],
  'a device (F16)': [{ type: 'char' }, 'UNREADABLE'],
  'a socket (F16)': [{ type: 'socket' }, 'UNREADABLE'],
  'a huge file (F16)': [Buffer.alloc(1 << 20, ' '), 'UNREADABLE'],
  'of another owner (F16)': [{ data: WRITTEN, uid: 1000 }, 'UNREADABLE'],
  'with a key more (F16)': [WRITTEN.replace('{', '{"also":1,'), 'UNREADABLE'],
  'with a key twice (F16)': [WRITTEN.replace('{', '{"cycle":1,'), 'UNREADABLE'],
  'written with blanks (F16)': [JSON.stringify(JSON.parse(WRITTEN), null, 1), 'UNREADABLE'],
  'of a future version (F16)': [WRITTEN.replace('"v":1', '"v":2'), 'UNREADABLE'],
  'no JSON (F16)': ['\0\0\0\0', 'UNREADABLE'],
  'sealed by another key': [other({ cycle: 9, lastMs: 3 }, { cycle: 9, key: '8'.repeat(64) }), 'BADMAC'],
};

it.each(Object.entries(TAMPERED))('a boot flag that is %s', async (_how, [seed, state]) => {
  expect(await stateOf(seed)).toBe(state);
});

it('a root that was changed although nobody may write it is DRIFT (F17), unless we announced a write', async () => {
  expect(await stateOf(WRITTEN, { generation: '1001' })).toBe('DRIFT');
  expect(await stateOf(WRITTEN, { generation: '1001', announced: true })).toBe('VALID');
});

it('a system that was never healthy is on TRIAL, with a flag or, where an earlier statectl brought it, without', async () => {
  const first = other({ cycle: 0, healthyCycles: 0 }, undefined);
  expect(await stateOf(first, { record: good(A, 0, { flag: first }) })).toBe('TRIAL');
  expect(await stateOf(undefined, { record: good(A, 0) })).toBe('TRIAL');
});

it('a flag that was advanced, and then the power went before the journal knew, is VALID', async () => {
  const advanced = other({ cycle: 10, healthyCycles: 10, prev: flagDigest(WRITTEN) });
  expect(await stateOf(advanced, { attempt: { cycle: 10 } })).toBe('VALID');
  // Of no attempt of this slot, or after another flag, it is from elsewhere.
  expect(await stateOf(advanced)).toBe('AHEAD');
  expect(await stateOf(other({ cycle: 10, prev: '0'.repeat(64) }), { attempt: { cycle: 10 } })).toBe('AHEAD');
});

it('a flag is believed by the journal after its key was forgotten, and without one by its checksum', async () => {
  expect(await stateOf(WRITTEN, {}, { cycle: 30, key: '9'.repeat(64) })).toBe('VALID');
  const plain = writeFlag(FLAG, undefined);
  expect(await stateOf(plain, { record: good(A, 9, { flag: plain }) }, undefined)).toBe('VALID');
});

it('after the journal was lost a flag of this machine and image is believed, and one that it did not seal is not', async () => {
  const { flag: _lost, ...record } = good(A, 9, { flag: WRITTEN });
  expect(await stateOf(WRITTEN, { record })).toBe('VALID');
  expect(await stateOf(WRITTEN.replace('"healthyCycles":9', '"healthyCycles":8'), { record })).toBe('BADMAC');
});
