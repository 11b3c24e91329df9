import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { IdentityFile } from '../../../src/config/schema/identity.ts';
import { isStatectlError } from '../../../src/error.ts';
import { linuxHost } from '../../../src/host/linux/host.ts';
import { memoryHost } from '../../../src/host/memory.ts';
import { authorityFile } from '../../../src/identity/certificates/authority.ts';
import { ExtendedKeyUsage } from '../../../src/identity/certificates/x509.ts';
import { placeKeyPair } from '../../../src/identity/keys/key-file.ts';
import { retireKey } from '../../../src/identity/keys/rotate-key.ts';
import { enrolMachine } from '../../../src/identity/machine/enrol-machine.ts';
import { serverTrust } from '../../../src/identity/machine/server-trust.ts';
import { SERVER_NAME } from '../../../src/protocol/machine-name.ts';
import { startServer } from '../../../src/server/listen.ts';
import { openSecretStore } from '../../../src/server/machines/secret-store.ts';
import { type MadeCertificate, makeCertificate } from '../../fixtures/identity/certificates.ts';
import { machineKeys } from '../../fixtures/identity/machine-keys.ts';

const { clientAuth: FOR_CLIENTS, serverAuth: FOR_SERVERS } = ExtendedKeyUsage;
const HOME = '/disk/identity';
const TO = '/run/statectl/identity';
const host = { ...linuxHost(), console: { line: () => undefined } };

let dir: string;
let keys: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'statectl-trust-'));
  keys = join(dir, 'keys');
});
afterEach(() => rmSync(dir, { recursive: true }));

/** The server, for as long as `use` takes, with what its state has by now; its clock may be slow. */
async function serving<T>(use: (url: string) => Promise<T>, given?: MadeCertificate, agoMs = 0): Promise<T> {
  const files = { certificate: join(dir, 'given.pem'), key: join(dir, 'given.key') };
  if (given) {
    writeFileSync(files.certificate, given.pem);
    writeFileSync(files.key, given.keyPem);
    chmodSync(files.key, 0o600);
  }
  const identity = IdentityFile.parse({ secrets: { '/etc/token': { secret: 'secret:token' } } });
  const found = async () => ({ node: 'print01', identity, users: {} });
  const server = await startServer({
    state: dir,
    host: { ...host, clock: { ...host.clock, now: () => Date.now() - agoMs } },
    listen: { host: '127.0.0.1', port: 0 },
    log: () => undefined,
    graceMs: 0,
    secure: {
      listen: { host: '127.0.0.1', port: 0 },
      nodes: { ofMachine: found, ofNode: found },
      ...(given && { certificate: files }),
      alarm: () => undefined,
    },
  });
  try {
    return await use(server.url);
  } finally {
    await server.stop();
  }
}

/** A machine whose initramfs has these authorities baked in. */
const machineThatTrusts = (...authorities: readonly string[]) =>
  memoryHost({
    files: Object.fromEntries(authorities.map((pem, at) => [`/etc/trust/${at === 0 ? '' : 'next.'}ca.pem`, pem])),
  });
type Machine = ReturnType<typeof machineThatTrusts>;

/** One boot of it: what it became, what it was told, and the secret that it got. */
async function boot(machine: Machine, url: string, authorities: readonly string[] = []) {
  const warned: string[] = [];
  await enrolMachine(
    {
      urls: [url],
      machine: { mac: '52:54:00:12:34:01' },
      trust: 'proven',
      authorities,
      home: HOME,
      isKept: true,
      to: TO,
      hostCertificate: false,
      isNeeded: true,
      limits: { connectMs: 2000, stallMs: 2000, tries: 1 },
    },
    { files: machine.files, tpm: machine.tpm, http: host.http, clock: host.clock },
    { say: () => {}, warn: (text) => void warned.push(text), signal: new AbortController().signal },
  );
  const { state } = JSON.parse(await machine.files.readText(`${TO}/state.json`)) as { readonly state: string };
  const secret = await machine.files.readText(`${TO}/secrets/0`).catch(() => undefined);
  return { state, secret, warned: warned.join('\n') };
}
const approveAll = async () => {
  await using enrolments = await machineKeys(dir);
  for (const entry of await enrolments.list('pending'))
    await enrolments.approve({ ...entry, node: 'print01', proof: 'person' });
};

describe('a server whose authority is exchanged', () => {
  const place = ({ key, pem }: MadeCertificate, which: 'current' | 'next') =>
    placeKeyPair(host, authorityFile(keys, which), key, pem);
  const steps = ['before', 'during', 'after'] as const;

  it('is believed by machines that trust whom it shows, at each step', async () => {
    const [old, successor] = [await makeCertificate({ name: 'Old' }), await makeCertificate({ name: 'New' })];
    const machines = { old: [old.pem], both: [old.pem, successor.pem], new: [successor.pem] };
    const believed: Record<string, string> = {};
    for (const step of steps) {
      if (step === 'before') await place(old, 'current');
      if (step === 'during') await place(successor, 'next');
      if (step === 'after') await retireKey(host, keys, 'ca');
      await serving(async (url) => {
        for (const [name, authorities] of Object.entries(machines))
          believed[`${step} ${name}`] = (await boot(machineThatTrusts(...authorities), url)).state;
      });
    }
    expect(believed).toEqual({
      'before old': 'pending',
      'before both': 'pending',
      'before new': 'offline',
      'during old': 'pending',
      'during both': 'pending',
      'during new': 'offline',
      'after old': 'offline',
      'after both': 'pending',
      'after new': 'pending',
    });
  });

  it('may be one that a root signed for: the machine and the server believe each other by both', async () => {
    const root = await makeCertificate({ name: 'Root' });
    const ca = await makeCertificate({ name: 'Lab CA', issuer: root });
    const pem = `${ca.pem}${root.pem}`;
    await place({ ...ca, pem }, 'current');
    await (await openSecretStore(host, dir)).write('token', Buffer.from('canary'));
    const machine = machineThatTrusts(pem);
    await serving(async (url) => {
      await boot(machine, url);
      await approveAll();
      expect(await boot(machine, url)).toMatchObject({ state: 'approved', secret: 'canary' });
    });
  });

  it('takes the certificate that a machine has of the old one, and gives one of the new one in its place', async () => {
    const [old, successor] = [await makeCertificate({ name: 'Old' }), await makeCertificate({ name: 'New' })];
    await place(old, 'current');
    await (await openSecretStore(host, dir)).write('token', Buffer.from('canary'));
    const machine = machineThatTrusts(old.pem, successor.pem);
    await serving(async (url) => {
      await boot(machine, url);
      await approveAll();
      expect(await boot(machine, url)).toMatchObject({ state: 'approved', secret: 'canary' });
    });
    const issuer = async () => new X509Certificate(await machine.files.readText(`${HOME}/machine.pem`)).issuer;
    expect(await issuer()).toBe('CN=Old');
    await place(successor, 'next');
    await retireKey(host, keys, 'ca');
    await serving(async (url) => {
      // Without asking anew: only who shows a certificate that counts gets an answer.
      const certPem = await machine.files.readText(`${HOME}/machine.pem`);
      const keyPem = await machine.files.readText(`${HOME}/machine.key`);
      const { port } = (await askJson(new URL('/v1/tls', url).href)) as { readonly port: number };
      const tls = { caPem: successor.pem, serverName: SERVER_NAME, certPem, keyPem };
      expect(await askJson(`https://127.0.0.1:${port}/v1/secrets`, tls)).toMatchObject({ node: 'print01' });
      expect(await boot(machine, url)).toMatchObject({ state: 'approved', secret: 'canary' });
      expect(await issuer()).toBe('CN=New');
    });
  });
});

async function askJson(url: string, tls?: object): Promise<unknown> {
  const { body } = await host.http.request(url, tls ? { tls } : {});
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return JSON.parse(Buffer.concat(chunks).toString());
}

describe('a server with a certificate of the admin', () => {
  let ours: MadeCertificate;
  let theirs: MadeCertificate;
  beforeEach(async () => {
    [ours, theirs] = [await makeCertificate({ name: 'Ours' }), await makeCertificate({ name: 'Theirs' })];
    await placeKeyPair(host, authorityFile(keys), ours.key, ours.pem);
  });
  const forHost = (more: object = {}) =>
    makeCertificate({ name: 'server', isAuthority: false, issuer: theirs, addresses: ['127.0.0.1'], ...more });
  const machine = () => machineThatTrusts(ours.pem);

  it('is believed for the host in its URL, when server.info.conf names who signed for it', async () => {
    await serving(
      async (url) => {
        expect(await boot(machine(), url, [theirs.pem])).toMatchObject({
          state: 'pending',
          warned: expect.not.stringContaining('did not say'),
        });
      },
      await forHost(),
    );
  });

  it('is not believed by a machine to which nobody named that authority', async () => {
    await serving(
      async (url) => {
        const { state, warned } = await boot(machine(), url);
        expect(state).toBe('offline');
        expect(warned).toContain('no authority is named that may sign such');
        const other = await makeCertificate({ name: 'Theirs' });
        expect((await boot(machine(), url, [other.pem])).warned).toContain('the TLS connection was refused');
      },
      await forHost(),
    );
  });

  it('is not believed for another host', async () => {
    await serving(
      async (url) => {
        const { state, warned } = await boot(machine(), url, [theirs.pem]);
        expect([state, warned]).toEqual(['offline', expect.stringContaining('ERR_TLS_CERT_ALTNAME_INVALID')]);
      },
      await forHost({ addresses: [], names: ['elsewhere.example'] }),
    );
  });

  it('is not believed for its host when our own authority signed: so it signs for machines too', async () => {
    await serving(
      async (url) => {
        expect((await boot(machine(), url, [theirs.pem])).state).toBe('offline');
      },
      await forHost({ issuer: ours }),
    );
  });

  it.each([['ours'], ['theirs']] as const)('is believed for the name of every server, when %s signed', async (who) => {
    const given = await forHost({ issuer: { ours, theirs }[who], addresses: [], names: [SERVER_NAME] });
    await serving(async (url) => expect((await boot(machine(), url, [theirs.pem])).state).toBe('pending'), given);
  });

  it.each([
    ['the name of every server', { addresses: [], names: [SERVER_NAME] }],
    ['a name with a wildcard', { addresses: [], names: ['*.statectl.internal'] }],
    ['the host in its URL', { names: [SERVER_NAME] }],
  ])(
    'is refused at once when our authority signed it for clients too, as it does for machines: %s',
    async (_, more) => {
      const given = await forHost({ issuer: ours, purposes: [FOR_CLIENTS, FOR_SERVERS], ...more });
      await expect(serving(async () => undefined, given)).rejects.toMatchObject({ code: 'certificate-unfit' });
    },
  );

  it('may be for clients too when another authority signed it', async () => {
    const given = await forHost({ purposes: [FOR_CLIENTS, FOR_SERVERS] });
    await serving(async (url) => expect((await boot(machine(), url, [theirs.pem])).state).toBe('pending'), given);
  });

  it('is refused at once when it is over, and a machine that meets such a one says what time it is', async () => {
    const given = await forHost({ fromDays: -9, untilDays: -2 });
    await expect(serving(async () => undefined, given)).rejects.toMatchObject({ code: 'certificate-expired' });
    const whenItCounted = 5 * 86_400_000;
    await serving(
      async (url) => {
        const { state, warned } = await boot(machine(), url, [theirs.pem]);
        expect(state).toBe('offline');
        expect(warned).toMatch(
          /refused \(CERT_HAS_EXPIRED\): its certificate counts from \d{4}-\S+ \S+ UTC to \S+ \S+ UTC, and it is \S+ \S+ UTC by this machine's clock/,
        );
      },
      given,
      whenItCounted,
    );
  });

  it('is refused for no name, and when it is that of an authority', async () => {
    for (const wish of [{ addresses: [] }, { isAuthority: true }])
      await expect(serving(async () => undefined, await forHost(wish))).rejects.toMatchObject({
        code: 'certificate-unfit',
      });
  });
});

describe('a machine that answers in the place of a server', () => {
  let ca: MadeCertificate;
  beforeEach(async () => {
    ca = await makeCertificate({ name: 'Ours' });
  });

  /** What a machine that trusts `named` besides what is baked in gets from who shows this certificate. */
  async function ask(shown: MadeCertificate, name: 'common' | 'host', named: readonly string[] = [], chain = '') {
    const server = createServer({ key: shown.keyPem, cert: shown.pem + chain }, (_request, response) => response.end());
    await once(server.listen(0, '127.0.0.1'), 'listening');
    try {
      const { port } = server.address() as AddressInfo;
      const tls = serverTrust(ca.pem, named, name);
      return await host.http.request(`https://127.0.0.1:${port}/`, { tls }).then(
        ({ status }) => status,
        (error: unknown) => (isStatectlError(error) ? `${error.code}: ${error.message}` : error),
      );
    } finally {
      server.closeAllConnections();
      server.close();
    }
  }
  const signed = (more: object) =>
    makeCertificate({ name: 'x', issuer: ca, isAuthority: false, purposes: [FOR_CLIENTS, FOR_SERVERS], ...more });
  const refused = expect.stringMatching(/^server-untrusted: .*ERR_TLS_CERT_OF_A_MACHINE/);

  it('is not believed, though its certificate has the name of every server', async () => {
    expect(await ask(await signed({ names: [SERVER_NAME] }), 'common')).toEqual(refused);
    expect(await ask(await signed({ names: ['*.statectl.internal'] }), 'common')).toEqual(refused);
  });

  it('is not believed for the host in the URL either, where the same authority is named or its root', async () => {
    const machine = await signed({ addresses: ['127.0.0.1'] });
    expect(await ask(machine, 'host', [ca.pem])).toEqual(refused);
    const root = await makeCertificate({ name: 'Root' });
    // The same authority, by another certificate than the one that is baked in.
    const again = await makeCertificate({ name: 'Ours', key: ca.key, issuer: root });
    expect(await ask(machine, 'host', [root.pem], again.pem)).toEqual(refused);
  });

  it('differs from a server, also of the last version, which is for servers alone', async () => {
    expect(await ask(await signed({ names: [SERVER_NAME], purposes: [FOR_SERVERS] }), 'common')).toBe(200);
    expect(await ask(await signed({ names: [SERVER_NAME], purposes: [] }), 'common')).toBe(200);
  });
});
