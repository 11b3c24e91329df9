import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { IdentityFile } from '../../../src/config/schema/identity.ts';
import { linuxHost } from '../../../src/host/linux/host.ts';
import { memoryHost } from '../../../src/host/memory.ts';
import { authority } from '../../../src/identity/certificates/authority.ts';
import { enrolMachine } from '../../../src/identity/machine/enrol-machine.ts';
import { placeHostKey } from '../../../src/identity/machine/ssh-host-key.ts';
import type { StepOf } from '../../../src/machine/steps/step.ts';
import { type RunningServer, startServer } from '../../../src/server/listen.ts';
import { openSecretStore } from '../../../src/server/machines/secret-store.ts';
import { placeAuthority } from '../../fixtures/identity/authority.ts';
import { machineKeys } from '../../fixtures/identity/machine-keys.ts';

const HOME = '/disk/identity';
const TO = '/run/statectl/identity';
const DAY = 86_400_000;

let dir: string;
let server: RunningServer;
let caPem: string;
let trust: 'proven' | 'network';

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'statectl-enrolling-'));
  const host = linuxHost();
  caPem = (await placeAuthority(host, `${dir}/keys`)).certificatePem;
  const identity = () =>
    IdentityFile.parse({ trust, secrets: { '/etc/token': { secret: 'secret:token', trust: 'network' } } });
  const found = async () => ({ node: 'print01', identity: identity(), users: {} });
  server = await startServer({
    state: dir,
    host,
    listen: { host: '127.0.0.1', port: 0 },
    log: () => undefined,
    graceMs: 0,
    secure: {
      listen: { host: '127.0.0.1', port: 0 },
      nodes: { ofMachine: found, ofNode: found },
      alarm: () => undefined,
    },
  });
  await (await openSecretStore(host, dir)).write('token', Buffer.from('canary'));
});
afterAll(async () => {
  await server.stop();
  rmSync(dir, { recursive: true });
});
beforeEach(async () => {
  trust = 'proven';
  await using enrolments = await machineKeys(dir);
  for (const { digest } of await enrolments.list()) await enrolments.forget(digest);
});

const newMachine = (pem = caPem) => memoryHost({ files: { '/etc/trust/ca.pem': pem } });
type Machine = ReturnType<typeof newMachine>;

async function run(
  machine: Machine,
  { nowMs = Date.now(), ...changes }: Partial<StepOf<'enrol'>> & { readonly nowMs?: number } = {},
) {
  const warned: string[] = [];
  const { files } = machine;
  const { http } = linuxHost();
  await enrolMachine(
    {
      kind: 'enrol',
      urls: [server.url],
      machine: { mac: '52:54:00:12:34:01' },
      trust,
      authorities: [],
      home: HOME,
      isKept: true,
      to: TO,
      hostCertificate: false,
      isNeeded: true,
      limits: { connectMs: 2000, stallMs: 2000, tries: 1 },
      ...changes,
    },
    { files, http, tpm: machine.tpm, clock: { ...machine.clock, now: () => nowMs } },
    { say: () => {}, warn: (text) => void warned.push(text), signal: new AbortController().signal },
  );
  const state = JSON.parse(await files.readText(`${TO}/state.json`)) as Record<string, unknown>;
  const secret = await files.readText(`${TO}/secrets/0`).catch(() => undefined);
  return { warned, state, secret };
}
const approveAll = async () => {
  await using enrolments = await machineKeys(dir);
  for (const entry of await enrolments.list('pending'))
    await enrolments.approve({ ...entry, node: 'print01', proof: 'person' });
};
const approved = async () => {
  const machine = newMachine();
  await run(machine);
  await approveAll();
  await run(machine);
  return machine;
};
const GONE = { urls: ['http://127.0.0.1:9'] };

describe('a machine that enrols', () => {
  it('waits with its own key, which stays the same and is for its owner only', async () => {
    const machine = newMachine();
    const first = await run(machine);
    expect(first.state).toMatchObject({ state: 'pending', secrets: [] });
    expect((await run(machine)).state.fingerprint).toBe(first.state.fingerprint);
    expect((await machine.files.stat(`${HOME}/machine.key`))?.mode).toBe(0o600);
  });

  it('gets its certificate and its secrets once somebody approved it, and no secret is told', async () => {
    const machine = await approved();
    const { state, secret, warned } = await run(machine);
    expect(state).toMatchObject({ state: 'approved', node: 'print01', proof: 'person' });
    expect([secret, warned]).toEqual(['canary', []]);
    expect(JSON.stringify(state)).not.toContain('canary');
    for (const path of [`${TO}/secrets/0`, `${TO}/key.pem`, `${TO}/state.json`, `${HOME}/secrets.age`])
      expect((await machine.files.stat(path))?.mode).toBe(0o600);
    expect((await machine.files.read(`${HOME}/secrets.age`)).toString('latin1')).not.toContain('canary');
  });

  it('lives from what it kept while no server is there, until its certificate ends', async () => {
    const machine = await approved();
    expect(await run(machine, GONE)).toMatchObject({ state: { state: 'offline' }, secret: 'canary' });
    const late = await run(machine, { ...GONE, nowMs: Date.now() + 31 * DAY });
    expect(late.secret).toBeUndefined();
    expect(late.warned.at(-1)).toContain('boots without secrets');
  });

  it('takes the next server when one is dead', async () => {
    trust = 'network';
    const { state, warned } = await run(newMachine(), { urls: [...GONE.urls, server.url], trust });
    expect(state).toMatchObject({ state: 'approved', proof: 'network', server: server.url });
    expect(warned).toEqual([expect.stringContaining('http://127.0.0.1:9 did not say')]);
  });

  it('loses what it kept when its key is revoked', async () => {
    const machine = await approved();
    {
      await using enrolments = await machineKeys(dir);
      for (const { digest } of await enrolments.list()) await enrolments.decide(digest, 'revoked');
    }
    expect(await run(machine)).toMatchObject({ state: { state: 'denied' }, secret: undefined });
    expect((await run(machine, GONE)).secret).toBeUndefined();
  });

  it('has its SSH host key signed, which ssh-keygen reads', async () => {
    const machine = await approved();
    const { warned } = await run(machine, { hostCertificate: true });
    expect(warned).toEqual([]);
    await placeHostKey(machine, HOME, '/run/statectl/ssh');
    expect(await machine.files.readText('/run/statectl/ssh/sshd.conf')).toContain(
      'HostKey /run/statectl/ssh/ssh_host_key\nHostCertificate /run/statectl/ssh/ssh_host_key-cert.pub\n',
    );
    for (const name of ['ssh_host_key', 'ssh_host_key-cert.pub'])
      writeFileSync(join(dir, name), await machine.files.read(`/run/statectl/ssh/${name}`), { mode: 0o600 });
    const described = execFileSync('ssh-keygen', ['-L', '-f', join(dir, 'ssh_host_key-cert.pub')]).toString();
    expect(described).toMatch(/Type: ecdsa-sha2-nistp256-cert-v01@openssh.com host certificate/);
    expect(described).toMatch(/Principals: \n\s+print01\n/);
    // The private key is the certificate's.
    const shown = execFileSync('ssh-keygen', ['-l', '-f', join(dir, 'ssh_host_key')])
      .toString()
      .split(' ')[1];
    expect(described).toContain(shown);
  });

  it('tells nothing to a server of another authority', async () => {
    const other = await authority({ ...linuxHost(), console: { line: () => undefined } }, `${dir}/other`);
    const { state, warned } = await run(newMachine(other.certificatePem));
    expect(state).toMatchObject({ state: 'offline' });
    await using enrolments = await machineKeys(dir);
    expect(await enrolments.list()).toEqual([]);
    expect(warned[0]).toMatch(/the TLS connection was refused/);
  });

  it('makes a new key where the old one is damaged, and has to prove that', async () => {
    const machine = await approved();
    await machine.files.write(`${HOME}/machine.key`, 'half');
    await run(machine, GONE);
    // The certificate that is kept is another key's.
    expect(await machine.files.stat(`${TO}/cert.pem`)).toBeUndefined();
    expect((await run(machine)).state.state).toBe('pending');
  });

  it('loses nothing of what it keeps when the TPM that sealed its key is away for a boot', async () => {
    const machine = await approved();
    const key = await machine.files.read(`${HOME}/machine.key`);
    await machine.files.write(`${HOME}/machine.key`, '{"format":1}');
    const { state, warned } = await run(machine);
    expect(state).toMatchObject({ state: 'pending', key: 'ram' });
    expect(warned[0]).toContain('is sealed by a TPM, and this machine has none: this boot has a key of its own');
    await machine.files.write(`${HOME}/machine.key`, key);
    expect(await run(machine, GONE)).toMatchObject({ state: { state: 'offline', key: 'unsealed' }, secret: 'canary' });
  });
});
