import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { reportsOf } from '../../../../src/server/admin/nodes/node-status.ts';
import { reportKeeper } from '../../../../src/server/reports/report-keeper.ts';
import { bootedImages, KEPT_REPORTS, lastReports, reportSizes } from '../../../../src/server/reports/reports.ts';
import { reportPath, reportsPath, type Store } from '../../../../src/server/store/store.ts';
import { appOver, temporaryStore } from '../../../fixtures/server/temporary-store.ts';

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

test('large reports push out older ones before twenty are there: 64 KiB are kept of a machine', async () => {
  await using temporary = await temporaryStore();
  const { app } = appOver(temporary.store);
  for (let i = 0; i < 8; i++)
    expect((await app.inject(post({ mac: MAC, i, log: 'x'.repeat(16_000) }))).statusCode).toBe(204);
  expect((await stat(reportPath(temporary.store, ID))).size).toBeLessThan(66_000);
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
  expect((await send(JSON.stringify({ mac: MAC, log: 'x'.repeat(16 * 1024) }))).json()).toMatchObject({ status: 413 });
  expect((await send(`{"mac":"${MAC}","__proto__":{"x":1}}`)).json()).toMatchObject({ status: 400 });
  const nested = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`;
  expect((await send(`{"mac":"${MAC}","toJSON":1,"x":${nested(7_900)}}`)).json()).toMatchObject({ status: 400 });
  expect((await send(`{"mac":"${MAC}","x":${nested(33)}}`)).json()).toMatchObject({ status: 400 });
  expect((await send(`{"mac":"${MAC}","toJSON":1,"x":${nested(30)}}`)).statusCode).toBe(204);
});

test('a damaged file keeps no machine from reporting', async () => {
  await using temporary = await temporaryStore();
  await writeFile(join(reportsPath(temporary.store), `${ID}.json`), '{half');
  const { app } = appOver(temporary.store);
  expect((await app.inject(post({ mac: MAC, image: 'lab@1' }))).statusCode).toBe(204);
  expect(await bootedImages(temporary.store)).toEqual(new Map([['lab@1', [ID]]]));
});

describe('what anybody may report', () => {
  const macOf = (index: number): string =>
    `02:00:00:${[16, 8, 0].map((shift) => ((index >> shift) & 255).toString(16).padStart(2, '0')).join(':')}`;
  const keeperOf = (store: Store, options: Parameters<typeof reportKeeper>[1] = {}) => {
    const keep = reportKeeper(store, { free: async () => 1, ...options });
    return (mac: string, remote: string, more: object = {}) => keep({ mac, ...more }, remote);
  };
  const machinesOf = async (store: Store) => [...(await lastReports(store)).keys()];

  test('takes no more machines than may be: one more takes the place of the oldest of the address that has most', async () => {
    await using temporary = await temporaryStore();
    const keep = keeperOf(temporary.store, { limits: { machines: 20, bytes: 1 << 20 } });
    await keep(MAC, '192.168.7.1');
    for (let index = 0; index < 60; index += 1) await keep(macOf(index), '10.0.0.1');
    expect((await machinesOf(temporary.store)).length).toBe(20);
    // Whoever floods forgets its own; and one more machine there is heard too.
    expect(await machinesOf(temporary.store)).toContain(MAC);
    expect(await machinesOf(temporary.store)).toContain(macOf(59));
    await keep(macOf(99), '192.168.8.1');
    expect(await machinesOf(temporary.store)).toEqual(expect.arrayContaining([MAC, macOf(99)]));
    expect((await machinesOf(temporary.store)).length).toBe(20);
  });

  test('takes no more bytes than may be, whatever each report has', async () => {
    await using temporary = await temporaryStore();
    const keep = keeperOf(temporary.store, { limits: { machines: 1_000, bytes: 200_000 } });
    for (let index = 0; index < 40; index += 1)
      await keep(macOf(index), `10.0.${index}.1`, { log: 'x'.repeat(15_000) });
    const sizes = await reportSizes(temporary.store);
    expect(sizes.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThan(216_000);
    expect(sizes.map(({ id }) => id)).toContain(macOf(39).replaceAll(':', '-'));
  });

  test('is counted again by a server that was started anew', async () => {
    await using temporary = await temporaryStore();
    const limits = { machines: 5, bytes: 1 << 20 };
    for (let index = 0; index < 5; index += 1) await keeperOf(temporary.store, { limits })(macOf(index), '10.0.0.1');
    await keeperOf(temporary.store, { limits })(MAC, '10.9.0.1');
    expect((await machinesOf(temporary.store)).length).toBe(5);
  });

  test('is refused where the disk is nearly full, and what a machine proves is not', async () => {
    await using temporary = await temporaryStore();
    const keep = reportKeeper(temporary.store, { free: async () => 0.04 });
    await expect(keep({ mac: MAC }, '10.0.0.1')).rejects.toMatchObject({ code: 'reports-full' });
    await keep({ mac: MAC, image: 'lab@1' }, '10.0.0.1', { node: 'print01', digest: 'd' });
    expect((await lastReports(temporary.store)).get('node print01')).toMatchObject({ image: 'lab@1', isProven: true });
  });

  test('says nothing of a machine that tells it itself, until its key counts no more', async () => {
    await using temporary = await temporaryStore();
    const { store } = temporary;
    const keep = reportKeeper(store, { free: async () => 1 });
    await keep({ mac: MAC, image: 'lab@1' }, '10.0.0.1', { node: 'print01', digest: 'd' });
    // By its MAC, and by its name from another card.
    await keep({ mac: MAC, image: 'evil@1' }, '10.6.6.6');
    await keep({ mac: macOf(1), image: 'evil@2', config: { node: 'print01' } }, '10.6.6.6');
    const node = { name: 'print01', file: 'nodes/a.conf', match: { mac: [MAC] }, groups: [] };
    const first = async (counts?: (proven: { digest: string }) => boolean) =>
      reportsOf(node as never, await lastReports(store, counts))[0]?.image;
    expect(await first()).toBe('lab@1');
    expect(await first(({ digest }) => digest !== 'd')).toBe('evil@1');
  });

  test('costs a server little time, however many reports come at once', async () => {
    await using temporary = await temporaryStore();
    const { app } = appOver(temporary.store);
    const answers = await Promise.all(
      Array.from({ length: 300 }, (_, index) => app.inject(post({ mac: macOf(index), log: 'x'.repeat(8_000) }))),
    );
    const codes = answers.map(({ statusCode }) => statusCode);
    // 128 of one address wait at most.
    expect(codes.filter((code) => code === 204)).toHaveLength(128);
    expect(answers.filter(({ statusCode }) => statusCode === 503).every(({ headers }) => headers['retry-after'])).toBe(
      true,
    );
    expect((await app.inject('/healthz')).statusCode).toBe(200);
  });
});
