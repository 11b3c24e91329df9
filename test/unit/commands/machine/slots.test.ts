import { expect, it } from 'vitest';
import { slots } from '../../../../src/commands/machine/slots.ts';
import { slotsText } from '../../../../src/commands/machine/slots-text.ts';
import { memoryHost } from '../../../../src/host/memory.ts';
import { type CycleState, newCycleState } from '../../../../src/slots/cycle-state.ts';
import { writeCopy } from '../../../../src/slots/journal.ts';
import { JOURNAL_FILE, ORDERS_FILE } from '../../../../src/slots/look-at-cycles.ts';
import { readOrders } from '../../../../src/slots/orders.ts';
import { createImage } from '../../../fixtures/image/image.ts';
import { attemptOn, createState, good } from '../../../fixtures/slots/cycles.ts';

const IMAGE = createImage();
const DIGEST = IMAGE.manifest.root.sha256;
const DIR = `/user-data/persistent/images/${DIGEST}`;
const STATE: CycleState = {
  ...newCycleState('lab'),
  ...{ cycle: 10, last: 'a', attempt: attemptOn('a'), a: good(DIGEST, 9), tells: true },
  past: [{ cycle: 9, slot: 'a', verdict: 'HEALTHY', why: 'it started, and stopped in order' }],
};

async function machineWith(state: CycleState, root: Buffer = IMAGE.root) {
  const host = memoryHost({
    files: {
      '/user-data/persistent/statectl/cycle': { type: 'dir' },
      [`${DIR}/manifest.json`]: IMAGE.manifestText,
      [`${DIR}/root.squashfs`]: root,
    },
  });
  await writeCopy(host, JOURNAL_FILE, state, 1, undefined);
  const ordered = async () =>
    readOrders(await host.files.readText(ORDERS_FILE).catch(() => undefined)).map(
      ({ verb, slot }) => `${verb} ${slot}`,
    );
  return { host, ordered };
}

it('what a person wants of a slot waits for the next boot, in order', async () => {
  const { host, ordered } = await machineWith(STATE);
  expect(await slots(host, ['mark-bad', 'a'])).toBe(0);
  expect(await slots(host, ['switch', 'a'])).toBe(0);
  expect(await ordered()).toEqual(['mark-bad a', 'switch a']);
});

it('a slot that is empty, or none, is refused with what there is', async () => {
  const { host, ordered } = await machineWith(STATE);
  await expect(slots(host, ['switch', 'b'])).rejects.toMatchObject({ code: 'slot-empty' });
  await expect(slots(host, ['switch', 'c'])).rejects.toMatchObject({ code: 'usage' });
  await expect(slots(host, ['mark-good'])).rejects.toMatchObject({ code: 'usage' });
  await expect(slots(memoryHost({}), [])).rejects.toMatchObject({ code: 'no-cycles' });
  expect(await ordered()).toEqual([]);
});

it('repair hashes the images, says which is damaged, and lets one go again that is whole', async () => {
  const whole = await machineWith({ ...STATE, a: good(DIGEST, 9, { state: 'INVALID' }) });
  expect(await slots(whole.host, ['repair'])).toBe(0);
  expect(await whole.ordered()).toEqual(['repair a']);
  const damaged = await machineWith(STATE, Buffer.alloc(IMAGE.root.length));
  expect(await slots(damaged.host, ['repair', 'a'])).toBe(1);
  expect(await damaged.ordered()).toEqual([]);
});

it('both systems and their last cycles are told in sentences', () => {
  const { v: _v, machine: _machine, ...state } = createState({ past: STATE.past, environment: 'url http://a' });
  const images = { a: { name: 'lab', version: '20261120.1' } };
  expect(slotsText({ ...state, images, tier: 'T1', notes: [], orders: [] })).toMatchInlineSnapshot(`
    "  a *  lab 20261120.1  good, 9 healthy cycles, booted now
      b    bbbbbbbbbbbb    good, 4 healthy cycles
      ! both systems fail the check url http://a: nothing is switched until one starts
      cycle 9 on slot a was healthy (HEALTHY): it started, and stopped in order
      cycle 10 on slot a is this one: the next boot judges it
      T1: the journal is sealed by a key on this disk, against accidents and strange hands, not against root
    "
  `);
});
