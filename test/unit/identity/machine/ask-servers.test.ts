import { generateKeyPairSync } from 'node:crypto';
import { expect, it } from 'vitest';
import type { ServedAnswer } from '../../../../src/host/memory/http.ts';
import type { Seed } from '../../../../src/host/memory/seed.ts';
import { memoryHost } from '../../../../src/host/memory.ts';
import { askInTurn } from '../../../../src/identity/machine/ask-servers.ts';
import { hostKeyFiles } from '../../../../src/identity/machine/ssh-host-key.ts';
import type { StepOf } from '../../../../src/machine/steps/step.ts';

const HOME = '/disk/identity';
const BUSY: ServedAnswer = { status: 503, headers: { 'retry-after': '7' }, body: '<h1>not JSON</h1>' };
const key = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;

const GOOD: Readonly<Record<string, object>> = {
  '/v1/tls': { port: 8443, name: 'common' },
  '/v1/token': { token: 'once' },
  '/v1/enrol': { state: 'approved', node: 'print01', certificatePem: 'PEM', proof: 'network' },
  '/v1/secrets': { node: 'print01', secrets: [], passwords: {}, missing: {} },
  '/v1/ssh/host-certificate': { certificate: 'signed' },
};

/** Servers that answer well, but of these paths (`a/v1/enrol`) first so often something else. */
async function ask(
  first: Readonly<Record<string, readonly (ServedAnswer | 'refused')[]>>,
  {
    names = ['a'],
    files = {},
    certificatePem,
    signal = new AbortController().signal,
    ...changes
  }: Partial<StepOf<'enrol'>> & {
    readonly names?: readonly string[];
    readonly files?: Readonly<Record<string, Seed>>;
    /** What it has of an earlier boot. */
    readonly certificatePem?: string;
    readonly signal?: AbortSignal;
  } = {},
) {
  const asked: { readonly path: string; readonly atMs: number }[] = [];
  const lines: string[] = [];
  const warned: string[] = [];
  const host = memoryHost({
    files,
    servers({ url }) {
      const path = url.hostname + url.pathname;
      const before = asked.filter((one) => one.path === path).length;
      asked.push({ path, atMs: host.clock.uptimeMs() });
      const answers = first[path] ?? [];
      return answers[before] ?? { body: JSON.stringify(GOOD[url.pathname]) };
    },
  });
  const own = { key, caPem: 'PEM', certificatePem };
  const result = await askInTurn(
    {
      kind: 'enrol',
      urls: names.map((name) => `http://${name}:8080`),
      machine: { mac: '52:54:00:12:34:01' },
      trust: 'network',
      authorities: [],
      home: HOME,
      isKept: true,
      to: '/run/statectl/identity',
      hostCertificate: true,
      isNeeded: true,
      limits: { connectMs: 2000, stallMs: 2000, tries: 1 },
      ...changes,
    },
    host,
    {
      say: (text) => void lines.push(text),
      warn: (text) => void warned.push(text),
      signal,
    },
    own,
  );
  const certificate = await host.files.readText(hostKeyFiles(HOME).certificate).catch(() => undefined);
  const times = (path: string) => asked.filter((one) => one.path === path).map(({ atMs }) => atMs);
  const requests = host.calls.flatMap((call) => (call.kind === 'request' ? [{ url: call.url, ...call.request }] : []));
  return { result, certificate, lines, warned, times, requests, tookMs: host.clock.uptimeMs() };
}

it.each(['/v1/tls', '/v1/token', '/v1/enrol', '/v1/secrets', '/v1/ssh/host-certificate'])(
  'a server that is too busy for %s is asked again when it said, and nothing is missing then',
  async (path) => {
    const { result, certificate, lines, warned, times } = await ask({ [`a${path}`]: [BUSY, BUSY] });
    expect(result).toMatchObject({ server: 'http://a:8080', answer: { state: 'approved' }, secrets: { secrets: [] } });
    expect([certificate, warned]).toEqual(['signed', []]);
    const [first = 0, second = 0, third = 0] = times(`a${path}`);
    expect(second - first).toBeGreaterThanOrEqual(7_000);
    expect(third - second).toBeGreaterThanOrEqual(7_000);
    expect(lines).toEqual([
      expect.stringMatching(/^http:\/\/a:8080 is busy; try 2 in [78]\.\d s$/),
      expect.stringMatching(/^http:\/\/a:8080 is busy; try 3 in [789]\.\d s$/),
    ]);
  },
);

const ALWAYS = Array<ServedAnswer>(100).fill(BUSY);

it('the host certificate of a server that stays busy is given up after half a minute, and the rest counts', async () => {
  const { result, certificate, warned, times, tookMs } = await ask({ 'a/v1/ssh/host-certificate': ALWAYS });
  expect(result).toMatchObject({ answer: { state: 'approved' }, secrets: { secrets: [] } });
  expect([certificate, warned]).toEqual([undefined, ['http://a:8080 did not sign the SSH host key: it is busy']]);
  expect(times('a/v1/ssh/host-certificate').length).toBeGreaterThan(2);
  expect(tookMs).toBeLessThanOrEqual(40_000);
});

it('the half minute is one for all that a machine asks, not one for each', async () => {
  const { result, warned, tookMs } = await ask({
    'a/v1/enrol': [BUSY, BUSY],
    'a/v1/secrets': ALWAYS,
    'a/v1/ssh/host-certificate': ALWAYS,
  });
  expect(result).toMatchObject({ answer: { state: 'approved' } });
  expect(result?.secrets).toBeUndefined();
  expect(warned).toEqual([
    'http://a:8080 gave no secrets: it is busy',
    'http://a:8080 did not sign the SSH host key: it is busy',
  ]);
  expect(tookMs).toBeLessThanOrEqual(40_000);
});

it('another server is asked before a busy one is waited for', async () => {
  const { result, tookMs } = await ask({ 'a/v1/enrol': [BUSY] }, { names: ['a', 'b'] });
  expect(result?.server).toBe('http://b:8080');
  expect(tookMs).toBe(0);
});

it('only busy servers are asked again, and one that is dead is told once', async () => {
  const { result, warned, times } = await ask(
    { 'a/v1/tls': Array<'refused'>(9).fill('refused'), 'b/v1/enrol': [BUSY, BUSY] },
    { names: ['a', 'b'] },
  );
  expect(result?.server).toBe('http://b:8080');
  expect(times('a/v1/tls')).toHaveLength(1);
  expect(warned).toEqual([expect.stringMatching(/^http:\/\/a:8080 did not say who this machine is: /)]);
});

it.each(['7', '3600'])('servers that stay busy for Retry-After: %s are given up', async (seconds) => {
  const busy = Array<ServedAnswer>(100).fill({ status: 503, headers: { 'retry-after': seconds } });
  const { result, warned, tookMs } = await ask({ 'a/v1/enrol': busy });
  expect(result).toBeUndefined();
  expect(warned).toEqual(['no server said who this machine is: http://a:8080 is busy']);
  expect(tookMs).toBeLessThanOrEqual(40_000);
});

it('a host key that cannot be written or signed costs a machine neither its certificate nor its secrets', async () => {
  const { result, warned } = await ask({}, { files: { [HOME]: 'a file where the folder should be' } });
  expect(result).toMatchObject({ answer: { state: 'approved' }, secrets: { secrets: [] } });
  expect(warned).toEqual([expect.stringMatching(/^http:\/\/a:8080 did not sign the SSH host key: E/)]);
  const cut = await ask({ 'a/v1/ssh/host-certificate': ['refused'] });
  expect(cut.result).toMatchObject({ answer: { state: 'approved' }, secrets: { secrets: [] } });
});

const LIMITS = { connectTimeoutMs: 2_000, idleTimeoutMs: 2_000 };
const TRUST = { caPem: 'PEM', machineAuthoritiesPem: 'PEM', serverName: 'server.statectl.internal' };
const keyPem = key.export({ type: 'pkcs8', format: 'pem' }).toString();

it('a machine asks for its port and its token in the open, and all else of a server that it believes, by what it got', async () => {
  const { requests } = await ask({});
  const asked = requests.map(({ url, method = 'GET', tls }) => [method, url.href, tls]);
  expect(asked).toEqual([
    ['GET', 'http://a:8080/v1/tls', undefined],
    ['POST', 'http://a:8080/v1/token?mac=52%3A54%3A00%3A12%3A34%3A01', undefined],
    ['POST', 'https://a:8443/v1/enrol', TRUST],
    ['GET', 'https://a:8443/v1/secrets', { ...TRUST, certPem: 'PEM', keyPem }],
    ['POST', 'https://a:8443/v1/ssh/host-certificate', { ...TRUST, certPem: 'PEM', keyPem }],
  ]);
  expect(requests.every((request) => request.signal)).toBe(true);
  for (const request of requests) expect(request).toMatchObject(LIMITS);
  const enrolment = requests.find(({ url }) => url.pathname === '/v1/enrol');
  expect(enrolment?.headers).toEqual({ 'content-type': 'application/json' });
  expect(JSON.parse(String(enrolment?.body))).toEqual({
    request: expect.stringContaining('CERTIFICATE REQUEST'),
    machine: { mac: '52:54:00:12:34:01' },
    token: 'once',
  });
  const signed = requests.at(-1);
  expect(signed?.headers).toEqual({ 'content-type': 'application/json' });
  expect(JSON.parse(String(signed?.body))).toEqual({ publicKey: expect.stringMatching(/^ecdsa-sha2-nistp256 /) });
});

it.each([
  ['with a certificate of an earlier boot shows that', { certificatePem: 'OWN' }, { ...TRUST, certPem: 'OWN', keyPem }],
  ['whose record does not trust the network', { trust: 'proven' as const }, TRUST],
])('a machine %s, and asks for no token', async (_title, changes, tls) => {
  const { requests } = await ask({}, changes);
  expect(requests.map(({ url }) => url.pathname)).not.toContain('/v1/token');
  const enrolment = requests.find(({ url }) => url.pathname === '/v1/enrol');
  expect(enrolment?.tls).toEqual(tls);
  expect(JSON.parse(String(enrolment?.body)).token).toBeUndefined();
});

it('a machine that gets no token waits for a person as others do', async () => {
  const { requests, result } = await ask({ 'a/v1/token': [{ status: 404, body: '{"token":"no"}' }] });
  const enrolment = requests.find(({ url }) => url.pathname === '/v1/enrol');
  expect(JSON.parse(String(enrolment?.body)).token).toBeUndefined();
  expect(result?.answer.state).toBe('approved');
});

it.each<[string, ServedAnswer, string]>([
  ['has no authority', { status: 404, body: '{"port":8443}' }, 'it enrols no machines'],
  ['says no port', { body: '{"name":"common"}' }, 'it enrols no machines'],
])('a server that %s is asked nothing more, and the next one is', async (_title, answer, why) => {
  const { result, warned, requests } = await ask({ 'a/v1/tls': [answer] }, { names: ['a', 'b'] });
  expect(result?.server).toBe('http://b:8080');
  expect(warned).toEqual([`http://a:8080 did not say who this machine is: ${why}`]);
  expect(requests.filter(({ url }) => url.hostname === 'a')).toHaveLength(1);
});

it.each<[number, string, string]>([
  [400, '{"detail":"the request is none"}', 'the request is none'],
  [500, '{}', 'status 500'],
  // Whatever it says.
  [500, '{"state":"approved","detail":"it broke"}', 'it broke'],
])('an answer of status %d is none: %s', async (status, body, why) => {
  const { result, warned } = await ask({ 'a/v1/enrol': [{ status, body }] });
  expect(result).toBeUndefined();
  expect(warned).toEqual([`http://a:8080 did not say who this machine is: ${why}`]);
});

it.each([
  [202, 'pending'],
  [403, 'denied'],
])('who is not let in asks for no secrets (%d)', async (status, state) => {
  const { result, requests } = await ask({ 'a/v1/enrol': [{ status, body: JSON.stringify({ state }) }] });
  expect(result).toEqual({ server: 'http://a:8080', answer: { state } });
  expect(requests.at(-1)?.url.pathname).toBe('/v1/enrol');
});

it('what a server does not give is told, and keeps nothing else back', async () => {
  const { result, certificate, warned } = await ask({
    'a/v1/secrets': [{ status: 500, body: '{}' }],
    'a/v1/ssh/host-certificate': [{ status: 500, body: '{"certificate":"no"}' }],
  });
  expect(result).toMatchObject({ answer: { state: 'approved' } });
  expect([result?.secrets, certificate]).toEqual([undefined, undefined]);
  expect(warned).toEqual([
    'http://a:8080 gave no secrets: status 500',
    'http://a:8080 did not sign the SSH host key: status 500',
  ]);
});

it('without ssh nobody signs a host key', async () => {
  const { requests } = await ask({}, { hostCertificate: false });
  expect(requests.at(-1)?.url.pathname).toBe('/v1/secrets');
});

it('servers of which nothing depends are told of in passing', async () => {
  const { lines, warned } = await ask({ 'a/v1/tls': [{ status: 404, body: '{}' }] }, { isNeeded: false });
  expect([lines.length, warned]).toEqual([1, []]);
});

it('nobody is asked any more when the boot goes on without', async () => {
  const stop = new AbortController();
  stop.abort(new Error('the boot goes on'));
  await expect(ask({}, { signal: stop.signal, names: ['a', 'b'] })).rejects.toThrow('the boot goes on');
});
