import { describe, expect, it } from 'vitest';
import { openSession } from '../../../../src/agent/servers/server-session.ts';
import type { ServedAnswer, Server } from '../../../../src/host/memory/http.ts';
import { memoryHost } from '../../../../src/host/memory.ts';

const SERVER = 'http://a.lab:8080';
const SECURE = 'https://a.lab:8443';
const HELLO = 'id: ab-3\nevent: hello\ndata: {}\n\n';
const PEMS = { 'cert.pem': 'CERT', 'key.pem': 'KEY', 'ca.pem': 'CA' };

function lab({
  tls = { body: '{"port": 8443}' },
  events = { body: HELLO, end: 'stall' },
  pems = PEMS,
  authorities = [],
}: {
  readonly tls?: ServedAnswer;
  readonly events?: ServedAnswer | 'silent';
  readonly pems?: Readonly<Record<string, string>>;
  readonly authorities?: readonly string[];
} = {}) {
  const servers: Record<string, Server> = { [SERVER]: () => tls, [SECURE]: () => events };
  const files = Object.fromEntries(
    Object.entries(pems).map(([name, pem]) => [`/run/statectl/identity/${name}`, pem] as const),
  );
  const host = memoryHost({ servers, files });
  const options = { identity: '/run/statectl/identity', authorities, connectMs: 2000, stallMs: 10_000 };
  const { signal } = new AbortController();
  return {
    host,
    open: (asked: { lastEventId?: string } = {}) => openSession(host, SERVER, { ...options, ...asked }, signal),
  };
}

const refused = (status: number, detail: string): ServedAnswer => ({ status, body: JSON.stringify({ detail }) });

describe('the stream of a server', () => {
  it('is opened with the certificate of this machine, of a server that our authority vouches for', async () => {
    const { host, open } = lab();
    const { first } = await open({ lastEventId: 'ab-2' });
    expect(first).toEqual({ id: 'ab-3', event: 'hello', data: {} });
    const asked = host.calls.flatMap((call) => (call.kind === 'request' ? [call] : []));
    expect(asked.map(({ url }) => url.href)).toEqual([`${SERVER}/v1/tls`, `${SECURE}/v1/events`]);
    // The time for TCP is enough for no TLS handshake of a small machine.
    expect(asked.map(({ request }) => request.connectTimeoutMs)).toEqual([2000, 20_000]);
    expect(asked[1]?.request.headers).toMatchObject({ 'last-event-id': 'ab-2' });
    expect(asked[1]?.request.tls).toEqual({
      certPem: 'CERT',
      keyPem: 'KEY',
      caPem: 'CA',
      serverName: 'server.statectl.internal',
      machineAuthoritiesPem: 'CA',
    });
  });

  it('of a server with a certificate of its own is opened where config.d names who signed it', async () => {
    const { host, open } = lab({ tls: { body: '{"port": 8443, "name": "host"}' }, authorities: ['THEIRS'] });
    await open();
    const [, asked] = host.calls.flatMap((call) => (call.kind === 'request' ? [call] : []));
    expect(asked?.request.tls).toEqual({
      certPem: 'CERT',
      keyPem: 'KEY',
      caPem: 'THEIRS\n',
      machineAuthoritiesPem: 'CA',
    });
  });

  it('that is silent for three beats is given up', async () => {
    const { host, open } = lab();
    const { messages } = await open();
    const before = host.clock.uptimeMs();
    const all = async () => {
      for await (const message of messages) expect(message).toBe('beat');
    };
    await expect(all()).rejects.toMatchObject({ code: 'server-stalled' });
    expect(host.clock.uptimeMs() - before).toBe(45_000);
  });

  it.each<[string, string, Parameters<typeof lab>[0]]>([
    ['the machine has no certificate', 'no-certificate', { pems: { 'ca.pem': 'CA' } }],
    ['the server has no authority', 'no-events', { tls: refused(404, 'this server has no certificate authority') }],
    ['nobody vouches for it', 'no-authority', { pems: { 'cert.pem': 'CERT', 'key.pem': 'KEY' } }],
    [
      'it shows a name of its own, and config.d names no authority for that',
      'no-authority',
      { tls: { body: '{"port": 8443, "name": "host"}' } },
    ],
    ['it answers nonsense', 'no-events', { tls: { body: '<html>' } }],
    ['its answer has no end', 'answer-too-large', { tls: { body: 'x'.repeat(100_000) } }],
    ['it does not take the certificate', 'certificate-refused', { events: refused(401, 'for machines') }],
    ['it is older and has no events', 'no-events', { events: refused(404, 'there is nothing under this path') }],
    ['nobody is there', 'server-unreachable', { events: 'silent' }],
    ['it begins with something else', 'no-events', { events: { body: 'event: bundle\ndata: {}\n\n' } }],
    ['it ends at once', 'no-events', { events: { body: '' } }],
    ['it says nothing', 'server-silent', { events: { body: ':\n', end: 'stall' } }],
  ])('is not opened where %s', async (_, code, options) => {
    const { host, open } = lab(options);
    await expect(open()).rejects.toMatchObject({ code });
    expect(host.clock.uptimeMs()).toBeLessThanOrEqual(30_000);
  });
});
