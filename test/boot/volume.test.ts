import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { sha256Of } from '../../src/signed/bundle/manifest.ts';
import { writeTar } from '../../src/signed/plain-tar.ts';
import { HANG_MS } from '../fixtures/hang.ts';
import { makeCertificate } from '../fixtures/identity/certificates.ts';
import { DEVICE, PLACE, VolumeLab } from '../fixtures/volume/volume-lab.ts';
import { countingWrites, fsyncTimes } from '../fixtures/volume/volume-writes.ts';

const EXTRA = writeTar(new Map([['extra.py', Buffer.from('ANSWER = 42\n')]]));

let lab: VolumeLab;
let web: Server;
let authority: string;

beforeAll(async () => {
  web = createServer((_, response) => response.end(EXTRA)).listen(0, '127.0.0.1');
  await once(web, 'listening');
  const { port } = web.address() as AddressInfo;
  authority = (await makeCertificate({ name: 'farm' })).pem;
  lab = await VolumeLab.make({
    logName: 'volume',
    config: {
      'templates/motd': '---\npath: /etc/motd\n---\n{{ node.name }} of the farm\n',
      'controller/cetc.conf': 'templates: [motd]\n',
      'controller/coverlays.conf': '/opt: { kind: overlay }\n',
      'controller/ctmpfs.conf': '/var/tmp: { size: 2M }\n',
      'controller/cidentity.conf': `authorities: [${JSON.stringify(authority)}]\n`,
      'controller/cpython.conf': `extra: { url: "http://10.0.2.2:${port}/extra.tar", sha256: ${sha256Of(EXTRA)}, services: [klipper] }\n`,
    },
    // Both are switched on at once: it asks until its server is there.
    machine: {
      nics: [{}],
      cmdline:
        'ip=eth1:dhcp statectl.set=network.wait=900s statectl.set=server.tries=100 statectl.set=tmpfs./tmp.size=3M',
    },
  });
  const machine = await lab.switchOnMachine();
  await lab.bootManagement();
  await machine.console(/login: /);
});
afterAll(async () => {
  await lab?.[Symbol.asyncDispose]();
  web?.close();
});

const become = (state: string) =>
  expect.poll(() => lab.standing(), { timeout: HANG_MS, interval: 500 }).toEqual(expect.objectContaining({ state }));

test('a machine reads config.d and the kernel command line, fetches templated state, sets up tmpfs, overlay and drbd mounts, installs certificates and PYTHONPATH extras, and switches the root', async () => {
  const { machine } = lab;
  const mounts = await machine.run(`awk '{ print $2, $3, $4 }' /proc/mounts`);
  expect(mounts).toMatch(/^\/var\/tmp tmpfs \S*size=2048k/m);
  expect(mounts).toMatch(/^\/tmp tmpfs \S*size=3072k/m);
  expect(mounts).toMatch(/^\/opt overlay /m);
  expect(await machine.run('cat /etc/motd')).toBe('print13 of the farm');
  expect(await machine.run(`awk '$2 == "${PLACE}" { print $1, $3 }' /proc/mounts; stat -c %U ${PLACE}`)).toBe(
    `${DEVICE} ext4\npi`,
  );
  expect(await machine.run('cat /proc/drbd')).toContain('cs:Connected ro:Primary/Secondary ds:UpToDate/UpToDate A');
  expect(await machine.run('cat /etc/ssl/certs/ca-certificates.crt')).toContain(authority.trim());
  expect(await machine.run('ssh-keygen -L -f /run/statectl/ssh/ssh_host_key-cert.pub')).toContain('print13');
  expect(await machine.run('cat /run/statectl/python/extra/extra.py')).toBe('ANSWER = 42');
  expect(await machine.run('cat /etc/systemd/system/klipper.service.d/*.conf')).toContain(
    'PYTHONPATH=/run/statectl/python/extra',
  );
  expect(await machine.run('cat /proc/1/comm; stat -f -c %T /run/statectl/image')).toBe('systemd\nsquashfs');
  await become('in-step');
});

/** Behind one that held it up it would be the four seconds until a silent server counts as gone. Exact figures are the bench's. */
const LONGEST_FSYNC_MS = 2_000;

test('no fsync waits for a server that stands still, and what it lacks comes after it', async (context) => {
  const { machine, management } = lab;
  await management.vm.qmp('stop');
  const times = await fsyncTimes(machine, { seconds: 6 });
  await become('ahead');
  await management.vm.qmp('cont');
  await context.annotate(`${times.length} writes, longest fsync ${times.at(-1)} ms`);
  expect(times.at(-1)).toBeLessThan(LONGEST_FSYNC_MS);
  await become('in-step');
});

test('what was made sure of a second before the machine loses its power is on the disk of the management host', async () => {
  const count = await countingWrites(lab.machine);
  const aSecondBefore = Number(await lab.machine.run(`cat ${count}; sleep 1`));
  await lab.pullPlug('machine');
  const { vm } = lab.management;
  await vm.run('until grep -q WFConnection /proc/drbd; do sleep 0.2; done');
  const place = count.replace(PLACE, '/mnt');
  expect(Number(await vm.run(`drbdadm primary all && mount ${DEVICE} /mnt && cat ${place}`))).toBeGreaterThanOrEqual(
    aSecondBefore,
  );
});
