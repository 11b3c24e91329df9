import { once } from 'node:events';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DEMO } from '../../build/demo.ts';
import { PHASE_NAMES } from '../../src/boot/phase.ts';
import { writeCpio } from '../../src/image/initramfs/cpio/cpio.ts';
import type { BootRecord } from '../../src/machine/boot-record.ts';
import { bootMachine, type Machine } from './lab/machine.ts';
import { type ServedImages, serveImages } from './lab/serve-images.ts';

const BROKEN_AFTER_BYTES = 30_000_000;

describe('a machine that config.d gives another kernel', () => {
  test('boots that, with its initrds in their order and its arguments alone', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'statectl-foreign-'));
    const init = [
      '#!/bin/busybox sh',
      '/bin/busybox mkdir -p /proc && /bin/busybox mount -t proc proc /proc',
      'echo "installer: $(/bin/busybox cat /proc/cmdline), $(/bin/busybox cat /which)"',
      'exec /bin/busybox sleep 1000',
    ].join('\n');
    const files: Readonly<Record<string, Buffer>> = {
      '/vmlinuz': await readFile(`${DEMO.image}/vmlinuz`),
      '/one.img': writeCpio([
        { name: 'bin', type: 'dir', mode: 0o755 },
        { name: 'bin/busybox', type: 'file', mode: 0o755, data: await readFile('/bin/busybox') },
        { name: 'init', type: 'file', mode: 0o755, data: Buffer.from(init) },
        { name: 'which', type: 'file', mode: 0o644, data: Buffer.from('the first') },
      ]),
      '/two.img': writeCpio([{ name: 'which', type: 'file', mode: 0o644, data: Buffer.from('the second') }]),
    };
    await using elsewhere = createServer((request, response) => void response.end(files[request.url ?? '']));
    elsewhere.listen(0, '127.0.0.1');
    await once(elsewhere, 'listening');
    await cp('config.d', dir, { recursive: true });
    const url = `http://10.0.2.2:${(elsewhere.address() as AddressInfo).port}`;
    await writeFile(
      join(dir, 'nodes/everyone.conf'),
      `group: everyone\nnodes: all\nset:\n  boot:\n    kernel: ${url}/vmlinuz\n    initrd: [${url}/one.img, ${url}/two.img]\n    arguments: [console=ttyS0, install=now]\n`,
    );
    await using server = await serveImages('tiny', { config: dir });
    await using vm = await bootMachine({ netboot: server, memoryMiB: 512 });
    const [, line = ''] = await vm.console(/installer: (.*)\r?\n/);
    expect(line.trim()).toMatch(/console=ttyS0 install=now, the second$/);
    expect(line).not.toContain('statectl');
    await rm(dir, { recursive: true });
  });
});

describe('a machine with nothing but a network card', () => {
  let server: ServedImages;
  let vm: Machine;
  let record: BootRecord;

  beforeAll(async () => {
    server = await serveImages('demo');
    // The first transfer of the image breaks on its way.
    server.fault(new RegExp(server.manifest.root.sha256), { kind: 'reset', afterBytes: BROKEN_AFTER_BYTES }, 1);
    vm = await bootMachine({ netboot: server, memoryMiB: 2048 });
  });
  afterAll(async () => {
    await vm[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });

  test('boots by iPXE and HTTP to a login', async () => {
    await vm.event('handed-over', { init: '/sbin/init' });
    await vm.console(/login: /);
    record = JSON.parse(await vm.run('cat /run/statectl/boot.json')) as BootRecord;
    expect(server.log.find(({ path }) => path === '/boot.ipxe')).toMatchObject({ status: 200 });
  });

  test('goes on with a broken download where it stopped', () => {
    const answers = server.log.filter(({ path }) => path.endsWith(server.manifest.root.sha256));
    expect(answers.map(({ status }) => status)).toEqual([200, 206]);
    const from = Number(/^bytes=(\d+)-$/.exec(answers[1]?.range ?? '')?.[1]);
    expect(from).toBeGreaterThan(0);
    expect(from).toBeLessThanOrEqual(BROKEN_AFTER_BYTES);
    expect(answers[1]?.bytes).toBe(server.manifest.root.sizeBytes - from);
  });

  test('keeps a record of what it booted and how', () => {
    const { root, name, version, kernelRelease } = server.manifest;
    expect(record).toMatchObject({
      source: 'fetched',
      root: { type: 'squashfs', from: `${server.guestUrl}/blobs/sha256/${root.sha256}`, verified: true },
      image: { name, version, sha256: root.sha256 },
      server: server.guestUrl,
      kernelRelease,
      leases: [{ device: 'eth0', method: 'dhcp', address: '10.0.2.15', gateway: '10.0.2.2' }],
      machineId: { machineIdOrigin: 'derived' },
      init: '/sbin/init',
    });
    expect(record.phases.map((phase) => phase.name)).toEqual(PHASE_NAMES);
  });

  test('has a root that nobody can write to', async () => {
    expect(await vm.run('findmnt -no FSTYPE,OPTIONS /')).toMatch(/^(squashfs|overlay) +ro,/);
    await expect(vm.run('mount -o remount,rw /')).rejects.toThrow(/write-protected|cannot remount/);
    for (const path of ['/x', '/usr/x', '/usr/bin/x', '/opt/x', '/lib/x', '/srv/x'])
      await expect(vm.run(`echo x > ${path}`)).rejects.toThrow('Read-only file system');
  });

  test.each([
    ['/etc', 'tmpfs', ['rw', 'nosuid', 'nodev']],
    ['/var', 'overlay', ['rw']],
    ['/tmp', 'tmpfs', ['rw', 'nosuid', 'nodev', 'noexec']],
    ['/var/tmp', 'tmpfs', ['rw', 'nosuid', 'nodev', 'noexec']],
    ['/usr/tmp', 'tmpfs', ['rw', 'nosuid', 'nodev', 'noexec']],
    ['/user-data', 'tmpfs', ['rw', 'nosuid', 'nodev']],
    ['/root', 'tmpfs', ['rw']],
    ['/home', 'tmpfs', ['rw']],
    ['/mnt', 'tmpfs', ['rw']],
    ['/media', 'tmpfs', ['rw']],
    ['/run', 'tmpfs', ['rw', 'nosuid', 'nodev']],
  ])('has a writable %s on %s', async (path, type, options) => {
    const [found = '', flags = ''] = (await vm.run(`findmnt -no FSTYPE,OPTIONS -M ${path}`)).split(/\s+/);
    expect(found).toBe(type);
    expect(flags.split(',')).toEqual(expect.arrayContaining(options));
    await vm.run(`touch ${path}/written && rm ${path}/written`);
  });

  test('has the whole tree of /user-data, with the permissions of the documents', async () => {
    const tree = await vm.run(
      "cd /user-data && find . -xdev -mindepth 1 -maxdepth 3 -type d -printf '%m %P\\n' | sort -k 2",
    );
    expect(tree).toMatchInlineSnapshot(`
      "755 mnt
      755 persistent
      755 persistent/config.d
      755 persistent/etc
      755 persistent/local
      755 persistent/local/data
      755 persistent/local/home
      755 persistent/local/media
      755 persistent/local/mnt
      700 persistent/local/root
      755 persistent/logs
      755 persistent/rmount
      755 persistent/var
      755 tmpfs
      755 tmpfs/etc
      1777 tmpfs/tmp
      755 tmpfs/var"
    `);
  });

  test('keeps what the image had in the places that became writable', async () => {
    await vm.run('grep -q ^root: /etc/passwd && dpkg-query -W systemd && test -d /var/lib/dpkg/info');
    expect(await vm.run("stat -c '%a' /root /tmp /var/tmp")).toBe('700\n1777\n1777');
  });

  test('keeps the tool sets of its initramfs beside the runtime, which finds their programs and libraries', async () => {
    expect(await vm.run('findmnt -no FSTYPE,OPTIONS /run/initramfs/sets/fsck')).toMatch(/^squashfs +ro,/);
    const run = '/run/initramfs/rt/ld.so --library-path /run/initramfs/rt/lib /run/initramfs/rt/bin';
    expect(await vm.run(`${run}/fsck.ext4 -V 2>&1`)).toContain('EXT2FS Library version');
    expect(await vm.run(`${run}/dhcpcd --version`)).toMatch(/^dhcpcd \d/);
  });

  test('mounts nothing twice', async () => {
    const targets = (await vm.run("findmnt -rno TARGET,FSTYPE | grep -v ' autofs$' | cut -d ' ' -f 1")).split('\n');
    expect(targets.filter((target, index) => targets.indexOf(target) !== index)).toEqual([]);
  });

  test('runs systemd with no failed unit', async () => {
    expect(await vm.run('systemctl is-system-running --wait || systemctl --failed --no-legend')).toBe('running');
  });

  test('leaves the network to networkd, under the name that the interface had', async () => {
    expect(await vm.run('networkctl --no-legend list eth0')).toMatch(/eth0 +ether +routable +configured/);
  });

  test('keeps the logs of the initramfs over the switch', async () => {
    const journal = (await vm.run('cat /run/statectl/journal.jsonl')).split('\n').map((line) => JSON.parse(line));
    expect(journal.map(({ event }) => event)).toEqual(vm.events.map(({ event }) => event));
    expect(await vm.run('journalctl -b -t statectl -o cat')).toMatch(/initramfs ready[^]*handover \(10\/10\)/);
    expect(await vm.run('cat /run/initramfs/leases/eth0')).toContain('address=10.0.2.15');
  });

  test('has statectl in the running system, in every PATH, without having it in its image', async () => {
    expect(await vm.run('env -i PATH=/usr/bin:/bin statectl --version')).toBe(record.statectl);
    expect(await vm.run('systemd-run --quiet --pipe statectl --version')).toBe(record.statectl);
    await vm.run('/run/statectl/rt/statectl status');
    expect(await vm.run('/run/statectl/rt/statectl --version')).toBe(record.statectl);
    // Whoever has the binary has its notices.
    expect(await vm.run('/run/statectl/rt/statectl licences')).toMatch(
      /human-signals 8[^]*Node\.js 26[^]*END OF TERMS/,
    );
  });

  test('loses nothing at a reboot that anybody made', async () => {
    await vm.run('systemctl is-system-running --wait || true');
    expect(await vm.run('statectl status')).toMatch(/^would be lost at a reboot: nothing/m);
  });

  test('knows localhost without any service for names', async () => {
    expect(await vm.run('getent -s files ahostsv4 localhost; getent -s files ahostsv6 localhost')).toMatch(
      /127\.0\.0\.1 [^]*::1 /,
    );
  });

  test('reboots cleanly, and is the same machine afterwards', async () => {
    const machineId = await vm.run('cat /etc/machine-id');
    expect(machineId).toMatch(/^[0-9a-f]{32}$/);
    expect(machineId).toBe(record.machineId?.machineId);
    // As on a machine with another system beside this one, whose start is not proved yet.
    await vm.run('systemctl stop statectl-agent; rm /run/statectl/agent.json');
    const cycle = 'printf \'{"cycle":17,"bootId":"%s"}\' "$(cat /proc/sys/kernel/random/boot_id)"';
    await vm.run(`${cycle} > /run/statectl/cycle.json; systemctl start statectl-agent`);
    // What starts before the agent is stopped after it.
    const unit =
      '[Unit]\nBefore=statectl-agent.service\n[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\nExecStop=/bin/sh -c "cat /user-data/persistent/statectl/cycle/*.json >/dev/console"\n';
    await vm.run(
      `printf '${unit}' > /run/systemd/system/teller.service; systemctl daemon-reload; systemctl start teller`,
    );
    await vm.run('until test -s /user-data/persistent/statectl/cycle/alive.json; do sleep 0.2; done');
    await vm.run('systemctl --no-block reboot');
    expect(await vm.ended()).toBe('guest-reset');
    // That a person wanted it: no failed start.
    expect(vm.transcript).toMatch(/"cycle":17,.*"by":"reboot\.target"/);
    expect(vm.transcript).not.toMatch(/"cycle":17,.*"reason":/);
    expect(vm.transcript).toContain('Returning to initrd');
    expect(vm.transcript.match(/still mounted at shutdown.*/g)).toBeNull();
    await vm[Symbol.asyncDispose]();
    await using tiny = await serveImages('tiny');
    await using again = await bootMachine({ server: tiny });
    await again.console(/tiny: init/);
    expect(await again.shell('cat /etc/machine-id')).toBe(machineId);
  });
});
