import { execa } from 'execa';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { copyToB, leave, recordOf, type SlotMachine, slotMachine } from '../../boot/lab/slot-machine.ts';

let machine: SlotMachine;
beforeAll(async () => {
  machine = await slotMachine('tree');
});
afterAll(async () => {
  await machine[Symbol.asyncDispose]();
});

test('an image is unpacked on the partition of slot a, and mounted from there', async () => {
  await using vm = await machine.boot({ server: machine.server });
  await vm.console(/unpack \S+ in slot a/);
  await vm.console(/tiny: init/);
  expect(vm.transcript).not.toMatch(/DEGRADED/);
  expect(await recordOf(vm)).toMatchObject({ source: 'fetched', root: { type: 'ext4' }, cycle: { slot: 'a' } });
  expect(await vm.shell('cat /proc/mounts')).toMatch(/^\/dev\/vda1 \S+ ext4 ro/m);
  expect(await vm.shell('ls /user-data/persistent/images')).toBe('');
  await leave(vm);
});

test('its files are verified, and it boots from there without its server, which is gone from now on', async () => {
  await machine.server[Symbol.asyncDispose]();
  await using vm = await machine.alone();
  await vm.console(/verify the files on \/dev\/vda1/);
  await vm.console(/tiny: init/);
  expect(await recordOf(vm)).toMatchObject({ source: 'copy', image: { name: 'tiny' }, cycle: { slot: 'a' } });
  await copyToB(vm);
  await leave(vm);
});

test('a tree with a file too many is mended of the backup, and is the system that boots', async () => {
  await execa('debugfs', ['-w', '-R', 'write /etc/hostname own', `${machine.disk.file}?offset=${2 ** 20}`]);
  await using vm = await machine.alone();
  await vm.console(/tiny: init/);
  expect(vm.transcript).toMatch(/not as its image: \/own \(extra\)/);
  expect(vm.transcript).toMatch(/make slot a \(\/dev\/vda1\) as \/dev\/vda2 is/);
  expect(await recordOf(vm)).toMatchObject({ source: 'copy', root: { type: 'ext4' }, cycle: { slot: 'a' } });
  expect(await vm.shell('ls -a /')).not.toMatch(/\bown\b/);
  await leave(vm);
});
