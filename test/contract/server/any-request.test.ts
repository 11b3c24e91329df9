import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import type { FastifyInstance, InjectOptions } from 'fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { IdentityFile } from '../../../src/config/schema/identity.ts';
import { linuxHost } from '../../../src/host/linux/host.ts';
import { makeCertificateRequest } from '../../../src/identity/certificates/certificate-request.ts';
import { openBundles } from '../../../src/server/bundles/bundles.ts';
import { eventHub } from '../../../src/server/events/event-hub.ts';
import { useImage } from '../../../src/server/images/uses.ts';
import { bootTokens } from '../../../src/server/machines/boot-tokens.ts';
import { issueServerCertificate } from '../../../src/server/machines/server-certificate.ts';
import { createSecureApp } from '../../../src/server/secure-app.ts';
import { anyLetters } from '../../fixtures/any-letters.ts';
import { createContent, SIGNER } from '../../fixtures/bundle.ts';
import { placeAuthority } from '../../fixtures/identity/authority.ts';
import { type MachineKeys, machineKeys } from '../../fixtures/identity/machine-keys.ts';
import { routesOf } from '../../fixtures/server/routes.ts';
import { appOver, type TemporaryStore, temporaryStore } from '../../fixtures/server/temporary-store.ts';

const identity = IdentityFile.parse({ trust: 'network' });
const found = async () => ({ node: 'print01', identity, users: {} });
const nodes = { ofMachine: found, ofNode: found };

/** What is sent to servers in order to see what they do; names that objects have, and what the routes do read. */
const word = fc.oneof(
  fc.constantFrom(
    '',
    'a@b@c',
    '@',
    'lab@',
    'lab@20261120.1',
    '../../etc/passwd',
    '%',
    '%00',
    '__proto__',
    'constructor',
  ),
  fc.constantFrom('52:54:00:12:34:56', '00000000-0000-4000-8000-000000000001', 'x86_64', 'null', '[]', '{}', '1e999'),
  anyLetters({ maxLength: 40 }),
  fc.string({ maxLength: 40 }),
  fc.stringMatching(/^[a-z0-9.@:-]{0,300}$/),
);
const KEYS = ['mac', 'uuid', 'serial', 'hostname', 'arch', 'labels', 'macs', 'image', 'toString', '__proto__'];
const query = fc
  .array(fc.tuple(fc.oneof(fc.constantFrom(...KEYS), word), word), { maxLength: 6 })
  .map((pairs) => pairs.map(([key, value]) => `${encode(key)}=${encode(value)}`).join('&'));
const encode = (text: string): string => encodeURIComponent(text.toWellFormed());

const anyBody = fc.oneof(
  fc.json({ maxDepth: 4 }),
  anyLetters({ maxLength: 200 }),
  fc
    .dictionary(
      fc.constantFrom('mac', 'uuid', 'id', 'image', 'version', 'config', 'request', 'machine', 'token', 'publicKey'),
      fc.oneof(word, fc.jsonValue()),
    )
    .map((value) => JSON.stringify(value)),
  fc.integer({ min: 0, max: 2_000 }).map((depth) => `${'['.repeat(depth)}${']'.repeat(depth)}`),
);
const headers = fc.record(
  {
    'content-type': fc.constantFrom('application/json', 'application/json; charset=latin1', 'text/plain', 'a/b;c', ''),
    host: fc.constantFrom('lab', 'lab:80', '[::1]:8080', 'a b', 'lab:99999', '$(x)'),
    range: fc.oneof(
      fc.constantFrom('bytes=0-0', 'bytes=-0', 'bytes=9-1', 'bytes=1-', 'bytes=,'),
      fc.stringMatching(/^bytes=\d{0,30}-\d{0,30}$/),
    ),
    'if-none-match': fc.constantFrom('*', '"x"', ',,,', 'W/'),
    'last-event-id': fc.constantFrom('', 'a-1', '1'),
    'accept-encoding': fc.constantFrom('gzip', '*'),
  },
  { requiredKeys: [] },
);

/** For the parameters of each route there is something; and there are ways that lead nowhere. */
const requests = (routes: readonly string[]): fc.Arbitrary<InjectOptions> =>
  fc
    .record({
      method: fc.constantFrom('GET', 'GET', 'POST', 'HEAD', 'PUT', 'DELETE', 'OPTIONS') as fc.Arbitrary<'GET'>,
      path: fc.oneof(
        fc.constantFrom(...routes.map((route) => route.split(' ')[1] ?? '')),
        word.map((text) => `/${encode(text)}`),
        fc.constantFrom('/%', '/v1/%zz', '/v1/events/%c0%af', '//', '/v1/enrol%'),
      ),
      parameters: fc.array(word, { minLength: 4, maxLength: 4 }),
      query: fc.oneof(query, fc.stringMatching(/^[!-~]{0,60}$/)),
      headers,
      payload: anyBody,
    })
    .map(({ path, parameters, query, payload, method, headers }) => {
      const url = path.replaceAll(/:\w+|\*/g, () => encode(parameters.pop() ?? 'x'));
      return { method, url: `${url}?${query}`, headers, ...(method === 'GET' || method === 'HEAD' ? {} : { payload }) };
    });

/** What is refused, even before any route, is refused by a problem, and is in the access log. */
async function neverFails(app: FastifyInstance, log: readonly string[]): Promise<void> {
  const routes = await routesOf(app);
  expect(routes.length).toBeGreaterThan(3);
  await fc.assert(
    fc.asyncProperty(requests(routes), async (request) => {
      const before = log.length;
      const { statusCode, headers } = await app.inject(request);
      expect(statusCode, log.at(-1)).toBeLessThan(statusCode === 503 ? 504 : 500);
      if (statusCode >= 400) expect(headers['content-type']).toContain('application/problem+json');
      await expect.poll(() => log.length, { interval: 1 }).toBe(before + 1);
    }),
    { numRuns: 1_500 },
  );
}

describe('whatever a stranger asks', () => {
  let dir: string;
  let temporary: TemporaryStore;
  let enrolments: MachineKeys;
  const host = { ...linuxHost(), console: { line: () => undefined } };
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'statectl-any-'));
    temporary = await temporaryStore(host.clock);
    await temporary.add();
    await useImage(temporary.store, 'lab');
    enrolments = await machineKeys(dir);
  });
  afterAll(async () => {
    await enrolments[Symbol.asyncDispose]();
    await temporary[Symbol.asyncDispose]();
    await rm(dir, { recursive: true });
  });

  it('is no failure of the server', { timeout: 120_000 }, async () => {
    const log: string[] = [];
    const { store } = temporary;
    const { app } = appOver(store, {
      log: (line) => log.push(line),
      clock: host.clock,
      bundles: await openBundles({ store, signer: SIGNER, renderNode: async () => createContent() }),
      renderPublic: async (name) =>
        name === 'x'
          ? ({ kind: 'plain', path: '/x', content: 'x', mode: 0o644, owner: '0', group: '0' } as never)
          : undefined,
      bootSettings: async () => undefined,
      tokenRoutes: { tokens: bootTokens(Date.now), nodes, secure: { port: 8443, name: 'common' }, alarm: () => {} },
    });
    await neverFails(app, log);
    for (const image of ['a@b@c', '@', 'a b', 'lab@1@', '.', 'lab&image=lab'])
      expect((await app.inject(`/v1/boot?image=${image}`)).statusCode).toBe(400);
    await app.close();
  });

  it('is no failure of the port that knows machines either', { timeout: 120_000 }, async () => {
    const log: string[] = [];
    const ca = await placeAuthority(host, join(dir, 'keys'));
    const app = createSecureApp({
      certificate: await issueServerCertificate(ca, Date.now()),
      authorities: [ca.certificatePem],
      events: { hub: eventHub(Date.now) },
      ...{
        store: enrolments.store,
        authority: ca,
        nodes,
        tokens: bootTokens(Date.now),
        now: Date.now,
        clock: host.clock,
      },
      log: (line) => log.push(line),
      readSecret: async () => undefined,
      signHostKey: async () => 'certificate',
      keepReport: async () => {},
    });
    await neverFails(app, log);
    // What is nearly an enrolment.
    const request = await makeCertificateRequest(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey);
    const enrolment = fc.record({
      request: fc.oneof(
        fc.constant(request),
        fc.tuple(fc.nat(request.length), word).map(([at, text]) => request.slice(0, at) + text + request.slice(at)),
        fc.nat(request.length).map((at) => request.slice(0, at)),
      ),
      machine: fc.dictionary(fc.constantFrom(...KEYS), word, { maxKeys: 5 }),
      token: word,
    });
    await fc.assert(
      fc.asyncProperty(enrolment, async (payload) => {
        const { statusCode } = await app.inject({ method: 'POST', url: '/v1/enrol', payload });
        expect(statusCode, log.at(-1)).toBeLessThan(statusCode === 503 ? 504 : 500);
      }),
      { numRuns: 300 },
    );
    await app.close();
  });
});
