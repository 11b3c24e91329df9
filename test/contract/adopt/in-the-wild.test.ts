import {
  chmodSync,
  chownSync,
  existsSync,
  globSync,
  lstatSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { sshdPrograms } from '../../fixtures/identity/sshd.ts';
import { type MainsailHost, mainsailHost } from '../../fixtures/state/mainsail-host.ts';
import { type AdoptingServer, adoptingServer } from './adopting.ts';

const programs = sshdPrograms();
const DATA = '/home/pi/printer_data';
const printers = [{ name: 'voron', folder: DATA }];

let host: MainsailHost;
let server: AdoptingServer;
beforeAll(async () => {
  if (programs) host = await mainsailHost(programs);
});
afterAll(() => host?.[Symbol.asyncDispose]());
beforeEach(async (context) => {
  if (!programs) context.skip('needs root, namespaces, and the package openssh-server, from apt if need be');
  server = adoptingServer();
  return () => server[Symbol.asyncDispose]();
});

/** An account that is on every Debian. */
const SERVERS = 65_534;

it('what root adopts belongs to whom the state of the server belongs, each file of it', async () => {
  chmodSync(server.folder, 0o755);
  for (const path of [server.state, join(server.state, 'images')]) chownSync(path, SERVERS, SERVERS);
  host.write(`${DATA}/gcodes/large.gcode`, Buffer.alloc(20 << 20, 'G1 X1\n'));
  const { printers: taken } = await server.adopt(host, { printers });
  rmSync(join(host.root, `${DATA}/gcodes/large.gcode`));
  expect(taken).toMatchObject([{ database: { isNew: true }, variables: { isNew: true }, missed: [] }]);
  const all = ['**', '**/.*'].flatMap((pattern) => globSync(pattern, { cwd: server.state }));
  expect(all.length).toBeGreaterThan(50);
  expect(all.filter((path) => lstatSync(join(server.state, path)).uid !== SERVERS)).toEqual([]);
  expect(existsSync(join(server.config, 'nodes/voron.conf'))).toBe(true);
  expect(lstatSync(join(server.config, 'nodes/voron.conf')).uid).toBe(0);
});

it('a database of before Moonraker 0.9 is never passed over: what it is, and what to do before', async () => {
  const database = `${DATA}/database/moonraker-sql.db`;
  const kept = readFileSync(join(host.root, database));
  rmSync(join(host.root, database));
  try {
    const none = await server.plan(host, { printers });
    expect(none.printers[0]?.left).toContainEqual({
      what: `${DATA}/database`,
      why: 'there is no database of Moonraker in it (moonraker-sql.db)',
    });
    host.write(`${DATA}/database/data.mdb`, Buffer.alloc(8192));
    const { plan, printers: taken } = await server.adopt(host, { printers });
    expect(plan.printers[0]?.database).toBe(null);
    const [said] = plan.printers[0]?.lookAt ?? [];
    expect(said).toEqual({ what: `${DATA}/database/data.mdb`, why: expect.stringContaining('pip install lmdb') });
    expect(taken).toMatchObject([{ database: null, gcode: { added: 6 } }]);
    host.write(database, kept);
    // What Moonraker made one of stays beside it, and is nothing to tell.
    const again = await server.plan(host, { printers });
    expect(JSON.stringify(again)).not.toContain('data.mdb');
  } finally {
    rmSync(join(host.root, `${DATA}/database/data.mdb`), { force: true });
    host.write(database, kept);
  }
});

it('a host whose find or tar is none of GNU is refused, and nothing of it is taken for empty', async () => {
  await server.adopt(host, { printers });
  for (const [name, words] of [
    ['find', 'find, tar'],
    ['tar', 'tar'],
  ] as const) {
    const real = join(host.root, `opt/bin/${name}`);
    rmSync(real);
    // As that of busybox: it knows neither -printf nor --version.
    writeFileSync(real, '#!/bin/sh\necho "BusyBox v1.35.0 multi-call binary" >&2\nexit 1\n', { mode: 0o755 });
    try {
      await expect(server.adopt(host, { printers })).rejects.toMatchObject({
        code: 'adopt-unfit',
        message: expect.stringContaining(`no GNU ${name}`),
        hint: expect.stringContaining(words.split(', ')[0] === 'find' ? 'findutils' : 'tar'),
      });
    } finally {
      rmSync(real);
      symlinkSync(`/usr/bin/${name}`, real);
    }
  }
  const { printers: taken } = await server.adopt(host, { printers });
  expect(taken).toMatchObject([{ config: { changed: 0 }, gcode: { added: 0, removed: 0 } }]);
});
