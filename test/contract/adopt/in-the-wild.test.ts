import { chmodSync, chownSync, existsSync, globSync, lstatSync } from 'node:fs';
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
  expect(taken).toMatchObject([{ database: { isNew: true }, variables: { isNew: true }, missed: [] }]);
  const all = ['**', '**/.*'].flatMap((pattern) => globSync(pattern, { cwd: server.state }));
  expect(all.length).toBeGreaterThan(50);
  expect(all.filter((path) => lstatSync(join(server.state, path)).uid !== SERVERS)).toEqual([]);
  expect(existsSync(join(server.config, 'nodes/voron.conf'))).toBe(true);
  expect(lstatSync(join(server.config, 'nodes/voron.conf')).uid).toBe(0);
});
