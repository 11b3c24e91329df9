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
    ...changes
  }: Partial<StepOf<'enrol'>> & {
    readonly names?: readonly string[];
    readonly files?: Readonly<Record<string, Seed>>;
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
  const own = { key, caPem: 'PEM', certificatePem: undefined };
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
      signal: new AbortController().signal,
    },
    own,
  );
  const certificate = await host.files.readText(hostKeyFiles(HOME).certificate).catch(() => undefined);
  const times = (path: string) => asked.filter((one) => one.path === path).map(({ atMs }) => atMs);
  return { result, certificate, lines, warned, times, tookMs: host.clock.uptimeMs() };
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
