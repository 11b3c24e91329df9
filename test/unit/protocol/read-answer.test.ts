import { describe, expect, it, test } from 'vitest';
import type * as z from 'zod/mini';
import { BootAnswer } from '../../../src/protocol/boot-answer.ts';
import {
  EnrolAnswer,
  EnrolRequest,
  HostKeyAnswer,
  HostKeyRequest,
  TokenAnswer,
} from '../../../src/protocol/enrolment.ts';
import { MoveEvent } from '../../../src/protocol/events.ts';
import { detailOf, type Problem } from '../../../src/protocol/problem.ts';
import { readAnswer, readSaid } from '../../../src/protocol/read-answer.ts';
import { Report } from '../../../src/protocol/report.ts';
import { MachineSecrets } from '../../../src/protocol/secrets.ts';
import { SecurePort } from '../../../src/protocol/secure-port.ts';
import { ServerStatus } from '../../../src/protocol/server-status.ts';

const SERVER = 'http://server:8080';
const SECRET = { path: '/etc/key', owner: 'root', group: 'root', content: 'eA==' };

/** What this version says, and one member that nobody can do without. */
const ANSWERS: readonly (readonly [string, z.core.$ZodType, object, string])[] = [
  ['GET /v1/boot', BootAnswer, { manifestUrl: '/m', signatureUrl: '/m.sig', files: { root: '/r' } }, 'files'],
  ['GET /v1/status', ServerStatus, { accepting: true, load: 0.5 }, 'load'],
  ['GET /v1/tls', SecurePort, { port: 8443, name: 'common' }, 'port'],
  ['POST /v1/token', TokenAnswer, { token: 'x' }, 'token'],
  [
    'POST /v1/enrol',
    EnrolAnswer,
    { state: 'approved', node: 'n', certificatePem: 'P', proof: 'person' },
    'certificatePem',
  ],
  ['POST /v1/enrol, refused', EnrolAnswer, { state: 'denied', fingerprint: 'f' }, 'state'],
  ['GET /v1/secrets', MachineSecrets, { node: 'n', secrets: [SECRET], passwords: {}, missing: {} }, 'secrets'],
  ['POST /v1/ssh/host-certificate', HostKeyAnswer, { certificate: 'C' }, 'certificate'],
];

describe.each(ANSWERS)('the answer to %s', (_, schema, answer, needed) => {
  const read = (said: unknown) => readAnswer(SERVER, JSON.stringify(said), schema);

  it('may say more than this machine knows', () => {
    const later = Object.fromEntries(Object.entries(answer).map(([key, value]) => [key, more(value)]));
    expect(read({ ...later, mood: 'good', plan: { a: 1 } })).toMatchObject(answer);
  });

  it('names the server, and what is missing or of another kind', () => {
    const { [needed]: _missing, ...less } = answer as Record<string, unknown>;
    const about = { code: 'http-answer', message: expect.stringMatching(`^${SERVER} .*"${needed}"`) };
    expect(() => read(less)).toThrow(expect.objectContaining(about));
    expect(() => read({ ...answer, [needed]: true })).toThrow(`"${needed}"`);
    for (const nonsense of [null, 7, 'text', [answer]])
      expect(() => read(nonsense)).toThrow(`${SERVER} does not answer like a statectl server: it is`);
  });
});

/** A later version's objects have more members, in lists too. */
const more = (value: unknown): unknown =>
  Array.isArray(value)
    ? value.map(more)
    : typeof value === 'object' && value !== null && Object.keys(value).length > 0
      ? { ...value, later: 'something' }
      : value;

test.each(['', '<html>', '{"port":', '\0'])('%j is no answer of a server', (text) => {
  expect(() => readAnswer(SERVER, text, SecurePort)).toThrow('it is no JSON');
  expect(readSaid(Buffer.from(text), SecurePort)).toEqual({ fault: 'it is no JSON' });
});

test('an earlier server says less of its port for TLS, and a later one may have another kind of name', () => {
  expect(readAnswer(SERVER, '{"port":8443}', SecurePort)).toEqual({ port: 8443, name: 'common' });
  expect(readAnswer(SERVER, '{"port":8443,"name":"both"}', SecurePort).name).toBe('common');
});

test('a later server may know another proof, and need not tell a machine its own fingerprint', () => {
  const approved = { state: 'approved', node: 'n', certificatePem: 'P', proof: 'tpm-quote' };
  expect(readAnswer(SERVER, JSON.stringify(approved), EnrolAnswer)).toEqual(approved);
  expect(readAnswer(SERVER, '{"state":"denied"}', EnrolAnswer)).toEqual({ state: 'denied' });
});

test('what a later server says of a secret is kept for a later statectl', () => {
  const secrets = { node: 'n', secrets: [{ ...SECRET, mode: 0o640 }], passwords: {}, missing: {}, rotates: 'weekly' };
  expect(readAnswer(SERVER, JSON.stringify(secrets), MachineSecrets)).toEqual(secrets);
});

test('what of an order to move cannot be read counts as not said', () => {
  expect(MoveEvent.parse({ order: 7, to: 'b', reason: [] })).toEqual({});
  expect(MoveEvent.parse({ order: 'admin', to: ['http://b'], reason: 'r', when: 'now' })).toEqual({
    ...{ order: 'admin', to: ['http://b'], reason: 'r' },
  });
});

describe('a server', () => {
  it.each([
    [EnrolRequest, { request: 'r', machine: {} }],
    [HostKeyRequest, { publicKey: 'k' }],
  ])('takes no request that says more than it knows: %#', (schema, request) => {
    expect(schema.safeParse(request).success).toBe(true);
    expect(schema.safeParse({ ...request, more: 1 }).success).toBe(false);
  });

  it('keeps what a later machine reports', () => {
    const report = { id: 'x', mac: '52:54:00:12:34:56', slots: { a: 'good' } };
    expect(Report.parse(report)).toEqual(report);
    expect(Report.safeParse({ id: '' }).success).toBe(false);
  });
});

test('the sentence of a problem is its detail, or its title, and of a proxy’s page none', () => {
  expect(detailOf(JSON.stringify({ title: 'Not Found', detail: 'no image' } satisfies Problem))).toBe(': no image');
  expect(detailOf(Buffer.from('{"title":"Bad Gateway"}'))).toBe(': Bad Gateway');
  for (const body of ['{}', '<html>', '', '{"detail":7}']) expect(detailOf(body)).toBe('');
});
