import { expect, test } from 'vitest';
import { bootMachine } from '../boot/lab/machine.ts';
import { ubuntuImage } from '../fixtures/vm/images/ubuntu-image.ts';

/** What the kernel and the two modprobes say of a module that they cannot read. */
const REFUSED = /Invalid ELF header magic|invalid module format|Exec format error|could not insert/i;

test('a tree of Ubuntu’s make boots to a login, with modules in zstd and xz, and no word of the kernel about them', async () => {
  const { root, kernel, initramfs } = await ubuntuImage();
  await using vm = await bootMachine({
    ...{ kernel, initramfs, disks: [{ file: root, temporary: true }] },
    cmdline: 'root=/dev/vda ip=dhcp',
  });
  await vm.console(/Ubuntu 24\.04 LTS/);
  await vm.console(/login: /);
  expect(vm.transcript).not.toMatch(REFUSED);
  expect(await vm.run('readlink /sys/class/net/*/device/driver')).toContain('virtio_net');
  expect(await vm.run('resolvectl status | grep -c 10.0.2.3')).not.toBe('0');
  // The running system loads its own modules, which stay packed.
  expect(await vm.run('modprobe dummy && modinfo -n dummy virtio_blk && grep -c ^dummy /proc/modules')).toMatch(
    /dummy\.ko\.zst\n.*virtio_blk\.ko\.xz\n1$/,
  );
  // ldconfig, sysusers and the journal's catalog have nothing to do: the builder said that /etc and /var are up to date.
  expect(await vm.run('systemctl show -P ConditionResult systemd-update-done.service')).toBe('no');
  expect(await vm.run('getent hosts localhost')).toContain('localhost');
  expect(await vm.run('systemctl is-system-running --wait || systemctl --failed --no-legend')).toBe('running');
});
