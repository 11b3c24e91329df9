import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BEFORE_ROOT, IN_SYSROOT } from '../../../../src/boot/roots.ts';
import type { Config } from '../../../../src/config/config.ts';
import type { HttpRequest } from '../../../../src/host/host.ts';
import { linuxHost } from '../../../../src/host/linux/host.ts';
import { memoryHost } from '../../../../src/host/memory.ts';
import type { Facts } from '../../../../src/machine/facts/facts.ts';
import { SEGMENT_SECRETS } from '../../../../src/machine/identity/credentials.ts';
import { planEnrolment } from '../../../../src/machine/identity/identity.ts';
import { serverHttp } from '../../../../src/machine/identity/server-http.ts';
import { type Roots, RUNNING } from '../../../../src/machine/roots.ts';
import { createFacts, USER_DATA_DISK } from '../../../fixtures/facts.ts';
import { type MadeCertificate, makeCertificate, newKey } from '../../../fixtures/identity/certificates.ts';

const RAM = '/run/statectl/identity';
const KEPT = '/run/statectl/identity.key';

let ca: MadeCertificate;
let own: MadeCertificate;
let old: MadeCertificate;
let proxy: Server;
let other: Server;
let url: string;

/** Says the name in the certificate that it is shown; `/away` leads to another host. */
async function listen(certificate: MadeCertificate): Promise<Server> {
  const settings = { cert: certificate.pem, key: certificate.keyPem, ca: ca.pem };
  const server = createServer({ ...settings, requestCert: true, rejectUnauthorized: false }, (request, response) => {
    const socket = request.socket as TLSSocket;
    if (request.url === '/away')
      response.writeHead(302, { location: `https://localhost:${(other.address() as AddressInfo).port}/` });
    response.end(socket.authorized ? String(socket.getPeerCertificate().subject.CN) : 'nobody');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

beforeAll(async () => {
  ca = await makeCertificate({ name: 'lab' });
  const leaf = { issuer: ca, isAuthority: false };
  own = await makeCertificate({ ...leaf, name: 'print01' });
  old = await makeCertificate({ ...leaf, name: 'print01', fromDays: -30, untilDays: -1 });
  proxy = await listen(await makeCertificate({ ...leaf, name: 'proxy', addresses: ['127.0.0.1'] }));
  other = await listen(await makeCertificate({ ...leaf, name: 'other', names: ['localhost'] }));
  url = `https://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
});
afterAll(() => {
  for (const server of [proxy, other]) {
    server.closeAllConnections();
    server.close();
  }
});

interface Situation {
  readonly files?: Readonly<Record<string, string>>;
  readonly server?: Partial<Config['server']>;
  readonly path?: string;
  readonly asks?: string;
  /** Where a disk is that keeps what outlives a boot. */
  readonly disk?: Roots;
}

/** What a server that is asked knows of the machine, and what the machine says of it. */
async function ask({ files = {}, server = {}, path = '/', asks = url, disk }: Situation) {
  const warned: string[] = [];
  const { config, ...facts } = createFacts();
  const settings = { ...config.server, servers: [url], authentication: 'mtls' as const, authorities: [ca.pem] };
  const machine = memoryHost({ files, startMs: Date.now() });
  const http = serverHttp({ ...machine, http: linuxHost().http }, SEGMENT_SECRETS)(
    {
      ...facts,
      root: { blocks: disk ? [USER_DATA_DISK] : [] },
      config: { ...config, server: { ...settings, ...server } },
    },
    (text) => void warned.push(text),
    disk,
  );
  const answer = async () => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of (await http.request(asks + path)).body) chunks.push(chunk);
    return Buffer.concat(chunks).toString();
  };
  const said = await answer();
  expect(await answer()).toBe(said);
  return { said, warned };
}
const enrolled = () => ({ [`${RAM}/cert.pem`]: own.pem, [`${RAM}/key.pem`]: own.keyPem });

describe('with authentication: mtls', () => {
  it('a server is shown the certificate that the machine has enrolled for', async () => {
    expect(await ask({ files: enrolled() })).toEqual({ said: 'print01', warned: [] });
  });

  it('a server is shown the certificate that an earlier boot kept, before this one has enrolled', async () => {
    const files = { [`${KEPT}/machine.pem`]: own.pem, [`${KEPT}/machine.key`]: own.keyPem };
    expect(await ask({ files })).toEqual({ said: 'print01', warned: [] });
  });

  it.each<[string, Roots, string]>([
    ['the root is not mounted yet', BEFORE_ROOT, '/run/initramfs/user-data'],
    ['the system is put together', IN_SYSROOT, '/sysroot/user-data'],
    ['the system runs', RUNNING, '/user-data'],
  ])('one that a disk keeps is shown while %s', async (_title, disk, folder) => {
    const home = `${folder}/persistent/statectl/identity`;
    const files = { [`${home}/machine.pem`]: own.pem, [`${home}/machine.key`]: own.keyPem };
    expect(await ask({ files, disk })).toEqual({ said: 'print01', warned: [] });
  });

  it('a machine that has no certificate asks without, and says so once', async () => {
    const { said, warned } = await ask({});
    expect(said).toBe('nobody');
    expect(warned).toEqual([expect.stringMatching(/asked without a certificate .*it has none yet$/)]);
  });

  it('a certificate that has run out, or that is of another key, is not shown: servers would refuse the machine', async () => {
    const outdated = await ask({ files: { [`${RAM}/cert.pem`]: old.pem, [`${RAM}/key.pem`]: old.keyPem } });
    expect([outdated.said, outdated.warned[0]]).toEqual(['nobody', expect.stringMatching(/cert\.pem counted until/)]);
    const key = newKey().export({ type: 'pkcs8', format: 'pem' }).toString();
    const foreign = await ask({ files: { [`${RAM}/cert.pem`]: own.pem, [`${RAM}/key.pem`]: key } });
    expect([foreign.said, foreign.warned[0]]).toEqual(['nobody', expect.stringMatching(/belongs to another key$/)]);
  });

  it("credentials are files of the machine's segment, and nothing takes their place", async () => {
    const server = { credentials: { certificate: 'secret:tls', key: 'secret:tls-key' } };
    const files = { '/etc/statectl/secrets/tls': own.pem, '/etc/statectl/secrets/tls-key': own.keyPem };
    expect(await ask({ server, files })).toEqual({ said: 'print01', warned: [] });
    const { said, warned } = await ask({ server, files: enrolled() });
    expect([said, warned]).toEqual(['nobody', [expect.stringMatching(/there is no \/etc\/statectl\/secrets\/tls$/)]]);
  });

  it('a machine enrols, though nothing else needs it: where else would its certificate come from', () => {
    const facts = createFacts();
    const planned = (server: Partial<Config['server']>) =>
      planEnrolment({ ...facts, config: { ...facts.config, server: { ...facts.config.server, ...server } } });
    const credentials = { certificate: 'secret:tls', key: 'secret:tls-key' };
    expect(planned({ authentication: 'mtls' }).at(-1)).toMatchObject({ kind: 'enrol', isNeeded: true });
    expect(planned({ authentication: 'mtls', credentials })).toEqual([]);
    expect(planned({ authentication: 'none' })).toEqual([]);
  });

  it('a host that a server redirects to does not learn who the machine is', async () => {
    expect((await ask({ files: enrolled(), path: '/away' })).said).toBe('nobody');
  });

  it('a host that is no server of server.info.conf is neither shown a certificate nor held to authorities', async () => {
    const asks = `https://localhost:${(other.address() as AddressInfo).port}`;
    await expect(ask({ files: enrolled(), asks })).rejects.toMatchObject({ code: 'server-untrusted' });
  });

  it('a server of plain http, as the kernel command line may name one, is asked with a warning', async () => {
    const warned: string[] = [];
    const machine = memoryHost({ servers: { 'http://boot.lab': () => ({ body: 'hello' }) } });
    const facts = createFacts();
    const server = { ...facts.config.server, servers: ['http://boot.lab'], authentication: 'mtls' as const };
    const http = serverHttp(machine, SEGMENT_SECRETS)({ ...facts, config: { ...facts.config, server } }, (text) =>
      warned.push(text),
    );
    expect((await http.request('http://boot.lab/v1/status')).status).toBe(200);
    expect(warned).toEqual([expect.stringMatching(/^http:\/\/boot\.lab is asked without a certificate: /)]);
  });
});

describe('what a request is held to', () => {
  const [LAB, SPARE] = ['https://boot.lab', 'https://spare.lab:8443'] as const;
  const day = 86_400_000;

  /** The TLS of a request to this address; undefined: nobody said anything of it. */
  async function tlsOf(
    server: Partial<Config['server']>,
    {
      files = {},
      address = `${SPARE}/v1/boot`,
      request = {},
      startMs = Date.now(),
    }: {
      readonly files?: Readonly<Record<string, string>>;
      readonly address?: string;
      readonly request?: HttpRequest;
      readonly startMs?: number;
    } = {},
  ) {
    const warned: string[] = [];
    const machine = memoryHost({ files, startMs, servers: () => ({ body: 'hello' }) });
    const { config, ...facts } = createFacts();
    const settings = { ...config.server, servers: ['nonsense', LAB, SPARE], authorities: [], ...server };
    const http = serverHttp(machine, SEGMENT_SECRETS)(
      { ...facts, root: { blocks: [] }, config: { ...config, server: settings } },
      (text) => void warned.push(text),
    );
    await http.request(address, request);
    const call = machine.calls.find(({ kind }) => kind === 'request');
    return { tls: call?.kind === 'request' ? call.request.tls : undefined, warned };
  }

  it('are the authorities that config.d names, and what is known of those that sign for machines too', async () => {
    const named = { authentication: 'none', authorities: [' A\n\n', 'B'] } as const;
    const files = { '/etc/trust/ca.pem': 'M\n' };
    expect((await tlsOf(named)).tls).toStrictEqual({ caPem: 'A\nB\n' });
    expect((await tlsOf(named, { files })).tls).toStrictEqual({ caPem: 'A\nB\n', machineAuthoritiesPem: 'M\n' });
    const shown = { certPem: own.pem, keyPem: own.keyPem };
    expect((await tlsOf({ authentication: 'mtls' }, { files: { ...files, ...enrolled() } })).tls).toStrictEqual({
      ...{ machineAuthoritiesPem: 'M\n', ...shown },
    });
  });

  it('is nothing where config.d says nothing, the address is no server’s, or the request says it itself', async () => {
    expect((await tlsOf({ authentication: 'none' }, { files: { '/etc/trust/ca.pem': 'M\n' } })).tls).toBeUndefined();
    const named = { authentication: 'mtls', authorities: ['A'] } as const;
    const files = enrolled();
    expect((await tlsOf(named, { files, address: 'https://boot.lab:8443/' })).tls).toBeUndefined();
    expect((await tlsOf(named, { files, request: { tls: { caPem: 'own' } } })).tls).toEqual({ caPem: 'own' });
  });

  it('is nothing before there is a config', async () => {
    const machine = memoryHost({ servers: () => ({ body: 'hello' }) });
    const http = serverHttp(machine, SEGMENT_SECRETS)({} as Facts, () => {});
    expect((await http.request(LAB)).status).toBe(200);
  });

  it('by plain http is nothing, which is no matter where no certificate would be shown', async () => {
    const server = { authentication: 'none', servers: ['http://boot.lab'], authorities: ['A'] } as const;
    expect(await tlsOf(server, { address: 'http://boot.lab/' })).toEqual({ tls: undefined, warned: [] });
  });

  it('is no certificate that counts only later, or not any more', async () => {
    const server = { authentication: 'mtls', authorities: ['A'] } as const;
    const { validFromDate, validToDate } = new X509Certificate(own.pem);
    const [from, to] = [validFromDate.getTime(), validToDate.getTime()];
    const shownAt = async (startMs: number) => {
      const { tls, warned } = await tlsOf(server, { files: enrolled(), startMs });
      return tls?.certPem === own.pem ? 'shown' : warned[0]?.replace(/^.*cert\.pem /, '');
    };
    expect(await shownAt(from)).toBe('shown');
    expect(await shownAt(from - 1)).toBe(`counts from ${validFromDate.toISOString()}`);
    expect(await shownAt(to - 1)).toBe('shown');
    expect(await shownAt(to)).toBe(`counted until ${validToDate.toISOString()}`);
    expect(await shownAt(to + day)).toBe(`counted until ${validToDate.toISOString()}`);
  });

  it('is no certificate whose key a TPM sealed that is not there: that is told', async () => {
    const files = { [`${KEPT}/machine.pem`]: own.pem, [`${KEPT}/machine.key`]: '{"format":1}' };
    const { tls, warned } = await tlsOf({ authentication: 'mtls', authorities: ['A'] }, { files });
    expect(tls).toEqual({ caPem: 'A\n' });
    expect(warned).toEqual([expect.stringMatching(/machine\.key is sealed by a TPM, and this machine has none$/)]);
    // What lies in RAM never is.
    const ram = { ...enrolled(), [`${RAM}/key.pem`]: '{"format":1}' };
    expect((await tlsOf({ authentication: 'mtls' }, { files: ram })).warned[0]).not.toMatch('TPM');
  });
});

describe('without mtls', () => {
  it('no certificate is shown, and the server must have one by the authorities that config.d names', async () => {
    expect(await ask({ files: enrolled(), server: { authentication: 'none' } })).toEqual({
      said: 'nobody',
      warned: [],
    });
    const stranger = (await makeCertificate({ name: 'stranger' })).pem;
    await expect(ask({ server: { authentication: 'none', authorities: [stranger] } })).rejects.toMatchObject({
      code: 'server-untrusted',
    });
  });
});
