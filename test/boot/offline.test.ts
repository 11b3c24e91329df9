import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type KeepingMachine, keepingMachine } from './lab/keeping-machine.ts';
import { PATHS } from './lab/serve-images.ts';

const OTHER_UUID = '11111111-2222-3333-4444-555555555555';

describe('a machine with a disk for what persists, boot after boot', () => {
  let machine: KeepingMachine;
  let machineId: string;

  beforeAll(async () => {
    machine = await keepingMachine();
  });
  afterAll(() => machine[Symbol.asyncDispose]());

  test('keeps a verified copy of the image that it fetched', async () => {
    await using vm = await machine.boot();
    await vm.console(/tiny: init/);
    expect(await machine.recordOf(vm)).toMatchObject({
      source: 'fetched',
      persistent: { device: '/dev/vda', type: 'ext4' },
    });
    expect(await vm.shell(`sha256sum ${machine.copy}`)).toContain(machine.server.manifest.root.sha256);
    machineId = await vm.shell('cat /etc/machine-id');
    await vm.shell('echo mine > /home/kept && echo gone > /var/gone && sync');
  });

  test('boots the copy when no server answers, with what persists and nothing else', async () => {
    machine.server.fault(PATHS.boot, { kind: 'hang' });
    // Another board in the same case: who the machine is stands on the disk.
    await using vm = await machine.boot({ uuid: OTHER_UUID });
    await vm.console(/booting the copy of tiny 1 on this machine/);
    await vm.console(/tiny: init/);
    expect(await machine.recordOf(vm)).toMatchObject({
      source: 'copy',
      root: { verified: true },
      machineId: { machineIdOrigin: 'persistent' },
    });
    expect(await vm.shell('cat /etc/machine-id')).toBe(machineId);
    expect(await vm.shell('cat /home/kept')).toBe('mine');
    await expect(vm.shell('cat /var/gone')).rejects.toThrow('No such file');
  });

  test('boots by the plan of the last good boot when the controller cannot run', async () => {
    await using vm = await machine.boot({ initramfs: machine.damagedInitramfs, expects: 'trouble' });
    await vm.console(/runtime missing/);
    await vm.console(/the controller crashed: booting by the plan of the last good boot/);
    await vm.console(/tiny: init/);
    expect(await vm.shell('cat /etc/machine-id')).toBe(machineId);
    expect(await vm.shell('cat /home/kept')).toBe('mine');
    expect(await vm.shell('cat /proc/mounts')).toMatch(/ \/ squashfs ro,[^]* \/etc tmpfs rw,[^]* \/var overlay rw,/);
  });
});
