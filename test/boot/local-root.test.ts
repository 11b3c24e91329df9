import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { DEMO } from '../../build/demo.ts';
import { type DiskFile, makeDisk } from '../fixtures/vm/disk.ts';
import { type InitramfsFile, initramfsWith } from '../fixtures/vm/images/initramfs.ts';
import { makeTinyTree } from '../fixtures/vm/images/tiny-system.ts';
import { bootMachine, type Machine } from './lab/machine.ts';

test('the example with an empty /var boots a Debian with no failed unit and with its packages known', async () => {
  const example = await readFile('config.d/system/examples/overlays.empty-var.conf', 'utf8');
  await using initramfs = await initramfsWith({ 'config.d/system/overlays.conf': example });
  await using vm = await bootMachine({
    disks: [{ file: `${DEMO.image}/root.squashfs`, temporary: true }],
    initramfs: initramfs.file,
    cmdline: 'root=/dev/vda',
  });
  // The boot needed no network; the system has it: DHCP on its wired card.
  await vm.run('until ip -4 -o address show scope global | grep -q 10.0.2.15/24; do sleep 0.2; done');
  await vm.run('until resolvectl dns | grep -q 10.0.2.3; do sleep 0.2; done');
  expect(await vm.run('ip -4 route show default')).toMatch(/^default via 10\.0\.2\.2 dev \S+ proto dhcp/);
  expect(await vm.run('systemctl is-system-running --wait || systemctl --failed --no-legend')).toBe('running');
  expect(await vm.run('systemctl --failed --no-legend')).toBe('');

  expect(await vm.run('findmnt -no FSTYPE -M /var')).toBe('tmpfs');
  const inVar = async (dir: string, which: string) =>
    (await vm.run(`cd ${dir} && find . -path ./lib/dpkg -prune -o ${which}`)).split('\n');
  const skeleton = "'(' -type d -o -type l ')' -printf '%M %u:%g %p %l\\n'";
  const image = '/run/statectl/image/var';
  expect(await inVar('/var', skeleton)).toEqual(expect.arrayContaining(await inVar(image, skeleton)));
  expect(await inVar(image, "-type f -exec test -e /var/{} ';' -print")).toEqual(['']);

  expect(await vm.run('dpkg -l systemd')).toMatch(/^ii +systemd +\d/m);
  expect(await vm.run('dpkg-query -W')).toBe(await vm.run(`dpkg-query --admindir=${image}/lib/dpkg -W`));

  // The kernel takes this for a squashfs on a partition without a word, and leaves it read-only.
  await vm.run('mount -o remount,rw / || true');
  expect(await vm.run('findmnt -no FSTYPE,OPTIONS /')).toMatch(/^squashfs +ro,/);
  for (const path of ['/x', '/usr/x', '/opt/x']) await expect(vm.run(`echo x > ${path}`)).rejects.toThrow('Read-only');
  await vm.run('touch /etc/x /var/x /var/lib/dpkg/x /root/x /home/x /mnt/x /media/x');
});

describe('a foreign squashfs, in which nobody made mount points', () => {
  let dir: string;
  let disk: DiskFile;
  let vm: Machine;

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'statectl-foreign-'));
    await makeTinyTree(dir, { foreign: true });
    disk = await makeDisk({ type: 'squashfs', tree: dir });
    vm = await bootMachine({ disks: [disk], cmdline: 'root=/dev/vda', memoryMiB: 512 });
  });
  afterAll(async () => {
    await vm[Symbol.asyncDispose]();
    await disk[Symbol.asyncDispose]();
    await rm(dir, { recursive: true });
  });

  test('gets them from a read-only overlay', async () => {
    await vm.console(/tiny: init/);
    expect(await vm.shell('cat /proc/mounts')).toMatch(/ \/ overlay ro,/);
    await vm.shell('cd /user-data/persistent/local && touch /tmp/x /etc/x /var/x /home/x root/x');
  });

  test('cannot be made writable', async () => {
    await expect(vm.shell('mount -o remount,rw /')).rejects.toThrow();
    await expect(vm.shell('echo x > /bin/x')).rejects.toThrow('Read-only file system');
  });
});

describe('a machine whose root is not what the command line says', () => {
  let disks: readonly DiskFile[];
  let initramfs: InitramfsFile;
  let vm: Machine;

  beforeAll(async () => {
    const empty = { type: 'ext4', label: 'no-init' } as const;
    disks = [await makeDisk(empty), await makeDisk({ type: 'squashfs', tree: inject('tinyTree'), label: 'good' })];
    initramfs = await initramfsWith({ 'etc/cmdline.d/test.conf': 'root=LABEL=nowhere rootdelay=2\n' });
    vm = await bootMachine({ disks, initramfs: initramfs.file, panic: '', expects: 'trouble', memoryMiB: 512 });
  });
  afterAll(async () => {
    await vm[Symbol.asyncDispose]();
    for (const each of [initramfs, ...disks]) await each[Symbol.asyncDispose]();
  });

  async function tryAgainWith(cmdline: string) {
    await vm.shell(`echo '${cmdline}' > /etc/cmdline.d/test.conf`);
    vm.type('exit\n');
  }

  async function refusal() {
    const failed = await vm.event('failed');
    await vm.rescueShell();
    return failed;
  }

  test('says visibly how long it waits for the root, and lists what is there instead', async () => {
    await vm.console(/LABEL=nowhere did not appear in 2 s/);
    const failed = await refusal();
    expect(failed).toMatchObject({ phase: 'slot', code: 'root-missing' });
    expect(failed.text).toMatch(
      /the root LABEL=nowhere is not there; there are \/dev\/vda \(ext4, LABEL=no-init, UUID=\S+\), \/dev\/vdb \(squashfs\)/,
    );
    expect(failed.hint).toContain('a disk that is not listed may need a driver');
  });

  test.each([
    ['root=', 'root-missing', 'No or empty root= argument'],
    ['root=LABLE=good', 'root-unknown', "Don't know how to handle 'root=LABLE=good'"],
    ['root=nfs:server:/x', 'root-unsupported', 'a root that statectl does not support yet'],
  ])('refuses %s', async (cmdline, code, text) => {
    await tryAgainWith(cmdline);
    const failed = await refusal();
    expect(failed.code).toBe(code);
    expect(failed.text).toContain(text);
    expect(failed.hint).toBeTruthy();
  });

  test('says that a root has no init, and what may be one', async () => {
    await tryAgainWith('root=LABEL=no-init');
    const failed = await refusal();
    expect(failed).toMatchObject({ phase: 'handover', code: 'init-missing' });
    expect(failed.text).toBe('the root has no executable /sbin/init, /etc/init, /bin/init, /bin/sh');
  });

  test('says that the init which was asked for is not there', async () => {
    await tryAgainWith('root=/dev/vdb init=/sbin/nothing');
    expect((await refusal()).text).toBe('the root has no executable /sbin/nothing');
  });

  test('boots at the next try when the root is right', async () => {
    await tryAgainWith('root=/dev/vdb');
    await vm.event('handed-over');
    await vm.console(/tiny: init/);
  });
});
