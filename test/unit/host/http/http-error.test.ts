import { expect, it } from 'vitest';
import { httpError } from '../../../../src/host/http/http-error.ts';

const URL_ = new URL('https://me:secret@boot.example/image?v=1#part');
const withCode = (code: string, cause?: unknown) => Object.assign(new Error(code, { cause }), { code });
const told = (error: unknown, during: 'answer' | 'body' = 'answer') => httpError(error, URL_, undefined, during);

it('says what the server did, in a code and in words, without the password', () => {
  expect(told(withCode('ECONNREFUSED'))).toMatchObject({
    code: 'server-unreachable',
    message: 'https://boot.example/image?v=1: server not reachable: nothing listens there (ECONNREFUSED)',
  });
  expect(told(withCode('UND_ERR_BODY_TIMEOUT'), 'body')).toMatchObject({ code: 'server-stalled' });
  expect(told(withCode('UND_ERR_SOCKET'), 'body')).toMatchObject({ code: 'transfer-broken' });
  expect(told(new Error('whatever'))).toMatchObject({
    code: 'transfer-broken',
    message: expect.stringContaining('whatever'),
  });
});

it('looks into causes, and into the attempts on several addresses', () => {
  const attempts = new AggregateError([withCode('EHOSTUNREACH'), withCode('ENETUNREACH')]);
  expect(told(attempts)).toMatchObject({ code: 'server-unreachable', message: expect.stringContaining('no route') });
  expect(told(new TypeError('failed', { cause: withCode('ENOTFOUND') }))).toMatchObject({ code: 'server-unreachable' });
});

it('takes a time-out for a dead server before it answers, for a stalled one after', () => {
  expect(told(withCode('ETIMEDOUT'), 'answer')).toMatchObject({ code: 'server-unreachable' });
  expect(told(withCode('ETIMEDOUT'), 'body')).toMatchObject({ code: 'server-stalled' });
});

it('names a certificate that is not trusted, and the clock where that may be why', () => {
  expect(told(withCode('DEPTH_ZERO_SELF_SIGNED_CERT'))).toMatchObject({
    code: 'server-untrusted',
    hint: expect.stringContaining('CA'),
  });
  expect(told(withCode('CERT_NOT_YET_VALID'))).toMatchObject({
    code: 'server-untrusted',
    hint: expect.stringContaining('clock'),
  });
});
