import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { get, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { memoryClock } from '../../../src/host/memory/clock.ts';
import { useImage } from '../../../src/server/images/uses.ts';
import { type LoadOptions, loadMeter, type MeasuredStatus } from '../../../src/server/limits/load.ts';
import { appOver, type TestApp, temporaryStore } from '../../fixtures/server/temporary-store.ts';

const ROOT_BYTES = 30_000_000;

describe('the load of a server', () => {
  const meterWith = (options: Partial<LoadOptions> = {}) => {
    const clock = memoryClock(0);
    const meter = loadMeter({ clock, maxTransfers: 4, delayMs: () => 0, ...options });
    meter.stop();
    return { clock, meter };
  };
  const answer = () => new PassThrough() as unknown as ServerResponse;

  it('is nothing while nobody asks for anything', () => {
    expect(meterWith().meter.status()).toEqual({ accepting: true, load: 0, transfers: 0, bytesPerSecond: 0 });
  });

  it('is the share of the transfers that it may have, until each has ended', async () => {
    const { clock, meter } = meterWith();
    const answers = [answer(), answer(), answer(), answer()];
    for (const each of answers) meter.count({ bytesRead: 1_000_000 }, each);
    await clock.sleep(2_000);
    expect(meter.status()).toEqual({ accepting: false, load: 1, transfers: 4, bytesPerSecond: 2_000_000 });
    answers[0]!.destroy();
    await once(answers[0]!, 'close');
    expect(meter.status()).toEqual({ accepting: true, load: 0.75, transfers: 3, bytesPerSecond: 2_000_000 });
  });

  it('forgets what it sent long ago', async () => {
    const { clock, meter } = meterWith();
    const sent = answer();
    meter.count({ bytesRead: 1_000_000 }, sent);
    sent.destroy();
    await once(sent, 'close');
    await clock.sleep(1_000);
    expect(meter.status().bytesPerSecond).toBe(1_000_000);
    await clock.sleep(10_000);
    meter.status();
    await clock.sleep(10_000);
    expect(meter.status().bytesPerSecond).toBe(0);
  });

  it('is that of its processor, where this has more to do; that alone refuses nobody', () => {
    expect(meterWith({ delayMs: () => 125 }).meter.status()).toMatchObject({ accepting: true, load: 0.5 });
    expect(meterWith({ delayMs: () => 9_000 }).meter.status()).toMatchObject({ accepting: true, load: 1 });
  });

  it('is measured where nothing else is said', async () => {
    const meter = loadMeter({ clock: memoryClock(0), maxTransfers: 4 });
    try {
      for (let turn = 0; turn < 5; turn += 1) {
        const untilMs = performance.now() + 200;
        while (performance.now() < untilMs);
        await new Promise((done) => setTimeout(done, 1));
      }
      expect(meter.status().load).toBeGreaterThan(0.2);
    } finally {
      meter.stop();
    }
  });
});

/** A server that may send one blob at once, and a client that takes nothing of it. */
async function busyServer(maxTransfers = 1) {
  const temporary = await temporaryStore();
  const image = await temporary.add({ rootBytes: ROOT_BYTES });
  await useImage(temporary.store, 'lab');
  const test = appOver(temporary.store, { maxTransfers, delayMs: () => 0 });
  await test.app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = test.app.server.address() as { port: number };
  const blob = `/blobs/sha256/${createHash('sha256').update(image.root).digest('hex')}`;
  const status = async () => (await test.app.inject('/v1/status')).json() as MeasuredStatus;
  const hold = async (localAddress = '127.0.0.1'): Promise<Socket> => {
    const before = (await status()).transfers;
    const socket = connect({ port, host: '127.0.0.1', localAddress }, () =>
      socket.write(`GET ${blob} HTTP/1.1\r\nHost: lab\r\n\r\n`),
    );
    socket.on('error', () => {}).pause();
    await expect.poll(async () => (await status()).transfers).toBe(before + 1);
    return socket;
  };
  return {
    ...test,
    blob,
    image,
    status,
    hold,
    port,
    async [Symbol.asyncDispose]() {
      test.app.server.closeAllConnections();
      await test.app.close();
      await temporary[Symbol.asyncDispose]();
    },
  };
}

/** Where the transfers came from that did not come to their end: of the cut one, and of the client that had seen enough. */
const cutLines = (lines: TestApp['lines']): readonly unknown[] =>
  lines.flatMap(({ aborted, remote }) => (aborted ? [remote] : [])).toSorted();

/** What a client at another address gets. */
async function elsewhere({ port, blob }: { port: number; blob: string }, localAddress: string) {
  const request = get({ port, host: '127.0.0.1', localAddress, path: blob, agent: false });
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  response.destroy();
  return { status: response.statusCode };
}

const refusal = async (app: TestApp['app'], url: string, headers: Record<string, string> = {}) => {
  const response = await app.inject({ url, headers: { host: 'lab', ...headers } });
  return {
    status: response.statusCode,
    after: response.headers['retry-after'],
    type: response.headers['content-type'],
  };
};

describe('a server above its mark', () => {
  it('refuses one more file politely, and says when to come back; small answers it gives to everybody', async () => {
    await using server = await busyServer();
    const { app, blob } = server;
    const held = await server.hold();
    expect(await server.status()).toMatchObject({ accepting: false, load: 1, transfers: 1 });
    for (const range of ['bytes=0-', 'bytes=0-0', 'nonsense'])
      expect(await refusal(app, blob, { range })).toEqual({
        status: 503,
        after: '5',
        type: expect.stringContaining('application/problem+json'),
      });
    expect(await refusal(app, '/v1/boot?arch=x86_64')).toMatchObject({ status: 200 });
    // This server has no config.d: it says so, and not that it is busy.
    expect(await refusal(app, '/v1/bundle?arch=x86_64')).toMatchObject({ status: 404 });
    const report = { method: 'POST', url: '/v1/reports', payload: { mac: '52:54:00:12:34:56' } } as const;
    expect((await app.inject(report)).statusCode).toBe(204);
    held.destroy();
    await expect.poll(async () => (await server.status()).accepting).toBe(true);
    expect(await refusal(app, blob)).toMatchObject({ status: 200 });
  });

  it('takes the place of one more machine from the address that holds most', async () => {
    await using server = await busyServer(4);
    for (let index = 0; index < 4; index += 1) await server.hold();
    // Another transfer of that address has no place, whatever part of the file it wants.
    expect(await refusal(server.app, server.blob, { range: 'bytes=0-0' })).toMatchObject({ status: 503 });
    expect(await elsewhere(server, '127.0.9.9')).toMatchObject({ status: 200 });
    await expect.poll(async () => (await server.status()).transfers).toBe(3);
    expect(cutLines(server.lines)).toEqual(['127.0.0.1', '127.0.9.9']);
  });

  it('takes none from an address that holds no more than the newcomer would', async () => {
    await using server = await busyServer(2);
    await server.hold('127.0.1.1');
    await server.hold('127.0.2.1');
    expect(await elsewhere(server, '127.0.9.9')).toMatchObject({ status: 503 });
    expect(await server.status()).toMatchObject({ transfers: 2 });
  });

  it('never refuses the rest of a file, nor what costs it nothing', async () => {
    await using server = await busyServer();
    const { app, blob } = server;
    await server.hold();
    expect(await refusal(app, blob, { range: `bytes=${ROOT_BYTES - 10}-` })).toMatchObject({ status: 206 });
    expect(await refusal(app, blob, { 'if-none-match': '*' })).toMatchObject({ status: 304 });
    expect((await app.inject({ method: 'HEAD', url: blob })).statusCode).toBe(200);
    for (const url of ['/v1/ipxe?arch=x86_64', '/boot.ipxe', '/v1/images/lab/20261120.1/manifest.json', '/healthz'])
      expect(await refusal(app, url)).toMatchObject({ status: 200, after: undefined });
  });

  it('goes on with the transfers that are under way', async () => {
    await using server = await busyServer();
    const held = await server.hold();
    expect(await refusal(server.app, server.blob)).toMatchObject({ status: 503 });
    let bytes = 0;
    held.on('data', (chunk: Buffer) => (bytes += chunk.length)).resume();
    await expect.poll(() => bytes).toBeGreaterThan(ROOT_BYTES);
    await expect.poll(async () => (await server.status()).transfers).toBe(0);
  });
});

it('a refusal leaves no file open', async () => {
  await using server = await busyServer();
  await server.hold();
  const openFiles = async () => (await readdir('/proc/self/fd')).length;
  const before = await openFiles();
  for (let turn = 0; turn < 20; turn += 1) await refusal(server.app, server.blob);
  expect(await openFiles()).toBeLessThan(before + 10);
});
