import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fastify from 'fastify';
import { expect, test } from 'vitest';
import { memoryHost } from '../../../src/host/memory.ts';
import { accessLog } from '../../../src/server/access-log.ts';
import { parseSelector } from '../../../src/server/images/selector.ts';
import { useImage } from '../../../src/server/images/uses.ts';
import { blobPath } from '../../../src/server/store/store.ts';
import { appOver, temporaryStore } from '../../fixtures/server/temporary-store.ts';

const MAC = '52:54:00:12:34:56';
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const headers = { host: 'boot.lab:8080' };

/** A store with one image that every machine boots. */
async function labStore() {
  const temporary = await temporaryStore();
  const image = await temporary.add({ rootBytes: 100_000 });
  await useImage(temporary.store, 'lab');
  return { ...temporary, image, [Symbol.asyncDispose]: temporary[Symbol.asyncDispose] };
}

const expectProblem = (
  response: { statusCode: number; headers: object; json(): unknown },
  status: number,
  type?: string,
) => {
  expect(response.statusCode).toBe(status);
  expect(response.headers).toMatchObject({ 'content-type': expect.stringContaining('application/problem+json') });
  const problem = response.json() as Record<string, unknown>;
  expect(problem).toMatchObject({ status, title: expect.any(String), detail: expect.any(String) });
  expect(problem.type).toBe(type === undefined ? 'about:blank' : `urn:statectl:problem:${type}`);
  return problem;
};

test('a server that runs says so', async () => {
  await using temporary = await temporaryStore();
  const response = await appOver(temporary.store).app.inject('/healthz');
  expect(response.json()).toEqual({ status: 'ok' });
});

test('the script of a machine uses the name by which it called the server', async () => {
  await using temporary = await labStore();
  const { app } = appOver(temporary.store, { kernelArguments: 'console=ttyS1' });
  const script = (await app.inject({ url: '/v1/ipxe?mac=52-54-00-12-34-56&uuid=&serial=&arch=i386', headers })).body;
  expect(script).toContain(
    `kernel --name vmlinuz http://boot.lab:8080/blobs/sha256/${sha256(temporary.image.kernel)} initrd=initramfs.img ` +
      'statectl.server=http://boot.lab:8080 statectl.image=lab@20261120.1 ip=dhcp BOOTIF=01-52-54-00-12-34-56 console=ttyS1 ||',
  );
  expect(script).toContain(
    `initrd --name initramfs.img http://boot.lab:8080/blobs/sha256/${sha256(temporary.image.initramfs)} ||`,
  );
});

test('or the URL that the admin gave', async () => {
  await using temporary = await labStore();
  const { app } = appOver(temporary.store, { publicUrl: 'https://public.example' });
  const script = (await app.inject({ url: '/v1/ipxe', headers })).body;
  expect(script).toContain('statectl.server=https://public.example ');
  expect(script).not.toContain('boot.lab');
});

test('a machine without an image gets a script that says so, and the controller a problem', async () => {
  await using temporary = await temporaryStore();
  const { app } = appOver(temporary.store);
  const script = (await app.inject({ url: `/v1/ipxe?mac=${MAC}`, headers })).body;
  expect(script).toContain(`statectl image use NAME --for mac=${MAC}`);
  const problem = expectProblem(await app.inject(`/v1/boot?mac=${MAC}`), 404, 'no-image');
  expect(problem.hint).toContain(`statectl image use NAME --for mac=${MAC}`);
});

test('the controller learns where everything of its image is', async () => {
  await using temporary = await labStore();
  await temporary.add({ name: 'printers', version: '7', rootBytes: 10 });
  await useImage(temporary.store, 'printers', parseSelector(`mac=${MAC}`));
  const { app } = appOver(temporary.store);
  expect((await app.inject(`/v1/boot?mac=${MAC}`)).json()).toMatchObject({ image: 'printers', version: '7' });
  const answer = (await app.inject('/v1/boot?arch=x86_64')).json();
  expect(answer).toEqual({
    image: 'lab',
    version: '20261120.1',
    blobs: '/blobs/sha256/',
    manifestUrl: '/v1/images/lab/20261120.1/manifest.json',
    signatureUrl: '/v1/images/lab/20261120.1/manifest.json.sig',
    files: {
      root: `/blobs/sha256/${sha256(temporary.image.root)}`,
      kernel: `/blobs/sha256/${sha256(temporary.image.kernel)}`,
    },
  });
  expect((await app.inject(answer.manifestUrl)).body).toBe(temporary.image.manifestText);
  expect((await app.inject(answer.signatureUrl)).rawPayload).toHaveLength(64);
  expect(sha256((await app.inject(answer.files.root)).rawPayload)).toBe(sha256(temporary.image.root));
});

test('a blob never changes: it is cached for ever, by its ETag', async () => {
  await using temporary = await labStore();
  const { app } = appOver(temporary.store);
  const { root } = temporary.image;
  const etag = `"${sha256(root)}"`;
  const url = `/blobs/sha256/${sha256(root)}`;
  const whole = await app.inject(url);
  expect(whole.headers).toMatchObject({
    etag,
    'cache-control': 'public, max-age=31536000, immutable',
    'accept-ranges': 'bytes',
    'content-length': '100000',
  });
  const head = await app.inject({ method: 'HEAD', url });
  expect([head.statusCode, head.headers['content-length'], head.rawPayload.length]).toEqual([200, '100000', 0]);
  const cached = await app.inject({ url, headers: { 'if-none-match': etag } });
  expect([cached.statusCode, cached.headers.etag, cached.rawPayload.length]).toEqual([304, etag, 0]);
});

test('a part of a blob is the same bytes, and a part outside it is refused', async () => {
  await using temporary = await labStore();
  const { app } = appOver(temporary.store);
  const { root } = temporary.image;
  const url = `/blobs/sha256/${sha256(root)}`;
  const part = await app.inject({ url, headers: { range: 'bytes=70000-' } });
  expect([part.statusCode, part.headers['content-range']]).toEqual([206, 'bytes 70000-99999/100000']);
  expect(part.rawPayload.equals(root.subarray(70000))).toBe(true);
  const outside = await app.inject({ url, headers: { range: 'bytes=100000-' } });
  expectProblem(outside, 416, 'range-unsatisfiable');
  expect(outside.headers['content-range']).toBe('bytes */100000');
});

test('an empty blob is sent as nothing', async () => {
  await using temporary = await temporaryStore();
  const { root } = await temporary.add({ rootBytes: 0 });
  const response = await appOver(temporary.store).app.inject(`/blobs/sha256/${sha256(root)}`);
  expect([response.statusCode, response.headers['content-length'], response.body]).toEqual([200, '0', '']);
});

test.each([
  '/blobs/sha256/..%2f..%2fuses.json',
  '/blobs/sha256/%2fetc%2fpasswd',
  `/blobs/sha256/${'a'.repeat(63)}%00`,
  `/blobs/sha256/${'A'.repeat(64)}`,
  `/blobs/sha256/${'a'.repeat(64)}`,
  '/blobs/sha256/../../uses.json',
  '/blobs/sha256/',
  '/v1/images/lab/..%2f..%2fuses/manifest.json',
  '/v1/images/..%2flab/20261120.1/manifest.json',
  '/v1/images/lab/%2e%2e/manifest.json',
  '/v1/images/lab%00/20261120.1/manifest.json.sig',
  `/v1/images/lab/${'1'.repeat(2000)}/manifest.json`,
  '/ipxe/..%2fpasswd',
  '/ipxe/ipxe.iso',
  '//etc/passwd',
  '/uses.json',
])('no path leads out of what is served: %s', async (url) => {
  await using temporary = await labStore();
  const response = await appOver(temporary.store).app.inject(url);
  expect([404, 414]).toContain(response.statusCode);
  expect(response.headers['content-type']).toContain('application/problem+json');
  expect(response.body).not.toContain(temporary.store.root);
});

test('a URL or a Host that makes no sense is refused, and logged', async () => {
  await using temporary = await labStore();
  const { app, lines } = appOver(temporary.store);
  expectProblem(await app.inject('/blobs/sha256/%zz'), 400);
  for (const host of ['a b', 'x"y', 'h/../x', 'h:80:80', 'u@h', 'h%0a', '[::1', 'h\u00e9'])
    expectProblem(await app.inject({ url: '/boot.ipxe', headers: { host } }), 400, 'host-invalid');
  expectProblem(await app.inject('/v1/ipxe?mac=525400123456&mac=525400123457'), 400, 'machine-invalid');
  expect(lines.map((line) => line.status)).toEqual(Array(10).fill(400));
  expect((await app.inject({ url: '/boot.ipxe', headers: { host: '[fd00::1]:8080' } })).statusCode).toBe(200);
});

test('the access log tells what was sent to whom, and no query', async () => {
  await using temporary = await labStore();
  const { app, lines } = appOver(temporary.store);
  const url = `/blobs/sha256/${sha256(temporary.image.root)}`;
  await app.inject({ url, headers: { range: 'bytes=10-19' } });
  await app.inject({ method: 'HEAD', url });
  await app.inject('/v1/boot?serial=secret');
  const time = '2026-11-20T12:00:00.000Z';
  expect(lines).toEqual([
    { time, method: 'GET', path: url, status: 206, bytes: 10, ms: 0, remote: '127.0.0.1', range: 'bytes=10-19' },
    { time, method: 'HEAD', path: url, status: 200, bytes: 0, ms: 0, remote: '127.0.0.1' },
    { time, method: 'GET', path: '/v1/boot', status: 200, bytes: expect.any(Number), ms: 0, remote: '127.0.0.1' },
  ]);
});

test('the access log is obeyed by no terminal that shows it', async () => {
  const log: string[] = [];
  const app = fastify();
  accessLog(memoryHost().clock, (line) => log.push(line)).install(app);
  const range = 'bytes=\u009b31m\u202e\u007f';
  await app.inject({ url: '/v1/x', headers: { range } });
  expect(log.join('')).toMatch(/^[\x20-\x7e]+$/);
  expect(JSON.parse(log[0] ?? '')).toMatchObject({ range });
});

test('when the server itself fails, the client learns that, and the log why', async () => {
  await using temporary = await labStore();
  const { app, lines } = appOver(temporary.store, {
    bootSettings: async () => {
      throw new Error('EIO: /srv/config.d');
    },
  });
  const problem = expectProblem(await app.inject('/v1/boot'), 500);
  expect(problem.detail).toBe('the server failed; its log says why');
  expect(lines[0]?.error).toContain('EIO');
});

test('firmware that boots by HTTP gets iPXE, and nothing else of its folder', async () => {
  await using temporary = await temporaryStore();
  const ipxeDirectory = join(temporary.folder, 'ipxe');
  await mkdir(ipxeDirectory);
  for (const name of ['snponly.efi', 'secret.key']) await writeFile(join(ipxeDirectory, name), name);
  const { app } = appOver(temporary.store, { ipxeDirectory });
  expect((await app.inject('/ipxe/snponly.efi')).body).toBe('snponly.efi');
  expect((await app.inject({ method: 'HEAD', url: '/ipxe/snponly.efi' })).headers['content-length']).toBe('11');
  expectProblem(await app.inject('/ipxe/secret.key'), 404, 'blob-unknown');
  expectProblem(await app.inject('/ipxe/ipxe.efi'), 404, 'blob-unknown');
});

test('a blob is a file: a folder of that name is not served', async () => {
  await using temporary = await temporaryStore();
  await mkdir(blobPath(temporary.store, 'b'.repeat(64)));
  expectProblem(await appOver(temporary.store).app.inject(`/blobs/sha256/${'b'.repeat(64)}`), 404, 'blob-unknown');
});
