import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { bootedImages, KEPT_REPORTS, lastReports } from '../../../src/server/reports.ts';
import { reportPath, reportsPath } from '../../../src/server/store.ts';
import { appOver, temporaryStore } from '../../fixtures/temporary-store.ts';

const MAC = '52:54:00:12:34:56';
const ID = '52-54-00-12-34-56';
const post = (payload: unknown) => ({ method: 'POST', url: '/v1/reports', payload: payload as object }) as const;

test('a report is kept with its time and sender, readable for the server alone', async () => {
  await using temporary = await temporaryStore();
  const { app } = appOver(temporary.store);
  const response = await app.inject(
    post({ mac: '52-54-00-12-34-56', image: 'lab', version: '1', phase: { name: 'mount' } }),
  );
  expect([response.statusCode, response.body]).toEqual([204, '']);
  const path = reportPath(temporary.store, ID);
  expect(JSON.parse(await readFile(path, 'utf8'))).toEqual({
    reports: [
      {
        receivedAt: '2026-11-20T12:00:00.000Z',
        remote: '127.0.0.1',
        report: { mac: '52-54-00-12-34-56', image: 'lab', version: '1', phase: { name: 'mount' } },
      },
    ],
  });
  expect((await stat(path)).mode & 0o777).toBe(0o600);
});

test.each([
  ['an escape', { image: 'lab\u001b[2J', version: '1' }],
  ['a line of its own', { image: 'lab@1\nprint02  -  mac  lab@9' }],
  ['a C1 character in the version', { image: 'lab', version: '1\u009b31m' }],
  ['a direction', { image: 'lab@\u202e1' }],
  ['two versions', { image: 'lab@1@2' }],
  ['a path', { image: '../lab', version: '1' }],
  ['no version', { image: 'lab' }],
])('what a report says that it booted counts for nothing where it is no name of an image: %s', async (_, said) => {
  await using temporary = await temporaryStore();
  const { app } = appOver(temporary.store);
  const config = { digest: '\u001b[31m', node: 'print01\u2028print02', origin: 'bundle' };
  expect((await app.inject(post({ mac: MAC, ...said, config }))).statusCode).toBe(204);
  expect([...(await bootedImages(temporary.store))]).toEqual([]);
  const [last] = (await lastReports(temporary.store)).values();
  expect(last).toMatchObject({ configOrigin: 'bundle' });
  expect([last?.image, last?.node, last?.configDigest]).toEqual([undefined, undefined, undefined]);
});

test('a report that comes again, as its answer was lost, is kept once', async () => {
  await using temporary = await temporaryStore();
  const { app } = appOver(temporary.store);
  for (const id of ['a', 'b', 'a', 'b', 'b']) expect((await app.inject(post({ mac: MAC, id }))).statusCode).toBe(204);
  const { reports } = JSON.parse(await readFile(reportPath(temporary.store, ID), 'utf8'));
  expect(reports.map((entry: { report: { id: string } }) => entry.report.id)).toEqual(['b', 'a']);
});

test('the last twenty reports of a machine are kept, also when they come at once', async () => {
  await using temporary = await temporaryStore();
  const { app } = appOver(temporary.store);
  await Promise.all(Array.from({ length: 25 }, (_, i) => app.inject(post({ mac: MAC, i }))));
  const { reports } = JSON.parse(await readFile(reportPath(temporary.store, ID), 'utf8'));
  expect(reports).toHaveLength(KEPT_REPORTS);
  expect(reports.map((entry: { report: { i: number } }) => entry.report.i)).toEqual(
    Array.from({ length: 20 }, (_, i) => 24 - i),
  );
});

test('large reports push out older ones before twenty are there', async () => {
  await using temporary = await temporaryStore();
  const { app } = appOver(temporary.store);
  for (let i = 0; i < 8; i++)
    expect((await app.inject(post({ mac: MAC, i, log: 'x'.repeat(200_000) }))).statusCode).toBe(204);
  expect((await stat(reportPath(temporary.store, ID))).size).toBeLessThan(1_100_000);
});

test.each([
  ['no machine', { image: 'lab' }],
  ['a mac that is none', { mac: '../../etc/x' }],
  ['a uuid that every board has', { uuid: '00000000-0000-0000-0000-000000000000' }],
  ['a list', []],
  ['an image that is no text', { mac: MAC, image: 7 }],
])('a report with %s is refused', async (_, payload) => {
  await using temporary = await temporaryStore();
  const response = await appOver(temporary.store).app.inject(post(payload));
  expect(response.statusCode).toBe(400);
  expect(response.headers['content-type']).toContain('application/problem+json');
  expect(await readdir(reportsPath(temporary.store))).toEqual([]);
});

test('what is no JSON, or too much of it, is refused', async () => {
  await using temporary = await temporaryStore();
  const { app } = appOver(temporary.store);
  const send = (payload: string, type = 'application/json') =>
    app.inject({ method: 'POST', url: '/v1/reports', payload, headers: { 'content-type': type } });
  expect((await send('{"mac":')).json()).toMatchObject({ status: 400 });
  expect((await send('')).json()).toMatchObject({ status: 400 });
  expect((await send('{}', 'text/html')).json()).toMatchObject({ status: 415 });
  expect((await send(JSON.stringify({ mac: MAC, log: 'x'.repeat(256 * 1024) }))).json()).toMatchObject({ status: 413 });
  expect((await send(`{"mac":"${MAC}","__proto__":{"x":1}}`)).json()).toMatchObject({ status: 400 });
});

test('a damaged file keeps no machine from reporting', async () => {
  await using temporary = await temporaryStore();
  await writeFile(join(reportsPath(temporary.store), `${ID}.json`), '{half');
  const { app } = appOver(temporary.store);
  expect((await app.inject(post({ mac: MAC, image: 'lab@1' }))).statusCode).toBe(204);
  expect(await bootedImages(temporary.store)).toEqual(new Map([['lab@1', [ID]]]));
});
