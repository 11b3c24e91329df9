import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { useImage } from '../../../../src/server/images/uses.ts';
import { machineReader } from '../../../../src/server/machines/machine-reader.ts';
import { cpuMs, sized } from '../../../fixtures/effort.ts';
import { appOver, temporaryStore } from '../../../fixtures/server/temporary-store.ts';

const MAC = '52:54:00:12:34:56';
const UUID = '4c4c4544-0042-3510-8052-b4c04f4e4d32';
/** Of every route that takes claims. */
const ODD = [
  ['hostname', 'pc_07'],
  ['hostname', 'p%C3%A9'],
  ['hostname', '%00'],
  ['hostname', '%ff%fe'],
  ['hostname', '%zz'],
  ['serial', 'S%C3%A9rie'],
  ['serial', 'x'.repeat(10_000)],
  ['uuid', 'none'],
  ['uuid', '%1b%5d0;x%07'],
  ['macs', '80:00:02:08:fe:80:00:00:00:00:00:00:00:02:c9:03:00:0a:0b:0c'],
  ['macs', ','.repeat(5_000)],
  ['arch', ''],
  ['labels', 'constructor'],
  ['labels', '='],
] as const;

let offering: Awaited<ReturnType<typeof temporaryStore>>;
beforeAll(async () => {
  offering = await temporaryStore();
  await offering.add();
  await useImage(offering.store, 'lab');
});
afterAll(() => offering[Symbol.asyncDispose]());

test.each(ODD)('the claim %s=%j chooses no other image, and refuses none', async (key, text) => {
  const { app } = appOver(offering.store);
  const ask = async (path: string) => {
    const { statusCode, body } = await app.inject(path);
    // The script waits for another while each time, and asks again with what was read.
    return { statusCode, body: path.startsWith('/v1/ipxe') ? '' : body };
  };
  for (const route of ['/v1/boot', '/v1/ipxe', '/v1/bundle', '/v1/templates/x']) {
    expect(await ask(`${route}?mac=${MAC}&${key}=${text}`)).toEqual(await ask(`${route}?mac=${MAC}`));
    expect((await ask(`${route}?${key}=${text}&${key}=${text}`)).statusCode).toBe(400);
  }
  const report = await app.inject({
    method: 'POST',
    url: '/v1/reports',
    payload: { mac: MAC, [key]: decodeURIComponent(/%zz|%ff/.test(text) ? 'x y' : text) },
  });
  expect(report.statusCode).toBe(204);
});

test('a report whose MAC address cannot be read is kept by its UUID', async () => {
  await using temporary = await temporaryStore();
  const { app } = appOver(temporary.store);
  const post = (payload: object) => app.inject({ method: 'POST', url: '/v1/reports', payload });
  expect((await post({ mac: '80:00:02:08:fe:80', uuid: UUID })).statusCode).toBe(204);
  expect((await post({ mac: 7, uuid: UUID })).statusCode).toBe(204);
  expect((await post({ mac: 'x' })).json()).toMatchObject({ status: 400, detail: 'it names neither mac nor uuid' });
});

describe('who reads machines', () => {
  const reader = () => {
    const told: string[] = [];
    return { told, read: machineReader((text) => void told.push(text)) };
  };

  it('tells what cannot be read once', () => {
    const { told, read } = reader();
    read({ mac: MAC, hostname: 'a b' });
    read({ mac: MAC, hostname: 'a b' });
    expect(told).toEqual(['a machine says: hostname "a b" cannot be read: it counts as not said']);
  });

  it('tells no more than a person reads', () => {
    const { told, read } = reader();
    for (let at = 0; at < 1_000; at += 1) read({ hostname: `a ${at}` });
    expect(told).toHaveLength(201);
    expect(told.at(-1)).toContain('no more');
  });

  it('tells a UUID that two machines have, and not one that has two cards', () => {
    const { told, read } = reader();
    read({ uuid: UUID, mac: MAC, macs: '52:54:00:12:34:57' });
    read({ uuid: UUID, mac: '52:54:00:12:34:57' });
    expect(told).toEqual([]);
    read({ uuid: UUID, mac: '52:54:00:99:99:99' });
    read({ uuid: UUID, mac: '52:54:00:99:99:99' });
    expect(told).toEqual([
      `UUID ${UUID} is that of several machines, ${MAC} and 52:54:00:99:99:99: match them by mac or serial, not by uuid`,
    ]);
  });

  it('remembers no more cards of one UUID than a machine has, whatever a stranger says', async () => {
    const { told, read } = reader();
    const card = (at: number) =>
      `52:54:00:${(0x1000000 + at)
        .toString(16)
        .slice(1)
        .replace(/..(?=.)/g, '$&:')}`;
    const took = await cpuMs(() => {
      for (let at = 0; at < sized(500, 5_000); at += 1)
        read({ uuid: UUID, mac: MAC, macs: Array.from({ length: 31 }, (_, card0) => card(31 * at + card0)).join(',') });
    });
    expect(took).toBeLessThan(sized(2_000, 20_000));
    expect(told).toEqual([]);
    // One of long ago is another machine's.
    read({ uuid: UUID, mac: card(0) });
    expect(told).toHaveLength(1);
  });
});
