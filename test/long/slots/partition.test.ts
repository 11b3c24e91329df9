import { afterAll, beforeAll, expect, test } from 'vitest';
import { copyToB, leave, recordOf, type SlotMachine, slotMachine } from '../../boot/lab/slot-machine.ts';
import { zeroDisk } from '../../fixtures/vm/disk.ts';

const MIB = 2 ** 20;

let machine: SlotMachine;
beforeAll(async () => {
  machine = await slotMachine('partition');
});
afterAll(async () => {
  await machine[Symbol.asyncDispose]();
});

test('an image is written to the partition of slot a, and mounted from there', async () => {
  await using vm = await machine.boot({ server: machine.server });
  await vm.console(/copy \S+ to slot a/);
  await vm.console(/tiny: init/);
  expect(await recordOf(vm)).toMatchObject({ source: 'fetched', cycle: { slot: 'a' } });
  expect(await vm.shell('cat /proc/mounts')).toMatch(/^\/dev\/vda1 \S+ squashfs ro/m);
  expect(await vm.shell('ls /user-data/persistent/images')).toBe('');
  await leave(vm);
});

test('it boots from there without its server, which is gone from now on', async () => {
  await machine.server[Symbol.asyncDispose]();
  await using vm = await machine.alone();
  await vm.console(/tiny: init/);
  expect(await recordOf(vm)).toMatchObject({ source: 'copy', image: { name: 'tiny' }, cycle: { slot: 'a' } });
  await copyToB(vm);
  await leave(vm);
});

test('a damaged system is made anew of the backup', async () => {
  await zeroDisk(machine.disk, MIB + 64 * 1024, 4096);
  await using vm = await machine.alone();
  await vm.console(/tiny: init/);
  expect(vm.transcript).toMatch(/copy \/dev\/vda2 to slot a \(\/dev\/vda1\)/);
  expect(await recordOf(vm)).toMatchObject({ source: 'copy', cycle: { slot: 'a' } });
  await leave(vm);
});
