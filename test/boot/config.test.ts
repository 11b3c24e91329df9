import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { BootRecord } from '../../src/machine/boot-record.ts';
import { HANG_MS } from '../fixtures/hang.ts';
import { type DiskFile, makeDisk } from '../fixtures/vm/disk.ts';
import { bootMachine, type Machine, type MachineOptions } from './lab/machine.ts';
import { PATHS, type ServedImages, serveImages } from './lab/serve-images.ts';

const UUID = '11111111-2222-3333-4444-000000000002';
/** Of a card that nothing is booted from. */
const SECOND_MAC = '52:54:00:77:00:01';

const LAB = {
  'system/etc.conf': 'files:\n  /etc/lab: { text: "of all\\n", mode: "0640" }\ntemplates: [motd]\n',
  'controller/tmpfs.conf': '/tmp: { size: 1M }\n/var/tmp: { size: 1M }\n/usr/tmp: { size: 1M }\n/srv/a: { size: 1M }\n',
  'controller/ctmpfs.conf': '/var/tmp: { size: 2M }\n/usr/tmp: { size: 2M }\n/srv/a: { size: 2M }\n',
  'nodes/all.conf':
    'group: all\nnodes: print[01-24]\nmetadata: { room: B12 }\nset: { tmpfs: { /usr/tmp: { size: 3M }, /srv/a: { size: 3M } } }\n',
  'nodes/print01.conf': `match: { mac: ${SECOND_MAC.replaceAll(':', '')} }\nset: { tmpfs: { /srv/a: { size: 4M } } }\n`,
  'nodes/print02.conf': `match: { uuid: ${UUID} }\nmetadata: { printer: voron }\nset: { etc: { files: { /home/kept: { text: "two\\n" } } } }\n`,
  'templates/motd':
    '---\npath: /etc/motd\n---\n{{ node.name }} in {{ metadata.room }}{% if metadata.printer %}, a {{ metadata.printer }}{% endif %}\n',
};

describe('machines whose settings come from a server', () => {
  let dir: string;
  let server: ServedImages;
  let disk: DiskFile;

  const edit = async (files: Readonly<Record<string, string>>): Promise<void> => {
    for (const [name, text] of Object.entries(files)) {
      await mkdir(dirname(join(dir, name)), { recursive: true });
      await writeFile(join(dir, name), text);
    }
  };
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'statectl-config-'));
    await cp('config.d', dir, { recursive: true });
    await edit(LAB);
    disk = await makeDisk({ type: 'ext4', label: 'user-data', sizeMiB: 256 });
    server = await serveImages('tiny', { config: dir });
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    await disk[Symbol.asyncDispose]();
    await rm(dir, { recursive: true });
  });

  /** Boots to the tiny system's shell. */
  const boot = async (options: MachineOptions): Promise<Machine> => {
    const vm = await bootMachine({ server, memoryMiB: 512, ...options });
    await vm.console(/tiny: init/);
    return vm;
  };
  const withDisk = () => boot({ uuid: UUID, disks: [disk], cmdline: 'statectl.set=network.wait=2s' });
  const originOf = async (vm: Machine) =>
    (JSON.parse(await vm.read('/run/statectl/boot.json')) as BootRecord).configOrigin;

  describe('of which one is the node of a card that it does not boot from', () => {
    let vm: Machine;
    beforeAll(async () => {
      const cmdline = 'statectl.set=tmpfs./usr/tmp.mode="0700"';
      vm = await boot({ nics: [{}, { mac: SECOND_MAC }], cmdline });
    });
    afterAll(() => vm[Symbol.asyncDispose]());

    test('it is found by that card, and has what is its own', async () => {
      expect(await vm.shell('cat /etc/hostname')).toBe('print01');
      expect(await vm.shell('cat /etc/motd; stat -c "%a %U" /etc/lab; cat /etc/lab')).toBe(
        'print01 in B12\n640 root\nof all',
      );
      expect(await originOf(vm)).toBe('fetched');
    });

    test('a node file beats a group, which beats cNAME.conf, which beats NAME.conf, and the kernel command line beats all', async () => {
      const mounts = await vm.shell('cat /proc/mounts');
      const sizeOf = (place: string) => new RegExp(` ${place} tmpfs \\S*size=(\\d+)k`).exec(mounts)?.[1];
      expect(['/tmp', '/var/tmp', '/usr/tmp', '/srv/a'].map(sizeOf)).toEqual(['1024', '2048', '3072', '4096']);
      expect(await vm.shell('stat -c %a /usr/tmp')).toBe('700');
    });
  });

  test('another machine gets what is its own, and it is kept on its disk', async () => {
    await using vm = await withDisk();
    expect(await vm.shell('cat /etc/motd /home/kept')).toBe('print02 in B12, a voron\ntwo');
    await vm.shell('sync');
  });

  test('no server: what was kept is in force', async () => {
    server.fault(PATHS.any, { kind: 'hang' });
    await using vm = await withDisk();
    expect(await originOf(vm)).toBe('cached');
    expect(await vm.shell('cat /etc/motd /home/kept')).toBe('print02 in B12, a voron\ntwo');
    server.heal();
  });

  test('an edit with a fault is not seen by any machine', async () => {
    await edit({ 'system/etc.conf': 'files: { /etc/lab: { txet: "x" } }\n' });
    await using vm = await withDisk();
    expect(await vm.shell('cat /etc/lab /home/kept')).toBe('of all\ntwo');
  });

  test('an edit is seen at the next boot, and what it dropped is gone, though it was kept', async () => {
    const before = await server.revision();
    await edit({
      'system/etc.conf': 'files:\n  /etc/lab: { text: "new\\n" }\n',
      'nodes/print02.conf': `match: { uuid: ${UUID} }\n`,
      'controller/ctmpfs.conf': '',
    });
    await expect.poll(server.revision, { timeout: HANG_MS }).not.toBe(before);
    await using vm = await withDisk();
    expect(await vm.shell('cat /etc/lab')).toBe('new');
    expect(await vm.shell('ls /etc/motd /home/kept 2>&1 | grep -c "No such"')).toBe('2');
    expect(await vm.shell('cat /proc/mounts')).toMatch(/ \/var\/tmp tmpfs \S*size=1024k/);
  });
});
