import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { databaseTar, moonrakerDatabase, sha256 } from '../../fixtures/moonraker-database.ts';
import { BOOT, type PrintServer, printServer } from '../../fixtures/print-server.ts';

const NEXT_BOOT = 'b0000000-0000-4000-8000-000000000002';

let server: PrintServer;
beforeEach(async () => {
  server = await printServer();
  server.give('print01', { voron: {} });
});
afterEach(() => server[Symbol.asyncDispose]());

const filesIn = (folder: string): readonly string[] =>
  readdirSync(join(server.state, 'state', 'voron', folder), { recursive: true, withFileTypes: true }).flatMap((one) =>
    one.isFile() ? [one.name] : [],
  );

it('a print host leases its printer, ships its database, and the next boot is given the very same bytes', async () => {
  const machine = await server.machine('print01');
  const first = await machine.lease('voron', BOOT);
  expect([first.status, first.json]).toEqual([200, { lease: 1, items: { database: null } }]);
  const tar = databaseTar(moonrakerDatabase(['benchy.gcode']));
  const shipped = await machine.ship('voron', tar, { lease: 1, takenAtMs: 7 });
  expect([shipped.status, shipped.json]).toEqual([200, { on: 'line', id: expect.stringMatching(/^00000001-/) }]);
  const again = await machine.lease('voron', NEXT_BOOT);
  const { id } = shipped.json;
  expect(again.json).toEqual({
    lease: 2,
    items: { database: { id, sha256: sha256(tar), sizeBytes: tar.length, takenAtMs: 7 } },
  });
  const back = await machine.ask('GET', `/v1/state/voron/database/generations/${id}`);
  expect(back.status).toBe(200);
  expect(back.body.equals(tar)).toBe(true);
  // Plain files, for whoever has nothing but a shell.
  expect(filesIn('line')).toEqual([`${id}.json`, `${id}.tar`]);
  expect(readFileSync(join(server.state, 'state/voron/line/database', `${id}.tar`)).equals(tar)).toBe(true);
  expect(statSync(join(server.state, 'state/voron')).mode & 0o777).toBe(0o700);
  expect(filesIn('incoming')).toEqual([]);
});
