import { mkdir, readdir, readFile, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { configInvalid } from '../../../../src/config/check/fault.ts';
import { StatectlError } from '../../../../src/error.ts';
import type { Clock } from '../../../../src/host/host.ts';
import { memoryHost } from '../../../../src/host/memory.ts';
import { bundleKey } from '../../../../src/identity/keys/bundle-key.ts';
import { imageKey } from '../../../../src/image/keys.ts';
import { raiseEpoch } from '../../../../src/server/bundles/bundle-number.ts';
import { readBundleSigner } from '../../../../src/server/bundles/bundle-signer.ts';
import { openBundles } from '../../../../src/server/bundles/bundles.ts';
import type { Store } from '../../../../src/server/store/store.ts';
import { unpackMembers } from '../../../../src/signed/bundle/archive.ts';
import type { NodeContent, RenderNode } from '../../../../src/signed/bundle/content.ts';
import { verifyBundle } from '../../../../src/signed/bundle/verify.ts';
import { createContent, createFile, createSigner, SIGNER } from '../../../fixtures/bundle.ts';
import { TRUSTED_KEY } from '../../../fixtures/image/image.ts';
import { appOver, stillClock, temporaryStore } from '../../../fixtures/server/temporary-store.ts';

const NOON = stillClock.now();
const MAC = 'mac=52:54:00:12:34:56';

/** A clock whose wall time the test sets. */
const clockAt = (time: { ms: number }): Clock => ({ ...stillClock, now: () => time.ms });

interface Lab extends AsyncDisposable {
  readonly store: Store;
  /** What config.d says, by MAC; others get what '' has. */
  readonly said: Record<string, NodeContent | Error>;
  readonly rendered: string[];
  readonly time: { ms: number };
  get(query?: string, headers?: Record<string, string>): Promise<Answer>;
  /** As after a restart. */
  restart(options?: { cacheBytes?: number; signer?: typeof SIGNER }): Promise<void>;
}

interface Answer {
  readonly status: number;
  readonly etag: string | undefined;
  readonly type: string;
  readonly sequence: number | undefined;
  readonly epoch: number | undefined;
  readonly body: Buffer;
}

async function lab(): Promise<Lab> {
  const time = { ms: NOON };
  const temporary = await temporaryStore(clockAt(time));
  const said: Record<string, NodeContent | Error> = { '': createContent([createFile('/etc/motd')]) };
  const rendered: string[] = [];
  const renderNode: RenderNode = async ({ macs: [mac = ''] }) => {
    rendered.push(mac);
    const content = said[mac] ?? said['']!;
    if (content instanceof Error) throw content;
    return content;
  };
  const open = async ({ cacheBytes = 1e9, signer = SIGNER } = {}) =>
    appOver(temporary.store, {
      bundles: await openBundles({ store: temporary.store, renderNode, signer, cacheBytes }),
    });
  let { app } = await open();
  return {
    store: temporary.store,
    said,
    rendered,
    time,
    async get(query = MAC, headers = {}) {
      const response = await app.inject({ url: `/v1/bundle?${query}`, headers });
      const { statusCode: status, rawPayload: body } = response;
      const { etag } = response.headers;
      const bundle = status === 200 ? verifyBundle(unpackMembers(body), [TRUSTED_KEY.publicPem]).manifest : undefined;
      const type = String(response.headers['content-type'] ?? '');
      return { status, etag: etag as string | undefined, type, sequence: bundle?.sequence, epoch: bundle?.epoch, body };
    },
    async restart(options) {
      ({ app } = await open(options));
    },
    [Symbol.asyncDispose]: temporary[Symbol.asyncDispose],
  };
}

test('a machine gets its bundle, with the digest of the content as its ETag', async () => {
  await using server = await lab();
  const answer = await server.get(`${MAC}&arch=x86_64&uuid=`);
  expect(answer).toMatchObject({ status: 200, type: 'application/zstd', sequence: NOON, epoch: 0 });
  const { manifest } = verifyBundle(unpackMembers(answer.body), [TRUSTED_KEY.publicPem]);
  expect(answer.etag).toBe(`"${manifest.contentDigest}"`);
  expect(manifest).toMatchObject({
    machine: { mac: '52:54:00:12:34:56', arch: 'x86_64' },
    entries: [{ path: '/etc/motd' }],
  });
});

test('what it has already is not sent again', async () => {
  await using server = await lab();
  const { etag = '' } = await server.get();
  for (const header of [etag, `W/${etag}`, `"x", ${etag}`, '*'])
    expect(await server.get(MAC, { 'if-none-match': header })).toMatchObject({
      status: 304,
      etag,
      body: Buffer.alloc(0),
    });
  expect(await server.get(MAC, { 'if-none-match': '"x"' })).toMatchObject({ status: 200, etag });
});

test('the same content keeps its number, also after a restart, and is the same bytes', async () => {
  await using server = await lab();
  const first = await server.get();
  server.time.ms += 60_000;
  await server.restart();
  expect((await server.get()).body).toEqual(first.body);
});

test('other content gets the next number: the time, or one more where the clock went back', async () => {
  await using server = await lab();
  const change = async (text: string) => {
    server.said[''] = createContent([createFile('/etc/motd', { content: text })]);
    return (await server.get()).sequence;
  };
  expect(await change('a')).toBe(NOON);
  expect(await change('b')).toBe(NOON + 1);
  server.time.ms += 5000;
  expect(await change('c')).toBe(NOON + 5000);
  server.time.ms = 0;
  await server.restart();
  expect(await change('d')).toBe(NOON + 5001);
});

test('content that comes back is newer than what was between', async () => {
  await using server = await lab();
  const before = server.said[''];
  const first = await server.get();
  server.said[''] = createContent();
  await server.get();
  server.said[''] = before!;
  const again = await server.get();
  expect(again.etag).toBe(first.etag);
  expect(again.sequence).toBe(NOON + 2);
});

test('a raised epoch and another key make another bundle of the same content', async () => {
  await using server = await lab();
  const first = await server.get();
  expect(await raiseEpoch(server.store)).toBe(1);
  const raised = await server.get();
  expect(raised.epoch).toBe(1);
  await server.restart({ signer: createSigner('2027-01-01T00:00:00.000Z') });
  expect(new Set([first.etag, raised.etag, (await server.get()).etag]).size).toBe(3);
});

test('however many ask at once, it is rendered and numbered once', async () => {
  await using server = await lab();
  const answers = await Promise.all(Array.from({ length: 50 }, () => server.get()));
  expect(new Set(answers.map(({ body }) => body.toString('base64'))).size).toBe(1);
  expect(server.rendered.length).toBeLessThan(50);
  expect(await readFile(join(server.store.root, 'bundles/sequence'), 'utf8')).toBe(`${NOON}\n`);
});

test('machines that ask at once get a number each', async () => {
  await using server = await lab();
  const macs = Array.from({ length: 20 }, (_, at) => `mac=52:54:00:12:34:${at + 10}`);
  const sequences = (await Promise.all(macs.map((mac) => server.get(mac)))).map(({ sequence }) => sequence);
  expect(sequences.toSorted()).toEqual(macs.map((_, at) => NOON + at));
});

test.each([
  configInvalid([{ file: 'nodes/print01.conf', line: 3, column: 5, message: 'unknown key "sise"' }]),
  new StatectlError('template-invalid', 'templates/motd:1:4 undefined variable: nmae'),
  new StatectlError('node-ambiguous', 'print01 and print02 both match this machine'),
])('faults are told to the machine that they concern, and no other notices: %s', async (fault) => {
  await using server = await lab();
  server.said['52:54:00:12:34:56'] = fault;
  const answer = await server.get();
  expect(answer).toMatchObject({ status: 409, type: expect.stringContaining('problem+json') });
  expect(JSON.parse(answer.body.toString())).toMatchObject({
    type: 'urn:statectl:problem:node-faulty',
    detail: `config.d has faults for this machine:\n${fault.message}`,
  });
  expect((await server.get('mac=52:54:00:12:34:57')).status).toBe(200);
  delete server.said['52:54:00:12:34:56'];
  expect((await server.get()).status).toBe(200);
});

test('a file that cannot be delivered is a fault of its node', async () => {
  await using server = await lab();
  server.said[''] = createContent([createFile('/etc/../x')]);
  const answer = await server.get();
  expect(JSON.parse(answer.body.toString())).toMatchObject({
    status: 409,
    detail: expect.stringMatching(/"\/etc\/\.\.\/x" is not a plain path$/),
  });
});

test('when the server itself fails, that is not told as a fault of config.d', async () => {
  await using server = await lab();
  server.said[''] = new Error('EIO: /srv/config.d');
  const answer = await server.get();
  expect(JSON.parse(answer.body.toString())).toMatchObject({
    status: 500,
    detail: 'the server failed; its log says why',
  });
});

test('a server without config.d says so', async () => {
  await using temporary = await temporaryStore();
  const response = await appOver(temporary.store).app.inject(`/v1/bundle?${MAC}`);
  expect(response.json()).toMatchObject({ status: 404, type: 'urn:statectl:problem:no-config' });
  expect((await appOver(temporary.store).app.inject(`/v1/bundle?${MAC}&${MAC}`)).statusCode).toBe(400);
});

const cached = (server: Lab) => readdir(join(server.store.root, 'bundles/cache'));

test('one bundle of each machine is kept, and those that asked longest ago go first', async () => {
  await using server = await lab();
  const [a, b, c] = [1, 2, 3].map((at) => `mac=52:54:00:00:00:0${at}`);
  const size = (await server.get(a)).body.length;
  await server.restart({ cacheBytes: size * 2 + 50 });
  const numbers = [(await server.get(a)).sequence, (await server.get(b)).sequence];
  await server.get(a);
  await server.get(c);
  expect(await cached(server)).toHaveLength(2);
  expect((await server.get(a)).sequence).toBe(numbers[0]);
  expect((await server.get(b)).sequence).toBeGreaterThan(numbers[1]!);
  server.said[''] = createContent();
  await server.get(b);
  expect(await cached(server)).toHaveLength(2);
});

test('of all bundles 512 MiB are kept', async () => {
  await using temporary = await temporaryStore();
  const folder = join(temporary.store.root, 'bundles/cache');
  await mkdir(folder, { recursive: true });
  const names = ['a', 'b', 'c'].map((key) => `${[key, '1', '2'].map((part) => part.repeat(64)).join('-')}.tar.zst`);
  /** What is kept of bundles that say that they are so large, and take no room; the oldest first. */
  const keptOf = async (...sizes: readonly number[]) => {
    for (const [at, size] of sizes.entries()) {
      const path = join(folder, names[at] ?? '');
      await writeFile(path, '');
      await truncate(path, size);
      await utimes(path, at, at);
    }
    await openBundles({ store: temporary.store, renderNode: async () => createContent(), signer: SIGNER });
    return readdir(folder);
  };
  expect(await keptOf(2 ** 28, 2 ** 28)).toEqual(names.slice(0, 2));
  expect(await keptOf(2 ** 28, 2 ** 28 + 1)).toEqual(names.slice(1, 2));
  expect(await keptOf(2 ** 28, 2 ** 20, 2 ** 28)).toEqual(names.slice(1));
});

test('four bundles are made at once, whoever asks for more of them', async () => {
  const held = Promise.withResolvers<void>();
  let begun = 0;
  await using temporary = await temporaryStore();
  const renderNode: RenderNode = async () => {
    begun += 1;
    await held.promise;
    return createContent();
  };
  const { app } = appOver(temporary.store, {
    bundles: await openBundles({ store: temporary.store, renderNode, signer: SIGNER }),
  });
  const answers = Array.from({ length: 12 }, (_, at) =>
    app.inject({ url: `/v1/bundle?mac=52:54:00:12:34:${at + 10}`, remoteAddress: `192.0.2.${at}` }),
  );
  expect((await app.inject('/healthz')).statusCode).toBe(200);
  expect(begun).toBe(4);
  held.resolve();
  expect((await Promise.all(answers)).map(({ statusCode }) => statusCode)).toEqual(answers.map(() => 200));
  expect(begun).toBe(12);
});

test('a bundle that was altered on the disk is made anew, and foreign files are left alone', async () => {
  await using server = await lab();
  const { body, etag } = await server.get();
  const [name = ''] = await cached(server);
  const folder = join(server.store.root, 'bundles/cache');
  await writeFile(join(folder, name), body.subarray(1));
  expect(await server.get()).toMatchObject({ status: 200, etag, sequence: NOON + 1 });
  await writeFile(join(folder, 'README'), '');
  await mkdir(join(folder, 'folder'));
  // What a power cut between the newer bundle and the removal of the older one leaves.
  await writeFile(join(folder, name.replace(/-[0-9a-f]{64}-/, `-${'0'.repeat(64)}-`)), 'old');
  await utimes(join(folder, name.replace(/-[0-9a-f]{64}-/, `-${'0'.repeat(64)}-`)), 0, 0);
  await server.restart({ cacheBytes: 10 });
  expect(await server.get()).toMatchObject({ sequence: NOON + 1 });
  expect((await cached(server)).filter((entry) => entry.endsWith('.zst'))).toHaveLength(1);
  expect(await cached(server)).toContain('README');
});

test('the key is that of `build keys`; without it, or with another certificate, nothing is signed', async () => {
  const host = memoryHost();
  await expect(readBundleSigner(host, '/state/keys')).rejects.toMatchObject({ code: 'bundle-key-missing' });
  await bundleKey(host, '/state/keys', await imageKey(host, '/keys'));
  const signer = await readBundleSigner(host, '/state/keys');
  expect(signer.certificate).toBe(await host.files.readText('/state/keys/bundle.cert.json'));
  await host.files.write('/state/keys/bundle.cert.json', SIGNER.certificate);
  await expect(readBundleSigner(host, '/state/keys')).rejects.toThrow('is the certificate of another key');
  await host.files.remove('/state/keys/bundle.cert.json.sig');
  await expect(readBundleSigner(host, '/state/keys')).rejects.toMatchObject({ code: 'bundle-key-missing' });
  await host.files.chmod('/state/keys/bundle.key', 0o644);
  await expect(readBundleSigner(host, '/state/keys')).rejects.toMatchObject({ code: 'key-exposed' });
});

test('who was told what it is to be is known by its node, once', async () => {
  await using temporary = await temporaryStore(stillClock);
  let node: string | undefined = 'print01';
  const renderNode: RenderNode = async () => ({ ...createContent([]), ...(node !== undefined && { node }) });
  const bundles = await openBundles({ store: temporary.store, renderNode, signer: SIGNER });
  await bundles.contentDigest({ uuid: 'a' });
  expect([...bundles.takeAsked()]).toEqual([]);
  await bundles.bundleFor({ uuid: 'a' });
  node = 'print02';
  await bundles.bundleFor({ uuid: 'b' }, () => true);
  expect([...bundles.takeAsked()]).toEqual(['print01', 'print02']);
  expect([...bundles.takeAsked()]).toEqual([]);
});
