import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { Machine } from '../../boot/lab/machine.ts';
import { powerCycle, randomCycles } from '../../boot/lab/power-cycles.ts';
import { rebooted, started, type TwoSystems, twoSystems } from '../../boot/lab/two-systems.ts';
import { HANG_MS } from '../../fixtures/hang.ts';
import { randomOf } from '../../fixtures/replay/disk-states.ts';
import { damageFile } from '../../fixtures/vm/user-data-disk.ts';

const CUTS = 20;
const CYCLES = 200;
/** A number gives the same cycles again. */
const SEED = 20261130;
/** Health has ten seconds, and one to stay. */
const IMPATIENT = 'statectl.set=update.health.timeout=10s';
const WINDOW_MS = 11_000;

/** Nobody hears what is typed before. */
const RUNS = /kept: init of/;

const healthy = async (machine: TwoSystems, line = 'true'): Promise<void> => {
  await using vm = await machine.boot();
  await vm.console(RUNS);
  await started(vm);
  await vm.shell(line);
  await rebooted(vm);
};
const shows = (vm: Machine) => vm.shell('statectl slots list');

/** Slot b runs, slot a is the backup; both were healthy. */
async function bothHealthy(): Promise<TwoSystems> {
  const machine = await twoSystems();
  await healthy(machine, 'statectl slots switch b');
  await healthy(machine);
  return machine;
}

const median = (numbers: readonly number[]): number =>
  numbers.toSorted((one, other) => one - other)[numbers.length >> 1] ?? 0;

test('a system that is damaged is left for the other in less than a second', async ({ annotate }) => {
  await using machine = await bothHealthy();
  const boots = async (slot: 'a' | 'b'): Promise<number> => {
    const tookMs: number[] = [];
    for (let boot = 0; boot < 5; boot += 1) {
      await using vm = await machine.boot({ disks: [{ ...machine.disk, temporary: true }] });
      tookMs.push((await vm.event('phase-ended', { phase: 'update' })).tookMs);
      await vm.event('handed-over');
      expect(machine.booted(vm)).toBe(slot);
    }
    return median(tookMs);
  };
  const usualMs = await boots('b');
  await damageFile(machine.disk.file, machine.images.b);
  const bailoutMs = await boots('a');
  await annotate(`the update phase, median of 5: ${usualMs} ms, and ${bailoutMs} ms with a bailout`);
  expect(bailoutMs - usualMs).toBeLessThan(1_000);
  {
    await using vm = await machine.boot();
    await vm.console(/kept: init of a/);
    expect(await shows(vm)).toMatch(/^ *a \* +tiny a +good, .*\n *b +tiny b +DAMAGED, its image is damaged/m);
    expect(await vm.shell('statectl status --no-changes')).toMatch(/its image is damaged/);
    await started(vm);
    await rebooted(vm);
  }
  // It is not read again at each boot.
  await using vm = await machine.boot();
  await vm.console(/kept: init of a/);
  expect(vm.transcript).not.toMatch(/is not what the signed manifest says/);
  expect(vm.transcript).toMatch(/cycle \d+ on slot a was healthy \(HEALTHY\)/);
});

test('a system whose health check fails reboots by itself, and is left for the other after its tries', async () => {
  await using machine = await twoSystems();
  await healthy(machine, 'touch /user-data/sick-a');
  for (let tried = 1; tried <= 3; tried += 1) {
    await using vm = await machine.boot({ cmdline: IMPATIENT });
    await vm.console(/kept: init of a/);
    await vm.console(/this start of the system failed: script 10-well: exit status 1: it is sick/);
    expect(await vm.ended()).toBe('guest-reset');
  }
  await using vm = await machine.boot();
  await vm.console(/kept: init of b/);
  const list = await shows(vm);
  expect(list).toMatch(/^ *b \* +tiny b +new: it was not healthy yet, /m);
  expect(list).toMatch(
    /^ *a +tiny a +BAD: it is not booted, 3 failed starts in a row, the last: health: script 10-well: exit status 1: it is sick/m,
  );
  expect(list.match(/on slot a failed to start \(FAILED_START\): health: script 10-well/g)).toHaveLength(3);
  await started(vm);
  await rebooted(vm);
});

test(
  `a healthy system that is cut ${CUTS} times before it has started is booted again`,
  async ({ annotate }) => {
    await using machine = await twoSystems();
    await healthy(machine);
    const random = randomOf(SEED);
    const at: (string | undefined)[] = [];
    for (let cut = 1; cut <= CUTS; cut += 1) {
      const cycle = await powerCycle(machine, 'cut before it started', random);
      at.push(cycle.at);
      expect(cycle.booted ?? 'a').toBe('a');
    }
    await annotate(`seed ${SEED}: ${at.join(', ')}`);
    await using vm = await machine.boot();
    await vm.console(RUNS);
    await started(vm);
    expect(await shows(vm)).toMatch(/^ *a \* +tiny a +good, 1 healthy cycle, booted now/m);
  },
  (CUTS / 4) * HANG_MS,
);

test('a system that hangs before it has started is left for the other after six starts', async () => {
  await using machine = await twoSystems();
  await healthy(machine, 'touch /user-data/hang-a');
  for (let start = 1; start <= 6; start += 1) {
    await using vm = await machine.boot({ cmdline: IMPATIENT });
    await vm.console(/kept: a hangs/);
    await sleep(WINDOW_MS);
    await vm.cut();
  }
  await using vm = await machine.boot({ cmdline: `${IMPATIENT} statectl.set=update.tries.image=1` });
  await vm.console(/kept: init of b/);
  expect(await shows(vm)).toMatch(/^ *a +tiny a +BAD: it is not booted, .*nothing was heard of 6 starts in a row/m);
});

test(
  `of ${CYCLES} cycles that end at random none switches`,
  async ({ annotate }) => {
    await using machine = await twoSystems();
    await healthy(machine);
    const cycles = { count: CYCLES, before: 'HEALTHY', random: randomOf(SEED) } as const;
    await annotate(`seed ${SEED}: ${await randomCycles(machine, cycles)}`);
    await using vm = await machine.boot();
    await vm.console(RUNS);
    await started(vm);
    expect(await shows(vm)).toMatch(/^ *a \* +tiny a +good, /m);
  },
  (CYCLES / 2) * HANG_MS,
);
