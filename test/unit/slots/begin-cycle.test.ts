import { expect, it } from 'vitest';
import { memoryHost } from '../../../src/host/memory.ts';
import { beginCycle } from '../../../src/slots/begin-cycle.ts';
import { readKey } from '../../../src/slots/cycle-key.ts';
import { readCopy } from '../../../src/slots/journal.ts';
import { attemptOn, createState } from '../../fixtures/slots/cycles.ts';

const STEP = {
  ...{ journals: ['/cycle/journal'], keyFile: '/cycle/key', flags: [], spent: [], cycleFile: '/run/cycle.json' },
  ...{ seq: 21, state: createState() },
};

it('a phase that a person repeats writes a record of its own: two of one number would leave it open which one counts', async () => {
  const host = memoryHost({ files: {} });
  await beginCycle(host, STEP);
  await beginCycle(host, { ...STEP, state: createState({ attempt: attemptOn('b'), last: 'b' }) });
  const key = readKey(await host.files.readText('/cycle/key'));
  const { records } = await readCopy(host, '/cycle/journal', key);
  expect(records.map(({ record }) => [record?.seq, record?.state.attempt?.slot])).toEqual([
    [21, 'a'],
    [22, 'b'],
  ]);
});
