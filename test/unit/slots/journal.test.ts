import { expect, it } from 'vitest';
import type { Seed } from '../../../src/host/memory/seed.ts';
import { memoryHost } from '../../../src/host/memory.ts';
import { crc32c } from '../../../src/slots/crc32c.ts';
import { type CycleKey, keyOfCycle, readKey, sealOf, writeKey } from '../../../src/slots/cycle-key.ts';
import { type CycleState, WORDS } from '../../../src/slots/cycle-state.ts';
import { readCopy, reconcile, writeCopy } from '../../../src/slots/journal.ts';
import { RECORD_BYTES, readRecord, writeRecord } from '../../../src/slots/journal-record.ts';
import { failingHost } from '../../fixtures/hosts/failing.ts';
import { createState } from '../../fixtures/slots/cycles.ts';

const PATH = '/disk/journal';
const KEY: CycleKey = { cycle: 10, key: '0'.repeat(64) };
const at = (cycle: number): CycleState => createState({ cycle });
const bytesAt = (...records: readonly Buffer[]) =>
  Buffer.concat([...records, Buffer.alloc(2 * RECORD_BYTES)]).subarray(0, 2 * RECORD_BYTES);
const withJournal = (seed: Seed) => memoryHost({ files: { [PATH]: seed } });
const read = async (host: ReturnType<typeof memoryHost>, key: CycleKey | undefined = KEY) =>
  reconcile([await readCopy(host, PATH, key)], key);
const flipped = (bytes: Buffer, at: number): Buffer => {
  const other = Buffer.from(bytes);
  other[at] = (other[at] ?? 0) ^ 1;
  return other;
};

it('the checksum is that of RFC 3720', () => {
  expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283);
  expect(crc32c(Buffer.alloc(32))).toBe(0x8a9136aa);
});

it('a record has one page, and is read as it was written', () => {
  const record = writeRecord(at(10), 7, KEY);
  expect(record.length).toBe(RECORD_BYTES);
  expect(readRecord(record, KEY)).toEqual({ record: { seq: 7, state: at(10), sealed: 'yes' } });
});

it('the older record is written over, whichever place it has, and the newest one counts', async () => {
  const host = withJournal(Buffer.alloc(2 * RECORD_BYTES));
  for (let seq = 1; seq <= 5; seq += 1) {
    await writeCopy(host, PATH, at(10 + seq), seq, KEY);
    const { records } = await readCopy(host, PATH, KEY);
    expect(records.map(({ record }) => record?.seq)).toEqual(
      seq === 1 ? [1, undefined] : seq % 2 ? [seq, seq - 1] : [seq - 1, seq],
    );
    expect(await read(host)).toMatchObject({ seq, trust: 'sealed', notes: [] });
  }
});

it('a record that was torn as the power went is the one before (F1)', async () => {
  const host = withJournal(bytesAt(writeRecord(at(10), 1, KEY), writeRecord(at(11), 2, KEY)));
  await expect(writeCopy(failingHost(host, { at: 1, how: 'torn' }), PATH, at(12), 3, KEY)).rejects.toThrow('stopped');
  expect(await read(host)).toMatchObject({
    seq: 2,
    state: { cycle: 11 },
    trust: 'sealed',
    notes: [expect.stringContaining('torn')],
  });
});

it('no bit of a record can flip unseen (F11)', () => {
  const record = writeRecord(at(10), 7, KEY);
  for (let place = 0; place < RECORD_BYTES; place += 1)
    expect(readRecord(flipped(record, place), KEY).record).toBeUndefined();
});

it('a record that another hand wrote does not count, though its checksum is right', async () => {
  const forged = writeRecord({ ...at(12), denied: [] }, 9, { cycle: 10, key: '1'.repeat(64) });
  const host = withJournal(bytesAt(writeRecord(at(11), 2, KEY), forged));
  expect(await read(host)).toMatchObject({ seq: 2, notes: [expect.stringContaining('not sealed by this machine')] });
  await writeCopy(host, PATH, at(12), 3, KEY);
  expect(await read(host)).toMatchObject({ seq: 3, notes: [] });
});

it('an earlier journal that was put back is known by the key, which went on (F18)', async () => {
  const earlier = bytesAt(writeRecord(at(10), 1, KEY), writeRecord(at(11), 2, KEY));
  const key = keyOfCycle(KEY, 15);
  expect(reconcile([await readCopy(withJournal(earlier), PATH, key)], key)).toMatchObject({
    trust: 'behind',
    seq: 2,
    notes: [expect.stringContaining('an earlier one was put back')],
  });
});

it('the newest record that rotted is told, and the one before counts: it is no earlier journal (F11)', async () => {
  const key = keyOfCycle(KEY, 11);
  const rotten = bytesAt(writeRecord(at(10), 1, KEY), flipped(writeRecord(at(11), 2, KEY), 100));
  expect(reconcile([await readCopy(withJournal(rotten), PATH, key)], key)).toMatchObject({ trust: 'checksum', seq: 1 });
});

it('of two copies the newer one counts, and the other is told of and written anew', async () => {
  const host = memoryHost({
    files: {
      '/disk/journal': bytesAt(writeRecord(at(10), 1, KEY)),
      '/boot/journal': bytesAt(writeRecord(at(10), 1, KEY), writeRecord(at(11), 2, KEY)),
    },
  });
  const copies = async () => [await readCopy(host, '/disk/journal', KEY), await readCopy(host, '/boot/journal', KEY)];
  expect(reconcile(await copies(), KEY)).toMatchObject({
    seq: 2,
    notes: ['the cycle journal /disk/journal is behind its other copy: it is written anew'],
  });
  for (const path of ['/disk/journal', '/boot/journal']) await writeCopy(host, path, at(12), 3, KEY);
  expect(reconcile(await copies(), KEY)).toMatchObject({ seq: 3, notes: [] });
});

const HOSTILE: Readonly<Record<string, Seed>> = {
  'a folder': { type: 'dir' },
  'a pipe': { type: 'fifo' },
  'a link to it': { target: '/disk/other' },
  'a huge file': Buffer.alloc(1 << 20),
  'an empty file': '',
  'a short file': Buffer.alloc(RECORD_BYTES),
  noise: Buffer.alloc(2 * RECORD_BYTES, 0xa5),
  'a journal of a later version': Buffer.alloc(2 * RECORD_BYTES, 'later'),
};

it.each(Object.entries(HOSTILE))(
  '%s in the place of the journal is lost, never waited for, and made anew',
  async (_what, seed) => {
    const host = memoryHost({ files: { [PATH]: seed, '/disk/other': bytesAt(writeRecord(at(10), 1, KEY)) } });
    expect(await read(host)).toMatchObject({ seq: 0, trust: 'lost' });
    await writeCopy(host, PATH, at(11), 1, KEY);
    expect(await read(host)).toMatchObject({ seq: 1, trust: 'sealed', notes: [] });
  },
);

it('a record of a later version is told, and does not count', () => {
  const record = writeRecord(at(10), 7, KEY);
  record.writeUInt32LE(2, 8);
  record.writeUInt32LE(crc32c(record.subarray(0, RECORD_BYTES - 4)), RECORD_BYTES - 4);
  expect(readRecord(record, KEY)).toEqual({ fault: 'future' });
});

it('a journal that is full goes without the oldest words, never without the slots', () => {
  const past = Array.from(
    { length: 10 },
    (_, cycle) => ({ cycle, slot: 'a', verdict: 'FAILED_START', why: 'é'.repeat(120) }) as const,
  );
  const full = createState({ past, denied: Array.from({ length: 8 }, (_, n) => String(n).repeat(64)) });
  const state = { ...full, a: { ...full.a!, flag: 'f'.repeat(1024) }, b: { ...full.b!, flag: 'f'.repeat(1024) } };
  const { record } = readRecord(writeRecord(state, 1, KEY), KEY);
  expect(record?.state).toMatchObject({ a: state.a, b: state.b, attempt: state.attempt });
  expect(record?.state.past.at(-1)?.cycle).toBe(9);
});

it('a journal has room for the reasons of both slots whatever letters are in them', () => {
  const slot = (of: 'a' | 'b') => ({
    ...at(10)[of],
    ...{ why: '\u0001'.repeat(WORDS.why), check: '\u0001'.repeat(WORDS.check), flag: '"'.repeat(450) },
  });
  const state = { ...at(10), a: slot('a'), b: slot('b'), environment: '\u0001'.repeat(WORDS.check) } as CycleState;
  const { record } = readRecord(writeRecord(state, 1, KEY), KEY);
  expect(record?.state).toMatchObject({
    a: { flag: state.a?.flag, check: state.a?.check },
    b: { flag: state.b?.flag },
  });
});

it('the key of a cycle gives those after it, and none before', () => {
  const eleven = keyOfCycle(KEY, 11);
  expect(keyOfCycle(KEY, 12)).toEqual(eleven && keyOfCycle(eleven, 12));
  expect(eleven && keyOfCycle(eleven, 10)).toBeUndefined();
  expect(keyOfCycle(KEY, 1_000)).toBeUndefined();
  expect(readKey(writeKey(KEY))).toEqual(KEY);
  expect(['', '{}', '{"cycle":1,"key":"short"}', '[]'].map(readKey)).toEqual([
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
  expect(sealOf('x', KEY)).not.toEqual(sealOf('x', undefined));
});
