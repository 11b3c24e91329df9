import { execFileSync } from 'node:child_process';
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls, type SecureVersion, type TLSSocket } from 'node:tls';
import type { FastifyInstance } from 'fastify';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { IdentityFile } from '../../../src/config/schema/identity.ts';
import { UsersFile } from '../../../src/config/schema/users.ts';
import { linuxHost } from '../../../src/host/linux/host.ts';
import { type Authority, authority } from '../../../src/identity/certificates/authority.ts';
import { makeCertificateRequest } from '../../../src/identity/certificates/certificate-request.ts';
import { fingerprintOf, keyDigest } from '../../../src/identity/certificates/fingerprint.ts';
import { issueCertificate } from '../../../src/identity/certificates/leaf-certificate.ts';
import { hostKey } from '../../../src/identity/machine/ssh-host-key.ts';
import { SERVER_NAME } from '../../../src/protocol/machine-name.ts';
import { type EventHub, type EventReader, type EventSink, eventHub } from '../../../src/server/events/event-hub.ts';
import {
  MOST_CONNECTIONS_OF_MACHINE,
  MOST_CONNECTIONS_OF_STRANGERS,
} from '../../../src/server/limits/connection-bound.ts';
import { type BootTokens, bootTokens } from '../../../src/server/machines/boot-tokens.ts';
import { issueServerCertificate } from '../../../src/server/machines/server-certificate.ts';
import { hostKeySigner, type SignHostKey } from '../../../src/server/machines/ssh-authority.ts';
import { createSecureApp } from '../../../src/server/secure-app.ts';
import { type MachineKeys, machineKeys } from '../../fixtures/identity/machine-keys.ts';

const MACS = { print01: '52:54:00:12:34:01', print02: '52:54:00:12:34:02', lab: '52:54:00:12:34:03' } as const;
type Node = keyof typeof MACS;
const HOUR = 3_600_000;

const IDENTITIES = {
  print01: { secrets: { '/etc/moonraker/token': { secret: 'secret:one', owner: '900:900', credential: 'moonraker' } } },
  print02: { secrets: { '/etc/two': { secret: 'secret:two' } } },
  lab: {
    trust: 'network',
    secrets: { '/etc/lab': { secret: 'secret:lab', trust: 'network' }, '/etc/two': { secret: 'secret:two' } },
  },
} as const;
const { users: USERS } = UsersFile.parse({
  users: { ada: { password: 'secret:ada' }, bob: { password: 'secret:one' } },
});
const HASH = '$6$saltsalt$canaryhashcanaryhash';
const SECRETS: Readonly<Record<string, string>> = {
  ada: `${HASH}\n`,
  one: 'canary-one',
  two: 'canary-two',
  lab: 'canary-lab',
};

const newKey = (): KeyObject => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;

interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown>;
}
interface Shown {
  readonly key: KeyObject;
  readonly certificate: string;
}

/** `GET /path` of all, but the HEAD that Fastify adds to each GET. */
const routesOf = (app: FastifyInstance): readonly string[] => {
  const tree = app.printRoutes({ commonPrefix: false });
  return [...tree.matchAll(/(\/\S+) \(([A-Z, ]+)\)/g)].flatMap(([, path, methods = '']) =>
    methods.split(', ').flatMap((method) => (method === 'HEAD' ? [] : [`${method} ${path}`])),
  );
};

/** Counts what happens, and lets a test wait for it. */
interface Counter {
  readonly count: number;
  add(): void;
  until(count: number): Promise<void>;
}

function counter(): Counter {
  let count = 0;
  let waiting: { readonly wanted: number; readonly reached: () => void }[] = [];
  return {
    get count() {
      return count;
    },
    add() {
      count += 1;
      for (const { wanted, reached } of waiting) if (count >= wanted) reached();
      waiting = waiting.filter(({ wanted }) => count < wanted);
    },
    until: (wanted) =>
      count >= wanted ? Promise.resolve() : new Promise((reached) => void waiting.push({ wanted, reached })),
  };
}

describe('the routes that need to know who asks', () => {
  let dir: string;
  let ca: Authority;
  let other: Authority;
  let keys: string;
  let enrolments: MachineKeys;
  let tokens: BootTokens;
  let port: number;
  let routes: readonly string[];
  let stop: () => Promise<void>;
  let log: string[];
  let hub: EventHub;
  let sign: SignHostKey;
  /** Answers with a Retry-After, which is drawn. */
  let refusals: Counter;
  /** Before a machine is looked up. */
  let lookUp: () => Promise<void>;
  /** Before it is known what a machine gets. */
  let digesting: () => Promise<unknown>;
  /** Before a secret is read. */
  let reading: () => Promise<void>;
  /** What the last stream that was written to holds for its reader, in bytes. */
  let waiting: number;

  beforeAll(async () => {
    keys = mkdtempSync(join(tmpdir(), 'statectl-authorities-'));
    const host = { ...linuxHost(), console: { line: () => undefined } };
    [ca, other] = [await authority(host, `${keys}/ours`), await authority(host, `${keys}/other`)];
  });
  afterAll(() => rmSync(keys, { recursive: true }));
  beforeEach(async () => {
    dir = mkdtempSync(join(tmpdir(), 'statectl-secure-'));
    const host = linuxHost();
    enrolments = await machineKeys(dir);
    tokens = bootTokens(host.clock.now);
    log = [];
    sign = hostKeySigner(host, dir);
    const of = (name: string | undefined) =>
      name !== undefined && name in IDENTITIES
        ? { node: name, identity: IdentityFile.parse(IDENTITIES[name as Node]), users: USERS }
        : undefined;
    const real = eventHub(host.clock.now);
    hub = Object.create(real, {
      open: {
        value: (reader: EventReader, sink: EventSink, lastEventId?: string) => {
          const write = (text: string) => (waiting = sink.write(text));
          return real.open(reader, { ...sink, write }, lastEventId);
        },
      },
    });
    waiting = 0;
    lookUp = async () => {};
    reading = async () => {};
    digesting = async () => {};
    refusals = counter();
    const random = () => {
      refusals.add();
      return 0.5;
    };
    const app = createSecureApp({
      events: {
        hub,
        async contentDigest({ mac }) {
          await digesting();
          return `content of ${mac}`;
        },
      },
      certificate: await issueServerCertificate(ca, host.clock.now()),
      authorities: [ca.certificatePem],
      store: enrolments.store,
      authority: ca,
      tokens,
      nodes: {
        async ofMachine({ macs }) {
          await lookUp();
          return of(Object.keys(MACS).find((node) => macs.includes(MACS[node as Node])));
        },
        ofNode: async (name) => of(name),
      },
      now: host.clock.now,
      clock: { ...host.clock, random },
      log: (line) => log.push(line),
      signHostKey: (wish) => sign(wish),
      readSecret: async (name) => {
        await reading();
        return SECRETS[name] === undefined ? undefined : Buffer.from(SECRETS[name]);
      },
    });
    routes = routesOf(app);
    await app.listen({ host: '127.0.0.1', port: 0 });
    port = (app.server.address() as AddressInfo).port;
    stop = async () => app.close();
  });
  afterEach(async () => {
    await stop();
    await enrolments[Symbol.asyncDispose]();
    rmSync(dir, { recursive: true });
  });

  const ask = (
    path: string,
    {
      body,
      shown,
      trust = ca.certificatePem,
      name = SERVER_NAME,
      heard = () => {},
    }: {
      readonly body?: unknown;
      readonly shown?: Shown;
      readonly trust?: string;
      readonly name?: string;
      readonly heard?: (headers: IncomingHttpHeaders) => void;
    } = {},
  ): Promise<Answer> => {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const request = httpsRequest(
      {
        ...{
          host: '127.0.0.1',
          port,
          path,
          method: body === undefined ? 'GET' : 'POST',
          ca: trust,
          servername: name,
          agent: false,
        },
        ...(body !== undefined && { headers: { 'content-type': 'application/json' } }),
        ...(shown && { key: shown.key.export({ type: 'pkcs8', format: 'pem' }).toString(), cert: shown.certificate }),
      },
      async (response) => {
        heard(response.headers);
        const chunks: Buffer[] = [];
        const isStream = response.headers['content-type'] === 'text/event-stream';
        for await (const chunk of response) {
          chunks.push(chunk);
          if (isStream) break;
        }
        const text = Buffer.concat(chunks).toString();
        const body = JSON.parse((isStream && /^data: (.*)$/m.exec(text)?.[1]) || text);
        resolve({ status: response.statusCode ?? 0, body });
      },
    );
    request.on('error', reject);
    request.end(body === undefined ? undefined : JSON.stringify(body));
    return promise;
  };
  const enrol = async (
    node: Node | 'stranger',
    key: KeyObject,
    more: { readonly token?: string; readonly shown?: Shown; readonly macs?: string } = {},
  ) =>
    ask('/v1/enrol', {
      body: {
        request: await makeCertificateRequest(key),
        machine: { mac: node === 'stranger' ? '52:54:00:99:99:99' : MACS[node], ...(more.macs && { macs: more.macs }) },
        ...(more.token && { token: more.token }),
      },
      ...(more.shown && { shown: more.shown }),
    });
  /** As `statectl node approve` does. */
  const approve = async (key: KeyObject, node: string) => {
    const found = await enrolments.find(keyDigest(key));
    if (!found) throw new Error('nobody waits');
    await enrolments.approve({ ...found, node, proof: 'person' });
  };
  const enrolled = async (node: Node): Promise<Shown> => {
    const key = newKey();
    await enrol(node, key);
    await approve(key, node);
    return { key, certificate: String((await enrol(node, key)).body.certificatePem) };
  };

  it('let a machine wait for a person, who sees the fingerprint that it shows', async () => {
    const key = newKey();
    const fingerprint = fingerprintOf(keyDigest(key));
    expect(fingerprint).toMatch(/^([a-z2-7]{4}-){4}[a-z2-7]{4}$/);
    expect(await enrol('print01', key)).toEqual({ status: 202, body: { state: 'pending', fingerprint } });
    expect(await enrolments.list('pending')).toMatchObject([{ node: 'print01', remote: '127.0.0.1' }]);
    await approve(key, 'print01');
    expect(await enrol('print01', key)).toMatchObject({
      status: 200,
      body: { state: 'approved', node: 'print01', proof: 'person' },
    });
  });

  it('give a machine its own secrets and no other’s', async () => {
    const { status, body } = await ask('/v1/secrets', { shown: await enrolled('print01') });
    expect(status).toBe(200);
    expect(body).toEqual({
      node: 'print01',
      secrets: [
        {
          path: '/etc/moonraker/token',
          owner: '900',
          group: '900',
          credential: 'moonraker',
          content: Buffer.from('canary-one').toString('base64'),
        },
      ],
      passwords: { ada: HASH },
      missing: { 'the password of bob': 'secret:one is no hash of crypt(5)' },
    });
    expect(log.join('\n')).not.toContain('canary');
  });

  it('give secrets to eight at once and four of one machine; one that asks for more is told when to come again', async () => {
    const machines = [await enrolled('print01'), await enrolled('print02'), await enrolled('lab')];
    const held = Promise.withResolvers<void>();
    const begun = counter();
    reading = () => {
      begun.add();
      return held.promise;
    };
    const askFour = (shown: Shown) => Array.from({ length: 4 }, () => ask('/v1/secrets', { shown }));
    const [one, two, three] = machines as [Shown, Shown, Shown];
    const answers = askFour(one);
    await begun.until(4);
    const fifth = await ask('/v1/secrets', { shown: one });
    expect([fifth.status, fifth.body.type]).toEqual([503, 'urn:statectl:problem:server-busy']);
    answers.push(...askFour(two));
    await begun.until(8);
    answers.push(...askFour(three));
    // Of all machines no more are begun: the third waits.
    expect((await ask('/v1/secrets', { shown: two })).status).toBe(503);
    expect(begun.count).toBe(8);
    held.resolve();
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual(answers.map(() => 200));
  });

  const certificateOf = async (key: KeyObject, by: Authority, notAfterMs = Date.now() + HOUR) => ({
    key,
    certificate: (
      await issueCertificate(by, {
        publicKey: (await import('node:crypto')).createPublicKey(key),
        commonName: 'print01',
        dnsNames: ['print01'],
        role: 'machine',
        notBeforeMs: Date.now() - 48 * HOUR,
        notAfterMs,
      })
    ).pem,
  });

  /** Those that do not count for print01, each with why. */
  const WORTHLESS: readonly (readonly [string, () => Promise<Shown | undefined>])[] = [
    ['none', async () => undefined],
    ['one whose key nobody approved', async () => certificateOf(newKey(), ca)],
    [
      'one of another authority',
      async () => {
        const { key } = await enrolled('print01');
        return certificateOf(key, other);
      },
    ],
    [
      'one that is over',
      async () => {
        const { key } = await enrolled('print01');
        return certificateOf(key, ca, Date.now() - HOUR);
      },
    ],
    [
      'one that was revoked',
      async () => {
        const shown = await enrolled('print01');
        await enrolments.decide(keyDigest(shown.key), 'revoked');
        return shown;
      },
    ],
    [
      'one of a key that another followed',
      async () => {
        const shown = await enrolled('print01');
        await enrol('print01', newKey(), { shown });
        return shown;
      },
    ],
    [
      'one of a key that was forgotten',
      async () => {
        const shown = await enrolled('print01');
        await enrolments.forget(keyDigest(shown.key));
        return shown;
      },
    ],
  ];
  /** What a machine asks under each route, and what of the answer says whose it is. */
  const ROUTES: Readonly<
    Record<string, { readonly body?: () => Promise<unknown>; readonly whose: (answer: Answer) => string }>
  > = {
    'GET /v1/secrets': { whose: ({ body }) => String(body.node) },
    // The first event of the stream.
    'GET /v1/events': { whose: ({ body }) => String(body.node) },
    'POST /v1/ssh/host-certificate': {
      body: async () => ({ publicKey: await hostKey(linuxHost(), join(dir, 'host')) }),
      whose: ({ body }) => /^\s+Key ID: "(.*)"$/m.exec(describedCertificate(String(body.certificate)))?.[1] ?? '',
    },
    'POST /v1/enrol': {
      // A new key, by a machine that claims to be print01.
      body: async () => ({ request: await makeCertificateRequest(newKey()), machine: { mac: MACS.print01 } }),
      whose: ({ body }) => String(body.node),
    },
  };
  const describedCertificate = (certificate: string): string => {
    writeFileSync(join(dir, 'shown-cert.pub'), certificate);
    return execFileSync('ssh-keygen', ['-L', '-f', join(dir, 'shown-cert.pub')]).toString();
  };
  const askRoute = async (route: string, shown?: Shown): Promise<Answer> =>
    ask(route.split(' ')[1] ?? '', { body: await ROUTES[route]?.body?.(), ...(shown && { shown }) });

  it('are all in this matrix', () => {
    expect(routes.toSorted()).toEqual(Object.keys(ROUTES).toSorted());
  });

  describe.each(Object.keys(ROUTES))('%s', (route) => {
    it.each(WORTHLESS)('gives nothing for a certificate: %s', async (_, make) => {
      const answer = await askRoute(route, await make());
      // Who only wants to be known may ask without; it waits for a person.
      if (route === 'POST /v1/enrol') expect([answer.status, answer.body.state]).toEqual([202, 'pending']);
      else expect([answer.status, answer.body.type]).toEqual([401, 'urn:statectl:problem:certificate-needed']);
    });

    it('gives each machine its own', async () => {
      for (const node of ['print01', 'print02'] as const) {
        const answer = await askRoute(route, await enrolled(node));
        expect([answer.status, ROUTES[route]?.whose(answer)]).toEqual([200, node]);
      }
    });
  });

  describe('and the stream of events', () => {
    /** Gives the text that has come, and closes. */
    const listen = async (shown: Shown, lastEventId?: string) => {
      const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
      httpsRequest(
        {
          ...{
            host: '127.0.0.1',
            port,
            path: '/v1/events',
            ca: ca.certificatePem,
            servername: SERVER_NAME,
            agent: false,
          },
          key: shown.key.export({ type: 'pkcs8', format: 'pem' }).toString(),
          cert: shown.certificate,
          headers: lastEventId === undefined ? {} : { 'last-event-id': lastEventId },
        },
        resolve,
      )
        .on('error', reject)
        .end();
      const response = await promise;
      let text = '';
      let wake = () => {};
      response.on('data', (chunk: Buffer) => {
        text += chunk;
        wake();
      });
      const ended = new Promise<void>((end) => void response.once('close', () => end()));
      return {
        response,
        ended,
        async until(wanted: string): Promise<string> {
          while (!text.includes(wanted))
            await new Promise<void>((more) => {
              wake = more;
            });
          return text;
        },
      };
    };

    it('are a machine’s own, go on after the last one, and end when the server stops', async () => {
      const shown = await enrolled('print01');
      const first = await listen(shown);
      expect(first.response.headers).toMatchObject({
        'content-type': 'text/event-stream',
        'cache-control': 'no-store',
      });
      await first.until('event: hello');
      expect(hub.contentOf('print01')).toBe(`content of ${MACS.print01}`);
      hub.publish('print02', 'bundle', {});
      hub.publish('print01', 'move', { to: ['http://b.lab'] });
      const text = await first.until('event: move');
      expect(text).not.toContain('event: bundle');
      const id = [...text.matchAll(/^id: (.*)$/gm)].at(-1)?.[1] ?? '';
      hub.publish('print01', 'bundle', {});
      await first.until('event: bundle');
      first.response.destroy();
      const again = await listen(shown, id);
      expect(await again.until('event: bundle')).not.toContain('event: move');
      await stop();
      await again.ended;
      expect(again.response.complete).toBe(true);
      expect(log.join('\n')).toContain('/v1/events');
    });

    it('say to a machine whose key was revoked that it was', async () => {
      const shown = await enrolled('print01');
      const stream = await listen(shown);
      await stream.until('event: hello');
      hub.dismiss({ node: 'print01', digest: keyDigest(shown.key) });
      await stream.until('event: identity');
      await stream.ended;
    });

    it('say so to a machine too whose key was revoked before its stream was open', async () => {
      const shown = await enrolled('print01');
      digesting = () => enrolments.decide(keyDigest(shown.key), 'revoked');
      const stream = await listen(shown);
      await stream.until('event: identity');
      await stream.ended;
    });

    it('do not keep the server from stopping, whoever does not read them', async () => {
      const shown = await enrolled('print01');
      const stream = await listen(shown);
      await stream.until('event: hello');
      stream.response.pause();
      // Until the kernel takes no more: then what was written before waits here, with what is written now.
      const each = 20_000;
      while (waiting < 1.5 * each && hub.isOpen('print01')) {
        hub.publish('print01', 'bundle', { line: 'x'.repeat(each) });
        for (let turn = 0; turn < 10; turn += 1) await new Promise((next) => setImmediate(next));
      }
      expect(hub.isOpen('print01')).toBe(true);
      const before = performance.now();
      await stop();
      expect(performance.now() - before).toBeLessThan(10_000);
      stream.response.destroy();
    });

    it('are cut for who does not read them', async () => {
      const shown = await enrolled('print01');
      const stream = await listen(shown);
      await stream.until('event: hello');
      stream.response.pause();
      const line = 'x'.repeat(60_000);
      let sent = 0;
      for (; hub.isOpen('print01') && sent < 2_000; sent += 1) {
        hub.publish('print01', 'bundle', { line });
        await new Promise((turn) => setImmediate(turn));
      }
      // What the kernel takes for the connection, and 64 KiB.
      expect(sent).toBeLessThan(500);
      stream.response.resume();
      stream.response.on('error', () => {});
      await stream.ended;
      expect(stream.response.complete).toBe(false);
    });
  });

  it('take a new key that an earlier one vouches for, and that of the node it was, whatever is claimed', async () => {
    const shown = await enrolled('print02');
    const key = newKey();
    const { status, body } = await enrol('print01', key, { shown });
    expect([status, body.node, body.proof]).toEqual([200, 'print02', 'earlier-key']);
    expect((await enrolments.find(keyDigest(shown.key)))?.state).toBe('revoked');
  });

  it('raise an alarm for a second key of a node, and let it wait', async () => {
    const first = await enrolled('print01');
    const key = newKey();
    expect((await enrol('print01', key)).status).toBe(202);
    expect(await enrolments.list('pending')).toMatchObject([
      { alarm: `print01 has another key already: ${fingerprintOf(keyDigest(first.key))}` },
    ]);
    expect((await ask('/v1/secrets', { shown: first })).status).toBe(200);
  });

  it('give a card that is only claimed no more than the one that is booted from: it waits, and a token must be that node’s', async () => {
    const key = newKey();
    expect((await enrol('stranger', key, { macs: MACS.print01 })).status).toBe(202);
    expect(await enrolments.list('pending')).toMatchObject([{ node: 'print01', claims: { macs: MACS.print01 } }]);
    const answer = tokens.take('lab', '10.0.0.1');
    const token = 'token' in answer ? answer.token : '';
    expect((await enrol('stranger', newKey(), { macs: MACS.print02, token })).status).toBe(202);
  });

  it('refuse a key that was denied', async () => {
    const key = newKey();
    await enrol('print01', key);
    await enrolments.decide(keyDigest(key), 'denied');
    expect(await enrol('print01', key)).toMatchObject({ status: 403, body: { state: 'denied' } });
  });

  describe('and boot tokens', () => {
    const tokenOf = (node: string, remote = '10.0.0.1') => {
      const answer = tokens.take(node, remote);
      return 'token' in answer ? answer.token : '';
    };

    it('count once, and only where the record trusts the network', async () => {
      const token = tokenOf('lab');
      const shown = newKey();
      const { status, body } = await enrol('lab', shown, { token });
      expect([status, body.proof]).toEqual([200, 'network']);
      expect((await enrol('lab', newKey(), { token })).status).toBe(202);
      expect((await enrol('print01', newKey(), { token: tokenOf('print01') })).status).toBe(202);
    });

    it('let one of two machines in that show the same one at once', async () => {
      const token = tokenOf('lab');
      const answers = await Promise.all([newKey(), newKey()].map((key) => enrol('lab', key, { token })));
      expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 202]);
    });

    it('let a machine without a disk enrol at each boot anew, and no machine that was vouched for', async () => {
      for (const _ of [1, 2]) expect((await enrol('lab', newKey(), { token: tokenOf('lab') })).status).toBe(200);
      expect(await enrolments.list()).toHaveLength(1);
      const key = newKey();
      await enrol('lab', key);
      await approve(key, 'lab');
      expect((await enrol('lab', newKey(), { token: tokenOf('lab') })).status).toBe(202);
      expect((await enrolments.approvedFor('lab'))?.digest).toBe(keyDigest(key));
    });

    it('of one node count for no other, and are spent by the attempt', async () => {
      const token = tokenOf('lab');
      expect((await enrol('print01', newKey(), { token })).status).toBe(202);
      expect((await enrol('lab', newKey(), { token })).status).toBe(202);
    });

    it('open only what says so', async () => {
      const key = newKey();
      const { body } = await enrol('lab', key, { token: tokenOf('lab') });
      const answer = await ask('/v1/secrets', { shown: { key, certificate: String(body.certificatePem) } });
      expect(answer.body.secrets).toMatchObject([{ path: '/etc/lab' }]);
      expect(answer.body.missing).toMatchObject({ '/etc/two': expect.stringContaining('proven') });
      expect(answer.body.passwords).toEqual({});
    });

    it('prove no more for the next key, which the first one vouches for, than for that one', async () => {
      const key = newKey();
      const { body } = await enrol('lab', key, { token: tokenOf('lab') });
      const next = newKey();
      const shown = { key, certificate: String(body.certificatePem) };
      const second = await enrol('lab', next, { shown });
      expect([second.status, second.body.proof]).toEqual([200, 'network']);
      const answer = await ask('/v1/secrets', {
        shown: { key: next, certificate: String(second.body.certificatePem) },
      });
      expect(JSON.stringify(answer.body)).not.toMatch(/\/etc\/two":\{|canaryhash/);
      expect(answer.body.missing).toMatchObject({ '/etc/two': expect.stringContaining('proven') });
    });

    it('do not bring back a machine whose key was revoked, by that key or by a new one', async () => {
      const key = newKey();
      const { body } = await enrol('lab', key, { token: tokenOf('lab') });
      await enrolments.decide(keyDigest(key), 'revoked');
      const shown = { key, certificate: String(body.certificatePem) };
      expect((await enrol('lab', newKey(), { token: tokenOf('lab') })).status).toBe(202);
      expect(await enrolments.list('pending')).toMatchObject([{ alarm: 'a key of lab was revoked' }]);
      expect((await enrol('lab', newKey(), { token: tokenOf('lab'), shown })).status).toBe(202);
      expect((await enrolments.list('pending')).at(-1)?.alarm).toMatch(
        new RegExp(
          `^it shows the certificate of a key that was revoked: ${fingerprintOf(keyDigest(key))}; others wait`,
        ),
      );
      expect((await enrol('lab', key, { token: tokenOf('lab'), shown })).status).toBe(403);
      await enrolments.forget(keyDigest(key));
      expect((await enrol('lab', newKey(), { token: tokenOf('lab') })).status).toBe(200);
    });

    it('are lost for both when two addresses claim one node', () => {
      const token = tokenOf('lab');
      expect(tokens.take('lab', '10.0.0.2')).toEqual({ alarm: expect.stringContaining('10.0.0.1 and 10.0.0.2') });
      expect(tokens.spend(token, 'lab')).toBe(false);
    });
  });

  describe('and host keys of SSH', () => {
    const askToSign = (publicKey: string, by?: Shown, heard?: (headers: IncomingHttpHeaders) => void) =>
      ask('/v1/ssh/host-certificate', { body: { publicKey }, ...(by && { shown: by }), ...(heard && { heard }) });

    it('are signed for who may have one, and nothing that is no key', async () => {
      const shown = await enrolled('print01');
      const key = await hostKey(linuxHost(), join(dir, 'host'));
      expect((await askToSign(key)).status).toBe(401);
      expect((await askToSign(`${key}\nssh-ed25519 AAAA`, shown)).status).toBe(400);
      expect((await askToSign(key, shown)).body.certificate).toMatch(/^ecdsa-sha2-nistp256-cert-v01@openssh.com /);
    });

    it('are signed by one authority for the first two machines, which ask at the same moment', async () => {
      const key = await hostKey(linuxHost(), join(dir, 'host'));
      const machines = [await enrolled('print01'), await enrolled('print02')];
      const answers = await Promise.all(machines.map((shown) => askToSign(key, shown)));
      expect(answers.map(({ status }) => status)).toEqual([200, 200]);
      const [one, other] = answers.map(({ body }) => describedCertificate(String(body.certificate)));
      const authorityOf = (text = '') => /Signing CA: (.*)/.exec(text)?.[1];
      expect(authorityOf(one)).toBe(authorityOf(other));
    });

    it('are signed two at a time; a machine that asks for more at once is told when to come again, others have their turn', async () => {
      const key = await hostKey(linuxHost(), join(dir, 'host'));
      const begun: string[] = [];
      const finish: (() => void)[] = [];
      sign = async ({ node }) => {
        begun.push(node);
        await new Promise<void>((end) => finish.push(end));
        return `of ${node}`;
      };
      const [one, two, three] = [await enrolled('print01'), await enrolled('print02'), await enrolled('lab')];
      const first = askToSign(key, one);
      const second = askToSign(key, one);
      await expect.poll(() => begun).toEqual(['print01', 'print01']);
      let retryAfter: string | undefined;
      const refused = await askToSign(key, one, (headers) => {
        retryAfter = headers['retry-after'];
      });
      expect([refused.status, refused.body.type]).toEqual([503, 'urn:statectl:problem:server-busy']);
      expect(Number(retryAfter)).toBeGreaterThan(0);
      // Others wait for their turn.
      const others = [askToSign(key, two), askToSign(key, three)];
      expect((await ask('/v1/secrets', { shown: two })).status).toBe(200);
      expect(begun).toHaveLength(2);
      for (let turn = 0; turn < 4; turn += 1) {
        await expect.poll(() => finish.length).toBeGreaterThan(turn);
        expect(begun.length - turn).toBeLessThanOrEqual(2);
        finish[turn]?.();
      }
      expect((await Promise.all([first, second, ...others])).map(({ body }) => body.certificate)).toEqual([
        'of print01',
        'of print01',
        'of print02',
        'of lab',
      ]);
    });
  });

  it('let a whole room behind one address wait to enrol, but refuse more of it, and no other address for it', {
    timeout: 60_000,
  }, async () => {
    const key = newKey();
    await enrol('print01', key);
    const begun = counter();
    const { promise: isOpen, resolve: open } = Promise.withResolvers<void>();
    lookUp = () => {
      begun.add();
      return isOpen;
    };
    const body = JSON.stringify({ request: await makeCertificateRequest(key), machine: { mac: MACS.print01 } });
    const head = 'POST /v1/enrol HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length:';
    const asks = (count: number) => `${head} ${body.length}\r\n\r\n${body}`.repeat(count);
    /** What the server answers to so many requests, by one connection. */
    const from = async (localAddress: string, count: number) => {
      const socket = connectTls({
        ...{ host: '127.0.0.1', port, ca: ca.certificatePem, servername: SERVER_NAME, localAddress },
      });
      await once(socket, 'secureConnect');
      socket.write(asks(count));
      let text = '';
      const statuses = () => [...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => Number(status));
      for await (const chunk of socket) {
        text += chunk;
        if (statuses().length === count) break;
      }
      return { statuses: statuses(), text };
    };
    const room = from('127.0.0.1', MOST_CONNECTIONS_OF_STRANGERS + 2);
    const other = from('127.0.0.2', 1);
    // However slow this computer is: all of them wait or are refused when the last refusal and the fourth look-up are there.
    await Promise.all([refusals.until(2), begun.until(4)]);
    expect([refusals.count, begun.count]).toEqual([2, 4]);
    // The rest of them is refused at once: their keys need no more to be looked up.
    await enrolments.decide(keyDigest(key), 'denied');
    open();
    const { statuses, text } = await room;
    expect(statuses.slice(0, -2).every((status) => status === 403)).toBe(true);
    expect(statuses.slice(-2)).toEqual([503, 503]);
    expect(text.slice(text.lastIndexOf('HTTP/1.1'))).toMatch(/^retry-after: \d+\r$/im);
    expect((await other).statuses).toEqual([403]);
    // Afterwards there is room again.
    expect((await from('127.0.0.1', 2)).statuses).toEqual([403, 403]);
  });

  it('hold sixteen connections of a machine, and cut its oldest for one more, no other machine’s', async () => {
    const open = async ({ key, certificate }: Shown) => {
      const socket = connectTls({
        ...{ host: '127.0.0.1', port, ca: ca.certificatePem, servername: SERVER_NAME },
        ...{ key: key.export({ type: 'pkcs8', format: 'pem' }).toString(), cert: certificate },
      });
      socket.on('error', () => {}).resume();
      await once(socket, 'secureConnect');
      // TLS 1.3: the server is done with the handshake when it answers.
      socket.write('HEAD /nothing HTTP/1.1\r\nHost: a\r\n\r\n');
      await once(socket, 'data');
      return socket;
    };
    const neighbour = await open(await enrolled('print02'));
    const shown = await enrolled('print01');
    const sockets: TLSSocket[] = [];
    for (let index = 0; index < MOST_CONNECTIONS_OF_MACHINE; index += 1) sockets.push(await open(shown));
    const isOpen = (socket: TLSSocket) => !socket.closed && !socket.readableEnded;
    expect(sockets.every(isOpen)).toBe(true);
    const cut = once(sockets[0] as TLSSocket, 'close');
    const oneMore = await open(shown);
    await cut;
    expect([...sockets.slice(1), oneMore, neighbour].every(isOpen)).toBe(true);
    for (const socket of [...sockets, oneMore, neighbour]) socket.destroy();
  });

  it('speak TLS 1.3 and nothing older, in which a certificate that a machine shows is readable by all', async () => {
    const version = async (maxVersion: SecureVersion) => {
      const socket = connectTls({
        ...{
          host: '127.0.0.1',
          port,
          ca: ca.certificatePem,
          servername: SERVER_NAME,
          minVersion: 'TLSv1.2',
          maxVersion,
        },
      });
      try {
        await once(socket, 'secureConnect');
        return socket.getProtocol();
      } catch (error) {
        return (error as NodeJS.ErrnoException).code;
      } finally {
        socket.destroy();
      }
    };
    expect(await version('TLSv1.3')).toBe('TLSv1.3');
    expect(await version('TLSv1.2')).toBe('ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION');
  });

  it('refuse what is no request, too large, or signed by another key', async () => {
    const body = { request: 'nonsense', machine: {} };
    expect((await ask('/v1/enrol', { body })).status).toBe(400);
    expect((await ask('/v1/enrol', { body: { ...body, request: 'x'.repeat(100_000) } })).status).toBe(413);
    const [one, other] = [await makeCertificateRequest(newKey()), await makeCertificateRequest(newKey())];
    const bytes = (pem: string) => Buffer.from(pem.replace(/-.*-|\s/g, ''), 'base64');
    const forged = Buffer.concat([bytes(one).subarray(0, -60), bytes(other).subarray(-60)]).toString('base64');
    const request = `-----BEGIN CERTIFICATE REQUEST-----\n${forged}\n-----END CERTIFICATE REQUEST-----\n`;
    expect((await ask('/v1/enrol', { body: { request, machine: {} } })).status).toBe(400);
  });

  it('are a server’s own: a machine that trusts another authority does not speak to it, nor a machine’s certificate pass for it', async () => {
    await expect(ask('/v1/secrets', { trust: other.certificatePem })).rejects.toMatchObject({
      code: expect.stringMatching(/SELF_SIGNED|UNABLE_TO_VERIFY|UNABLE_TO_GET_ISSUER/),
    });
    await expect(ask('/v1/secrets', { name: 'print01' })).rejects.toMatchObject({
      code: 'ERR_TLS_CERT_ALTNAME_INVALID',
    });
  });
});
