import { afterAll, beforeAll, expect, test } from 'vitest';
import { randomOf } from '../fixtures/replay/disk-states.ts';
import { damageFile, diskState } from '../fixtures/vm/user-data-disk.ts';
import type { Machine } from './lab/machine.ts';
import { powerCycle, randomCycles } from './lab/power-cycles.ts';
import { type TwoSystems, twoSystems } from './lab/two-systems.ts';

/** One cycle is cut while files are installed, one ends in order. */
const SEED = 49;

let machine: TwoSystems;
let usualMs: number;

beforeAll(async () => {
  machine = await twoSystems();
});
afterAll(() => machine[Symbol.asyncDispose]());

const updateMs = async (vm: Machine): Promise<number> => (await vm.event('phase-ended', { phase: 'update' })).tookMs;

test('a system that started and stopped in order was healthy, and is the one that is booted after two cuts', async () => {
  await powerCycle(machine, 'in order', randomOf(SEED));
  expect(await diskState(machine.disk.file)).toBe('clean');
  for (const judged of ['HEALTHY', 'INTERRUPTED']) {
    await using vm = await machine.boot();
    usualMs = await updateMs(vm);
    await vm.console(/kept: init of a/);
    expect(machine.booted(vm)).toBe('a');
    expect(vm.transcript).toContain(`(${judged})`);
    await vm.cut();
  }
});

test('and after cycles that end at random', async () => {
  const cycles = { count: 2, before: 'INTERRUPTED', random: randomOf(SEED) } as const;
  expect(await randomCycles(machine, cycles)).toBe('1 cut before it started, 1 in order');
});

test('damaged on the disk, it is left for the other in the same boot, and that is what is told', async ({
  annotate,
}) => {
  await damageFile(machine.disk.file, machine.images.a);
  await using vm = await machine.boot();
  const bailoutMs = await updateMs(vm);
  await vm.console(/kept: init of b/);
  await annotate(`the update phase took ${bailoutMs} ms, where it usually takes ${usualMs} ms`);
  const list = await vm.shell('statectl slots list');
  expect(list).toMatch(/^ *a +tiny a +DAMAGED, its image is damaged, 2 healthy cycles\n *b \* +tiny b +new: /m);
  expect(list).toMatch(/cycle \d+ on slot a was healthy \(HEALTHY\)[^\n]*\n *cycle \d+ on slot b is this one/);
});
