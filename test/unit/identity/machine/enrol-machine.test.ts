import { createPrivateKey, X509Certificate } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Tpm } from '../../../../src/host/host.ts';
import { type MemoryHost, memoryHost } from '../../../../src/host/memory.ts';
import { readCertificateRequest } from '../../../../src/identity/certificates/certificate-request.ts';
import { fingerprintOf, keyDigest } from '../../../../src/identity/certificates/fingerprint.ts';
import { issueCertificate } from '../../../../src/identity/certificates/leaf-certificate.ts';
import { enrolMachine } from '../../../../src/identity/machine/enrol-machine.ts';
import { identityFiles } from '../../../../src/identity/machine/identity-files.ts';
import { hostKeyFiles } from '../../../../src/identity/machine/ssh-host-key.ts';
import type { StepOf } from '../../../../src/machine/steps/step.ts';
import { makeCertificate } from '../../../fixtures/identity/certificates.ts';

const HOME = '/disk/identity';
const TO = '/run/statectl/identity';
const SERVER = 'http://boot.lab:8080';
const DAY_MS = 86_400_000;
const OWN = identityFiles(HOME);
const CA = await makeCertificate({ name: 'Ours' });

const SECRETS = {
  node: 'print01',
  secrets: [
    { path: '/etc/one', owner: 'root', group: 'root', content: Buffer.from('canary\0one').toString('base64') },
    {
      path: '/etc/two',
      owner: 'ada',
      group: '900',
      credential: 'two',
      content: Buffer.from('canary two').toString('base64'),
    },
  ],
  passwords: { ada: '$6$canary' },
  missing: { '/etc/three': 'the server has no secret:three' },
};

let host: MemoryHost;
let warned: string[];
/** What the server makes of the key; by the path of a question another answer than that. */
let state: 'approved' | 'pending' | 'denied' | 'gone';
let secrets: object | undefined;
let lifetimeMs: number;
beforeEach(() => {
  host = memoryHost({
    files: { '/etc/trust/ca.pem': CA.pem },
    async servers({ url, body }) {
      if (state === 'gone') return 'refused';
      if (url.pathname === '/v1/tls') return { body: JSON.stringify({ port: 8443, name: 'common' }) };
      if (url.pathname === '/v1/secrets')
        return secrets ? { body: JSON.stringify(secrets) } : { status: 500, body: '{"detail":"it broke"}' };
      if (state !== 'approved') return { status: state === 'pending' ? 202 : 403, body: JSON.stringify({ state }) };
      const publicKey = await readCertificateRequest(JSON.parse(body).request);
      const { pem } = await issueCertificate(
        { privateKey: CA.key, certificatePem: CA.pem },
        {
          ...{ publicKey, commonName: 'print01', dnsNames: ['print01'], role: 'machine' },
          ...{ notBeforeMs: host.clock.now() - DAY_MS, notAfterMs: host.clock.now() + lifetimeMs },
        },
      );
      return { body: JSON.stringify({ state, node: 'print01', certificatePem: pem, proof: 'person' }) };
    },
  });
  [warned, state, secrets, lifetimeMs] = [[], 'approved', SECRETS, DAY_MS];
});

/** One boot, and what is in place then. */
async function enrol(changes: Partial<StepOf<'enrol'>> = {}, on: Partial<MemoryHost> = {}) {
  const step: StepOf<'enrol'> = {
    ...{ kind: 'enrol', urls: [SERVER], machine: { mac: '52:54:00:12:34:01' }, trust: 'proven', authorities: [] },
    ...{ home: HOME, isKept: true, to: TO, hostCertificate: false, isNeeded: true },
    limits: { connectMs: 2000, stallMs: 2000, tries: 1 },
    ...changes,
  };
  warned = [];
  const boot = {
    ...{ say: () => {}, warn: (text: string) => void warned.push(text) },
    signal: new AbortController().signal,
  };
  await enrolMachine(step, { ...host, ...on }, boot);
  const text = (name: string) => host.files.readText(`${TO}/${name}`).catch(() => undefined);
  const said = JSON.parse((await text('state.json')) ?? '');
  return { said, text, names: (await host.files.list(TO)).toSorted() };
}
const isThere = async (path: string) => (await host.files.stat(path)) !== undefined;
const modeOf = async (path: string) => ((await host.files.stat(path))?.mode ?? 0) & 0o777;
const fingerprint = async () =>
  fingerprintOf(keyDigest(createPrivateKey((await host.files.readText(`${TO}/key.pem`)).toString())));

describe('a machine that is let in', () => {
  it('has its key, certificate and secrets in RAM, for root alone, and none of them in what is told of it', async () => {
    const { said, text, names } = await enrol();
    expect(said).toEqual({
      ...{ state: 'approved', fingerprint: await fingerprint(), node: 'print01', proof: 'person', server: SERVER },
      ...{ key: 'unsealed', certificateUntilMs: host.clock.now() + DAY_MS, missing: SECRETS.missing },
      secrets: [
        { path: '/etc/one', owner: 'root', group: 'root', file: `${TO}/secrets/0` },
        { path: '/etc/two', owner: 'ada', group: '900', credential: 'two', file: `${TO}/secrets/1` },
      ],
    });
    expect(names).toEqual(['ca.pem', 'cert.pem', 'key.pem', 'passwords.json', 'secrets', 'state.json']);
    expect([await text('secrets/0'), await text('secrets/1')]).toEqual(['canary\0one', 'canary two']);
    expect([await text('passwords.json'), await text('ca.pem')]).toEqual(['{"ada":"$6$canary"}', CA.pem]);
    const certificate = new X509Certificate((await text('cert.pem')) ?? '');
    expect(certificate.checkPrivateKey(createPrivateKey((await text('key.pem')) ?? ''))).toBe(true);
    for (const name of ['key.pem', 'passwords.json', 'secrets/0', 'state.json'])
      expect(await modeOf(`${TO}/${name}`)).toBe(0o600);
    expect([await modeOf(`${TO}/secrets`), await modeOf(HOME)]).toEqual([0o711, 0o700]);
    expect(warned).toEqual(['no secret for /etc/three: the server has no secret:three']);
    expect(await host.files.read(OWN.secrets)).not.toContain('canary');
  });

  it('has nothing in place of an earlier boot, and the same key', async () => {
    const first = await enrol();
    secrets = { ...SECRETS, secrets: [], passwords: {}, missing: {} };
    const second = await enrol();
    expect(second.said).toMatchObject({ secrets: [], missing: {}, fingerprint: first.said.fingerprint });
    expect(await second.text('secrets/0')).toBeUndefined();
    expect(warned).toEqual([]);
  });

  it('goes on with the secrets that it kept, where the server gives none', async () => {
    await enrol();
    secrets = undefined;
    const { text, said } = await enrol();
    expect(said.state).toBe('approved');
    expect(await text('secrets/0')).toBe('canary\0one');
    expect(warned).toContain(`${SERVER} gave no secrets: it broke`);
    await host.files.write(OWN.secrets, 'damaged');
    expect((await enrol()).said).toMatchObject({ state: 'approved', secrets: [], missing: {} });
  });

  it('has its secrets also where the disk takes none of them', async () => {
    const files = {
      ...host.files,
      async write(path: string, ...more: [string | Uint8Array]) {
        if (path === OWN.secrets) throw new Error('the disk is full');
        return host.files.write(path, ...more);
      },
    };
    const { text } = await enrol({}, { files });
    expect(await text('secrets/0')).toBe('canary\0one');
    expect(warned[0]).toBe('the secrets are not kept for a boot without a server: the disk is full');
  });
});

describe('a machine that is not let in', () => {
  it.each([
    ['pending', /^this machine waits to be approved\. Compare on the server: statectl node approve (\S+)$/],
    ['denied', /^the server refuses this machine: its key (\S+) was denied or revoked$/],
  ] as const)('loses what it was given, and tells its fingerprint: %s', async (answer, told) => {
    await enrol();
    await host.files.write(hostKeyFiles(HOME).certificate, 'signed');
    state = answer;
    const { said, names } = await enrol();
    expect(said).toEqual({
      ...{ state: answer, fingerprint: await fingerprint(), server: SERVER, key: 'unsealed', secrets: [], missing: {} },
    });
    expect(names).toEqual(['ca.pem', 'key.pem', 'secrets', 'state.json']);
    for (const path of [OWN.certificate, OWN.secrets, hostKeyFiles(HOME).certificate])
      expect(await isThere(path)).toBe(false);
    expect(warned.map((line) => told.exec(line)?.[1])).toEqual([await fingerprint()]);
  });
});

describe('a machine without a server', () => {
  const inForce = 'no server to prove this machine to: its certificate and secrets of an earlier boot are in force';
  const without = 'no server to prove this machine to, and nothing kept that is still valid: it boots without secrets';

  it('lives from what it kept until its certificate ends', async () => {
    await enrol();
    state = 'gone';
    await host.clock.sleep(DAY_MS - 1_000);
    const { said, text } = await enrol();
    expect(said).toMatchObject({ state: 'offline', secrets: [{ path: '/etc/one' }, { path: '/etc/two' }] });
    expect(await text('secrets/0')).toBe('canary\0one');
    expect(warned).toContain(inForce);
    await host.clock.sleep(1_000);
    const later = await enrol();
    expect(later.said).toMatchObject({ state: 'offline', secrets: [] });
    expect(await later.text('secrets/0')).toBeUndefined();
    expect(warned.at(-1)).toBe(without);
  });

  it('that has nothing is told of only where something depends on it', async () => {
    state = 'gone';
    const { said } = await enrol();
    expect(said).toEqual({
      state: 'offline',
      fingerprint: await fingerprint(),
      key: 'unsealed',
      secrets: [],
      missing: {},
    });
    expect(warned.at(-1)).toBe(without);
    await enrol({ isNeeded: false });
    expect(warned).toEqual([]);
  });

  it('of which nobody said whom to believe asks none', async () => {
    await host.files.remove('/etc/trust/ca.pem');
    const { said, names } = await enrol();
    expect([said.state, host.calls.filter(({ kind }) => kind === 'request')]).toEqual(['offline', []]);
    expect(names).not.toContain('ca.pem');
    expect((await enrol({ authorities: [CA.pem] })).said.state).toBe('approved');
  });

  it.each(['nonsense', CA.pem])('takes nothing for its certificate that is not its own', async (pem) => {
    await enrol();
    await host.files.write(OWN.certificate, pem);
    state = 'gone';
    const { said, names } = await enrol();
    expect([said.certificateUntilMs, said.secrets, names.includes('cert.pem')]).toEqual([undefined, [], false]);
  });
});

it('what belongs to a key that cannot be opened at this boot stays as it is', async () => {
  await enrol();
  const kept = await host.files.readText(OWN.certificate);
  // As a TPM seals it that is away now.
  await host.files.write(OWN.key, '{"sealed":{}}');
  const tpm: Tpm = { open: async () => undefined };
  const { said } = await enrol({}, { tpm });
  expect(said).toMatchObject({ state: 'approved', key: 'ram' });
  expect(await host.files.readText(OWN.certificate)).toBe(kept);
  expect(await isThere(`${TO}.boot/machine.pem`)).toBe(true);
});
