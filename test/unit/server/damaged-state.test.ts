import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { openBundles } from '../../../src/server/bundles/bundles.ts';
import { useImage } from '../../../src/server/images/uses.ts';
import { reportKeeper } from '../../../src/server/reports/report-keeper.ts';
import { createContent, SIGNER } from '../../fixtures/bundle.ts';
import { appOver, type TemporaryStore, temporaryStore } from '../../fixtures/server/temporary-store.ts';

const MAC = '52:54:00:12:34:56';
const FOLDER = 'a folder in its place';

/** A server with one image for all, whose record at the path is damaged. */
async function damaged({ store, add }: TemporaryStore, path: string, text: string) {
  await add({ version: '1' });
  await useImage(store, 'lab');
  const renderNode = async () => createContent();
  const before = appOver(store, { bundles: await openBundles({ store, renderNode, signer: SIGNER }) });
  const kept = await before.app.inject('/v1/bundle?mac=52:54:00:12:34:99');
  expect(kept.statusCode).toBe(200);
  const place = join(store.root, path);
  await mkdir(dirname(place), { recursive: true });
  await rm(place, { force: true });
  await (text === FOLDER ? mkdir(place) : writeFile(place, text));
  const { app, lines } = appOver(store, {
    bundles: await openBundles({ store, renderNode, signer: SIGNER }),
    bootSettings: async ({ macs: [mac] }) => (mac === MAC ? undefined : { image: 'lab@1', arguments: [], servers: [] }),
    keepReport: reportKeeper(store),
  });
  const get = (url: string) => app.inject(url);
  const tell = (mac: string) => app.inject({ url: '/v1/reports', method: 'POST', payload: { mac } });
  return { get, tell, lines, place };
}

const USES = 'uses.json';
const SEQUENCE = 'bundles/sequence';

test.each([
  [USES, '{', '/v1/boot', 'JSON'],
  [USES, '', '/v1/ipxe', 'JSON'],
  [USES, '[]', '/v1/boot', 'expected a mapping of keys to values, found a list'],
  [USES, FOLDER, '/v1/boot', 'EISDIR'],
  [USES, '{"format":1,"default":7,"selectors":{}}', '/v1/boot', 'default: expected a text, found 7'],
  [USES, '{"format":1,"default":"a b@","selectors":{}}', '/v1/boot', 'default: "a b@" is not an image'],
  [USES, '{"format":1,"selectors":{"arch=x86_64":"lab"}}', '/v1/ipxe', 'selectors.arch=x86_64: "lab" names no version'],
  [SEQUENCE, 'x', '/v1/bundle', 'is no number'],
  [SEQUENCE, '', '/v1/bundle', 'is no number'],
  [SEQUENCE, '9'.repeat(20), '/v1/bundle', 'is no number'],
  [SEQUENCE, FOLDER, '/v1/bundle', 'EISDIR'],
  ['bundles/epoch', '-1', '/v1/bundle', 'is no number'],
  ['images/lab/1.json', '{}', '/v1/boot', 'manifest: expected a text, found nothing'],
])(
  'a damaged %s (%s) is told to its admin in one sentence, with its place and what to do',
  async (path, text, url, why) => {
    await using temporary = await temporaryStore();
    const { get, lines, place } = await damaged(temporary, path, text);
    const answer = await get(`${url}?mac=${MAC}`);
    expect(answer.statusCode).toBe(503);
    expect(answer.json()).toMatchObject({ type: 'urn:statectl:problem:state-damaged' });
    expect(answer.body).not.toContain(temporary.store.root);
    expect(lines).toMatchObject([{ status: 503, error: expect.stringContaining(place) }]);
    expect(lines[0]?.error).toContain(why);
    expect(lines[0]?.error).toMatch(/ → (?:repair or )?remove (?:it|that file)/);
  },
);

test('who needs no damaged record gets all as before', async () => {
  {
    await using temporary = await temporaryStore();
    const { get, tell } = await damaged(temporary, USES, '{');
    // config.d names the image of this one.
    for (const url of ['boot', 'ipxe', 'bundle'])
      expect((await get(`/v1/${url}?mac=52:54:00:12:34:99`)).statusCode).toBe(200);
    expect((await get(`/v1/bundle?mac=${MAC}`)).statusCode).toBe(200);
    expect((await tell(MAC)).statusCode).toBe(204);
  }
  await using temporary = await temporaryStore();
  const { get } = await damaged(temporary, SEQUENCE, 'x');
  expect((await get('/v1/bundle?mac=52:54:00:12:34:99')).statusCode).toBe(200);
  expect((await get(`/v1/boot?mac=${MAC}`)).statusCode).toBe(200);
  expect((await get(`/v1/bundle?mac=${MAC}`)).statusCode).toBe(503);
});

test('a file in place of the folder of bundles is told when the server starts', async () => {
  await using temporary = await temporaryStore();
  const place = join(temporary.store.root, 'bundles');
  await writeFile(place, '');
  const opening = openBundles({ store: temporary.store, renderNode: async () => createContent(), signer: SIGNER });
  await expect(opening).rejects.toMatchObject({
    code: 'state-unusable',
    message: expect.stringContaining(place),
    hint: expect.stringContaining('move away'),
  });
});
