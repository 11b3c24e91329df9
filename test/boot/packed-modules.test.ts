import { describe, expect, inject, test } from 'vitest';
import { makeDisk } from '../fixtures/vm/disk.ts';
import { initramfsOfXzModules, ubuntuImage } from '../fixtures/vm/ubuntu-image.ts';
import { bootMachine } from './machine.ts';

/** What the kernel and the two modprobes say of a module that they cannot read. */
const REFUSED = /Invalid ELF header magic|invalid module format|Exec format error|could not insert/i;

describe('a machine whose modules are packed', () => {
  test('boots a tree of Ubuntu’s make, with modules in zstd, by the network to a login', async () => {
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
    expect(await vm.run('modprobe dummy && modinfo -n dummy && grep -c ^dummy /proc/modules')).toMatch(
      /dummy\.ko\.zst\n1$/,
    );
    expect(await vm.run('systemctl is-system-running --wait || systemctl --failed --no-legend')).toBe('running');
  });

  test('boots with modules in xz, without a word of the kernel about them', async () => {
    await using disk = await makeDisk({ type: 'squashfs', tree: inject('tinyTree') });
    const initramfs = await initramfsOfXzModules();
    await using vm = await bootMachine({ initramfs, disks: [disk], cmdline: 'root=/dev/vda ip=dhcp', memoryMiB: 512 });
    await vm.console(/tiny: init/);
    expect(vm.transcript).not.toMatch(REFUSED);
    expect(await vm.shell('cut -d " " -f 1 /proc/modules')).toMatch(/virtio_net/);
  });
});
