import { createHash } from 'node:crypto';
import { readdir, readlink } from 'node:fs/promises';
import { Agent, request as httpRequest, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { buffer, text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { linuxHost } from '../../../src/host/linux/host.ts';
import { type RunningServer, startServer } from '../../../src/server/listen.ts';
import { parseListenAddress } from '../../../src/server/listen-on.ts';
import { temporaryStore } from '../../fixtures/server/temporary-store.ts';

const ROOT_BYTES = 30_000_000;
const host = linuxHost();
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

async function served(graceMs?: number) {
  const temporary = await temporaryStore(host.clock);
  const { root } = await temporary.add({ rootBytes: ROOT_BYTES });
  const lines: Record<string, unknown>[] = [];
  const server = await startServer({
    state: temporary.store.root,
    listen: { host: '127.0.0.1', port: 0 },
    host,
    log: (line) => lines.push(JSON.parse(line)),
    ...(graceMs === undefined ? {} : { graceMs }),
  });
  const release = async () => {
    await server.stop();
    await temporary[Symbol.asyncDispose]();
  };
  const path = `/blobs/sha256/${sha256(root)}`;
  return { server, root, lines, path, store: temporary.store, [Symbol.asyncDispose]: release };
}

/** The answer's head has come; its body waits until somebody reads it. */
const open = (
  server: RunningServer,
  path: string,
  headers = {},
  agent: Agent | false = false,
): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => {
    httpRequest(`${server.url}${path}`, { headers, agent }, resolve).on('error', reject).end();
  });

async function openBlobs(folder: string): Promise<number> {
  const links = await Promise.all(
    (await readdir('/proc/self/fd')).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')),
  );
  return links.filter((link) => link.startsWith(folder)).length;
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await sleep(10);
}

test('a download that broke off goes on where it stopped', async () => {
  await using lab = await served();
  const first = await open(lab.server, lab.path);
  const etag = String(first.headers.etag);
  const parts: Buffer[] = [];
  for await (const chunk of first) {
    parts.push(chunk as Buffer);
    if (Buffer.concat(parts).length > 1_000_000) break;
  }
  const got = Buffer.concat(parts);
  const rest = await open(lab.server, lab.path, { range: `bytes=${got.length}-`, 'if-range': etag });
  expect(rest.statusCode).toBe(206);
  expect(sha256(Buffer.concat([got, await buffer(rest)]))).toBe(sha256(lab.root));
});

test('a client that leaves in the middle leaves no open file, and the log says that it left', async () => {
  await using lab = await served();
  const responses = await Promise.all(Array.from({ length: 5 }, () => open(lab.server, lab.path)));
  expect(await openBlobs(lab.store.root)).toBe(5);
  for (const response of responses) response.destroy();
  await until(async () => lab.lines.length === 5 && (await openBlobs(lab.store.root)) === 0);
  for (const line of lab.lines) {
    expect(line).toMatchObject({ status: 200, aborted: true });
    expect(line.bytes).toBeLessThan(ROOT_BYTES);
  }
});

test('a stop lets a transfer end, takes no new one and closes idle connections', async () => {
  await using lab = await served();
  const idle = connect(Number(new URL(lab.server.url).port), '127.0.0.1');
  await new Promise((resolve) => idle.once('connect', resolve));
  const response = await open(lab.server, lab.path);
  const stopped = lab.server.stop();
  await until(
    async () =>
      !(await open(lab.server, '/healthz').then(
        () => true,
        () => false,
      )),
  );
  expect(sha256(await buffer(response))).toBe(sha256(lab.root));
  expect(await stopped).toBe('finished');
  expect(lab.lines.find((line) => line.path === lab.path)).toMatchObject({ status: 200, bytes: ROOT_BYTES });
});

test('a client that keeps its connection after its last transfer does not hold up the stop', async () => {
  await using lab = await served();
  const agent = new Agent({ keepAlive: true });
  const response = await open(lab.server, lab.path, {}, agent);
  const stopped = lab.server.stop();
  await buffer(response);
  expect(await stopped).toBe('finished');
  agent.destroy();
});

test('a transfer that does not end within the time of grace is cut', async () => {
  await using lab = await served(200);
  const response = await open(lab.server, lab.path);
  expect(await lab.server.stop()).toBe('cut');
  await expect(buffer(response)).rejects.toThrow('aborted');
});

test('a port that is taken is told with the option to change', async () => {
  await using lab = await served();
  const again = startServer({ state: lab.store.root, listen: lab.server.address, host, log: () => {} });
  await expect(again).rejects.toMatchObject({ code: 'listen-failed', hint: expect.stringContaining('--listen') });
  await expect(again).rejects.toThrow(/cannot listen on 127\.0\.0\.1:\d+: .*EADDRINUSE/);
});

test('bytes that are no HTTP get a problem too', async () => {
  await using lab = await served();
  const socket = connect(Number(new URL(lab.server.url).port), '127.0.0.1');
  socket.write('NONSENSE\r\n\r\n');
  const answer = await text(socket);
  expect(answer).toMatch(/^HTTP\/1\.1 400 Bad Request\r\nContent-Type: application\/problem\+json\r\n/);
  expect(JSON.parse(answer.slice(answer.indexOf('{')))).toMatchObject({ status: 400, type: 'about:blank' });
});

test('an address to listen on is written with or without a host', () => {
  expect(parseListenAddress('192.168.7.1:80')).toEqual({ host: '192.168.7.1', port: 80 });
  expect(parseListenAddress('[::]:8080')).toEqual({ host: '::', port: 8080 });
  expect(parseListenAddress(':8080')).toEqual({ host: '0.0.0.0', port: 8080 });
  expect(parseListenAddress('8080')).toEqual({ host: '0.0.0.0', port: 8080 });
  for (const bad of ['', 'host', '::1:80', '1.2.3.4:70000', 'http://x:80'])
    expect(() => parseListenAddress(bad)).toThrow(expect.objectContaining({ code: 'listen-invalid' }));
});
