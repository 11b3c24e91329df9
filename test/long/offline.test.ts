import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type KeepingMachine, keepingMachine } from '../boot/lab/keeping-machine.ts';
import { PATHS } from '../boot/lab/serve-images.ts';

describe('a machine whose copy on its disk, or whose controller, is harmed', () => {
  let machine: KeepingMachine;
  let machineId: string;

  beforeAll(async () => {
    machine = await keepingMachine();
    {
      await using vm = await machine.boot();
      await vm.console(/tiny: init/);
      machineId = await vm.shell('cat /etc/machine-id && sync');
    }
    // The plan that is kept is then one of a boot from the copy.
    machine.server.fault(PATHS.boot, { kind: 'hang' });
    await using vm = await machine.boot();
    await vm.console(/tiny: init/);
    await vm.shell('sync');
  });
  afterAll(() => machine[Symbol.asyncDispose]());

  test('boots by the plan of the last good boot when the controller is killed half-way', async () => {
    await using vm = await machine.boot({ cmdline: 'statectl.break=install', expects: 'trouble', panic: '' });
    await vm.event('break', { phase: 'install' });
    await vm.console(/rescue:\S*# /);
    vm.type('kill -9 $(pidof statectl)\n');
    await vm.console(/the controller ended with status 137/);
    await vm.console(/tiny: init/);
    expect(await vm.shell('cat /etc/machine-id')).toBe(machineId);
  });

  test('does not run a plan that was altered', async () => {
    {
      await using vm = await machine.boot();
      await vm.console(/tiny: init/);
      await vm.shell('echo "echo evil >/dev/kmsg" >> /user-data/persistent/statectl/plan.sh && sync');
    }
    await using vm = await machine.boot({ initramfs: machine.damagedInitramfs, expects: 'trouble' });
    await vm.console(/the controller ended with status 127/);
    expect(await vm.ended()).toBe('guest-reset');
    expect(vm.transcript).not.toMatch(/evil|booting by the plan|tiny: init/);
  });

  test('mounts no altered copy, and fetches a new one as soon as a server answers', async () => {
    {
      await using vm = await machine.boot();
      await vm.console(/tiny: init/);
      await vm.shell(`echo x | dd of=${machine.copy} bs=1 seek=500000 conv=notrunc && sync`);
    }
    await using vm = await machine.boot({ expects: 'trouble', panic: '' });
    const failed = await vm.event('failed');
    expect(failed).toMatchObject({ phase: 'update', code: 'image-altered' });
    expect(failed.text).toContain(`the signed manifest says ${machine.server.manifest.root.sha256}`);
    await vm.rescueShell();
    expect(await vm.shell('cat /proc/mounts')).not.toMatch(/ \/run\/statectl\/image | \/sysroot /);
    machine.server.heal();
    vm.type('exit\n');
    await vm.console(/tiny: init/);
    expect(await machine.recordOf(vm)).toMatchObject({ source: 'fetched' });
    expect(await vm.shell(`sha256sum ${machine.copy}`)).toContain(machine.server.manifest.root.sha256);
  });
});
