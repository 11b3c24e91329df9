import { once } from 'node:events';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { get } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DEMO } from '../../build/demo.ts';
import { linuxHost } from '../../src/host/linux/host.ts';
import type { BootRecord } from '../../src/machine/boot-record.ts';
import { openSecretStore } from '../../src/server/machines/secret-store.ts';
import { type MadeCertificate, makeCertificate } from '../fixtures/identity/certificates.ts';
import { type MachineKeys, machineKeys } from '../fixtures/identity/machine-keys.ts';
import { type DiskFile, makeDisk } from '../fixtures/vm/disk.ts';
import { type TlsFront, tlsFront } from '../fixtures/vm/network/tls-front.ts';
import { bootMachine, type Machine, type MachineOptions } from './lab/machine.ts';
import { PATHS, type ServedImages, serveImages } from './lab/serve-images.ts';

const UUID = '11111111-2222-3333-4444-000000000007';
const CANARY = 'canary-7f3a9c';

describe('a machine that has to prove who it is before it gets its secrets', () => {
  let dir: string;
  let server: ServedImages;
  let disk: DiskFile;
  let enrolments: MachineKeys;
  const transcripts: string[] = [];
  let lab: MadeCertificate;
  let front: TlsFront;

  beforeAll(async () => {
    lab = await makeCertificate({ name: 'lab' });
    dir = await mkdtemp(join(tmpdir(), 'statectl-identity-'));
    await cp('config.d', dir, { recursive: true });
    await writeFile(
      join(dir, 'nodes/print07.conf'),
      `match: { uuid: ${UUID} }
set:
  identity:
    secrets:
      /etc/moonraker/token: { secret: "secret:token", owner: "900:901", credential: moonraker }
      /etc/absent: { secret: "secret:absent" }
`,
    );
    // Whoever knows these settings can be sent to a proxy.
    await writeFile(
      join(dir, 'controller/cserver.info.conf'),
      `authentication: mtls\nauthorities: [${JSON.stringify(lab.pem)}]\n`,
    );
    disk = await makeDisk({ type: 'ext4', label: 'user-data', sizeMiB: 256 });
    server = await serveImages('tiny', { config: dir, enrols: true });
    await (await openSecretStore(linuxHost(), server.state)).write('token', Buffer.from(CANARY));
    const machines = await readFile(`${DEMO.keys}/ca.pem`, 'utf8');
    const target = { host: '127.0.0.1', port: Number(new URL(server.guestUrl).port) };
    front = await tlsFront(target, { issuer: lab, machines });
    enrolments = await machineKeys(server.state);
  });
  afterAll(async () => {
    await enrolments[Symbol.asyncDispose]();
    await front[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
    await disk[Symbol.asyncDispose]();
    await rm(dir, { recursive: true });
  });

  const boot = async (options: MachineOptions = {}): Promise<Machine> => {
    const vm = await bootMachine({
      server,
      uuid: UUID,
      memoryMiB: 512,
      disks: [disk],
      cmdline: 'statectl.set=network.wait=2s',
      ...options,
    });
    await vm.console(/tiny: init/);
    return vm;
  };
  const blobsOf = ({ log }: ServedImages) => log.filter(({ path }) => PATHS.blob.test(path));
  const recordOf = async (vm: Machine) => JSON.parse(await vm.shell('cat /run/statectl/boot.json')) as BootRecord;

  test('waits for a person, and shows the fingerprint that the server shows too', async () => {
    await using vm = await boot();
    const { identity, warnings } = await recordOf(vm);
    expect(identity).toMatchObject({ state: 'pending', secrets: [] });
    expect(await enrolments.list('pending')).toMatchObject([{ node: 'print07', claims: { uuid: UUID } }]);
    expect(warnings).toContain(
      `this machine waits to be approved. Compare on the server: statectl node approve ${identity?.fingerprint}`,
    );
    expect(await vm.shell('ls /etc/moonraker/token 2>&1 || true')).toContain('No such file');
    await vm.shell('sync');
    transcripts.push(vm.transcript);
  });

  test('that was approved has its secrets in RAM, for their owner, and as a credential', async () => {
    const [waiting] = await enrolments.list('pending');
    if (!waiting) throw new Error('nobody waits');
    await enrolments.approve({ ...waiting, node: 'print07', proof: 'person' });
    // The second of three: the others are dead.
    const guestUrl = ['http://10.0.2.2:9', server.guestUrl, 'http://10.0.2.2:10'].join(',');
    await using vm = await boot({ server: { guestUrl } });
    const { identity } = await recordOf(vm);
    expect(identity).toMatchObject({
      state: 'approved',
      server: server.guestUrl,
      node: 'print07',
      proof: 'person',
      secrets: ['/etc/moonraker/token'],
      missing: { '/etc/absent': 'the server has no secret:absent' },
    });
    // Everything that a boot leaves to be read, but the secrets themselves.
    const left = 'find /run/statectl /run/initramfs /var/log -xdev -type f -size -1000k -exec grep -l canary- {} +';
    expect(await vm.shell(`${left}; dmesg | grep canary- || true`)).toBe('/run/statectl/identity/secrets/0');
    expect(
      await vm.shell(
        'stat -L -c "%a %u:%g" /etc/moonraker/token; stat -f -L -c %T /etc/moonraker/token; stat -c %a /run/statectl/identity/key.pem',
      ),
    ).toBe('600 900:901\ntmpfs\n600');
    expect(await vm.shell('cat /run/credstore/moonraker | md5sum; cat /etc/moonraker/token | md5sum')).toMatch(
      /^(\w+) .*\n\1 /,
    );
    expect(await vm.shell('find /user-data -xdev -type f -size -1000k -exec grep -l canary- {} + || true')).toBe('');
    await vm.shell('sync');
    transcripts.push(vm.transcript);
  });

  test('has them without any server, as long as its certificate is valid', async () => {
    const cmdline = 'statectl.set=network.wait=2s statectl.set=server.tries=1';
    await using vm = await boot({ server: { guestUrl: 'http://10.0.2.2:9' }, cmdline });
    expect((await recordOf(vm)).identity).toMatchObject({ state: 'offline', secrets: ['/etc/moonraker/token'] });
    expect(await vm.shell('test "$(cat /etc/moonraker/token | wc -c)" = 13 && echo there')).toBe('there');
    await vm.shell('rm -r /user-data/persistent/images && sync');
    transcripts.push(vm.transcript);
  });

  test('gets its image through a proxy that lets in nobody without a certificate', async () => {
    const before = blobsOf(server).length;
    await using vm = await boot({ server: front });
    expect(await recordOf(vm)).toMatchObject({
      source: 'fetched',
      server: front.guestUrl,
      root: { verified: true },
      identity: { state: 'approved', server: front.guestUrl, secrets: ['/etc/moonraker/token'] },
    });
    expect(blobsOf(server).slice(before)).toMatchObject([{ status: 200, bytes: server.manifest.root.sizeBytes }]);
    const paths = front.asked.map(({ path }) => path);
    expect(paths).toEqual(expect.arrayContaining(['/v1/bundle', '/v1/boot', '/v1/tls', '/v1/reports']));
    expect(new Set(front.asked.map(({ name }) => name))).toEqual(new Set(['print07']));
    transcripts.push(vm.transcript);
  });

  test('is the one that the proxy lets in: neither one without a certificate nor with that of another authority', async () => {
    const before = front.asked.length;
    const foreign = await makeCertificate({ name: 'print07', issuer: lab, isAuthority: false });
    for (const own of [{}, { cert: foreign.pem, key: foreign.keyPem }]) {
      const options = { host: '127.0.0.1', port: front.port, path: '/healthz', ca: lab.pem, agent: false, ...own };
      const asking = get({ ...options, checkServerIdentity: () => undefined });
      await expect(once(asking, 'response')).rejects.toThrow(/alert|ECONNRESET|hang up/);
    }
    expect(front.asked).toHaveLength(before);
  });

  test('without a disk and unknown has none, and says so', async () => {
    await using vm = await boot({ disks: [] });
    const { identity } = await recordOf(vm);
    expect(identity).toMatchObject({ state: 'pending', secrets: [] });
    // Another key for a node that has one already.
    expect(await enrolments.list('pending')).toMatchObject([
      { alarm: expect.stringContaining('print07 has another key already') },
    ]);
    transcripts.push(vm.transcript);
  });

  test('no secret was on a console, nor in the server’s log', () => {
    expect(transcripts.join('') + JSON.stringify(server.log)).not.toContain(CANARY);
  });
});
