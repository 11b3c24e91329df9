import { describe, expect, test } from 'vitest';
import { bootMachine } from '../boot/lab/machine.ts';
import { initramfsWith, initramfsWithFlippedByte } from '../fixtures/vm/images/initramfs.ts';

/** Short patience, so that a test does not wait for what will not come. */
const IMPATIENT = { 'config.d/controller/cserver.info.conf': 'tries: 2\nstall: 2s\n' };

describe('a machine whose initramfs was damaged on its way', () => {
  test('does not run a runtime of which one byte changed, and reboots as panic= says', async () => {
    await using initramfs = await initramfsWithFlippedByte('runtime.squashfs');
    await using vm = await bootMachine({
      initramfs: initramfs.file,
      cmdline: 'root=LABEL=nowhere',
      expects: 'trouble',
    });
    await vm.console(/\/runtime\.squashfs is not what the builder made: the initramfs was damaged/);
    await vm.console(/runtime missing/);
    expect(await vm.ended()).toBe('guest-reset');
    expect(vm.events).toEqual([]);
  });

  test('loads no driver from modules of which one byte changed', async () => {
    await using initramfs = await initramfsWithFlippedByte('modules.squashfs');
    await using vm = await bootMachine({
      initramfs: initramfs.file,
      cmdline: 'root=LABEL=nowhere rootdelay=1',
      expects: 'trouble',
    });
    await vm.console(/\/modules\.squashfs is not what the builder made: the initramfs was damaged/);
    expect(await vm.event('failed')).toMatchObject({ text: expect.stringContaining('there is no disk at all') });
    expect(await vm.ended()).toBe('guest-reset');
  });
});

describe('a machine on a network where nobody answers', () => {
  test('says that no DHCP server answered, and what to look at', async () => {
    await using initramfs = await initramfsWith({
      ...IMPATIENT,
      'config.d/controller/cnetwork.conf': 'dhcp: 4s\ntries: 1\n',
    });
    await using vm = await bootMachine({
      initramfs: initramfs.file,
      // A hub with no other machine on it.
      nics: [{ netdev: 'hubport,hubid=1' }],
      cmdline: 'statectl.server=http://10.0.2.2:9 ip=dhcp',
      expects: 'trouble',
    });
    await vm.console(/no DHCP server answered on eth0 within \d+ s/);
    const failed = await vm.event('failed');
    expect(failed).toMatchObject({ phase: 'bundle', code: 'no-network' });
    expect(failed.hint).toContain('does a DHCP server answer?');
    await vm.console(/no prompt \(panic=-1\)/);
    expect(await vm.ended()).toBe('guest-reset');
    expect(vm.transcript).not.toMatch(/press Enter|rescue:\S*#/);
  });
});
