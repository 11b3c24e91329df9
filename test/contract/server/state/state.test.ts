import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { databaseTar, moonrakerDatabase, sha256 } from '../../../fixtures/state/moonraker-database.ts';
import { BOOT, type PrintServer, printServer } from '../../../fixtures/state/print-server.ts';

const NEXT_BOOT = 'b0000000-0000-4000-8000-000000000002';

let server: PrintServer;
beforeEach(async () => {
  server = await printServer();
  server.give('print01', { voron: {} });
});
afterEach(() => server[Symbol.asyncDispose]());

const filesIn = (folder: string): readonly string[] =>
  readdirSync(join(server.state, 'state', 'voron', folder), { recursive: true, withFileTypes: true })
    .flatMap((one) => (one.isFile() ? [one.name] : []))
    .toSorted();

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

const LEASE = { lease: 1 } as const;
/** A machine of print01 that has the lease and shipped one good generation. */
async function runningMachine(tar = databaseTar(moonrakerDatabase(['one.gcode']))) {
  const machine = await server.machine('print01');
  await machine.lease('voron', BOOT);
  const { json } = await machine.ship('voron', tar, LEASE);
  return { machine, tar, id: String(json.id) };
}
const codeOf = ({ json }: { readonly json: Record<string, unknown> }): string =>
  String(json.type).replace('urn:statectl:problem:', '');
const lineOf = () => filesIn('line').filter((name) => name.endsWith('.tar'));

it('what comes again because its answer was lost is kept once', async () => {
  const { machine, tar, id } = await runningMachine();
  expect((await machine.ship('voron', tar, LEASE)).json).toEqual({ on: 'line', id });
  expect(lineOf()).toEqual([`${id}.tar`]);
});

it.each<[string, (good: Buffer) => Partial<{ tar: Buffer; sha256: string }>]>([
  ['another digest', () => ({ sha256: 'f'.repeat(64) })],
  ['less than was digested', (good) => ({ tar: good.subarray(0, good.length - 512), sha256: sha256(good) })],
  ['nothing at all', (good) => ({ tar: Buffer.alloc(0), sha256: sha256(good) })],
])('an upload with %s leaves nothing', async (_title, change) => {
  const { machine, tar, id } = await runningMachine();
  const sent = { tar, sha256: sha256(tar), ...change(tar) };
  const answer = await machine.ship('voron', sent.tar, { ...LEASE, sha256: sent.sha256 });
  expect([answer.status, codeOf(answer)]).toEqual([422, 'generation-mismatch']);
  expect([lineOf(), filesIn('incoming')]).toEqual([[`${id}.tar`], []]);
});

it('an upload whose connection breaks leaves nothing, and the next one is taken', async () => {
  const { machine, tar, id } = await runningMachine();
  const next = databaseTar(moonrakerDatabase(['one.gcode', 'two.gcode']));
  await expect(machine.ship('voron', next, LEASE, { cutAfterBytes: 4_096 })).rejects.toThrow();
  await expect.poll(() => filesIn('incoming')).toEqual([]);
  expect(lineOf()).toEqual([`${id}.tar`]);
  expect((await machine.ship('voron', tar, LEASE)).json).toEqual({ on: 'line', id });
  expect((await machine.ship('voron', next, LEASE)).json).toMatchObject({ on: 'line' });
});

/** A member with this type and name: what other programs write, and ours never. */
function tarWith(type: string, name: string, linked = ''): Buffer {
  const tar = Buffer.from(databaseTar());
  tar.write(name.padEnd(100, '\0').slice(0, 100), 0, 'latin1');
  tar.write(type, 156, 'latin1');
  tar.write(linked, 157, 'latin1');
  return tar;
}

/** The pages of a database whose writer was cut off: some are new, the others of before. */
function tornCopy(): Buffer {
  const before = moonrakerDatabase(Array.from({ length: 400 }, (_, at) => `job-${at}-${'x'.repeat(60)}`));
  const after = moonrakerDatabase(Array.from({ length: 900 }, (_, at) => `later-${at}-${'y'.repeat(90)}`));
  return Buffer.concat([after.subarray(0, 8_192), before.subarray(8_192)]);
}

it.each<[string, () => Buffer, RegExp]>([
  ['is no tar', () => Buffer.from('not a tar, by far not'.repeat(100)), /it is no tar/],
  ['is no database', () => databaseTar(Buffer.from('SQLite format 4'.repeat(500))), /not a database/],
  ['is empty', () => databaseTar(Buffer.alloc(0)), /has no table/],
  ['was copied in the middle of a write', () => databaseTar(tornCopy()), /moonraker-sql\.db: /],
  ['is cut off in the tar', () => databaseTar(moonrakerDatabase(['one']).subarray(0, 8_192)), /moonraker-sql\.db: /],
  ['lacks a table', () => databaseTar(moonrakerDatabase([], 'DROP TABLE namespace_store')), /no table namespace_store/],
  [
    'acts by itself with a trigger',
    () =>
      databaseTar(
        moonrakerDatabase([], 'CREATE TRIGGER t AFTER INSERT ON job_history BEGIN DELETE FROM job_history; END'),
      ),
    /it has a trigger/,
  ],
  [
    'acts by itself with a view',
    () => databaseTar(moonrakerDatabase([], 'CREATE VIEW v AS SELECT randomblob(1e9)')),
    /it has a view/,
  ],
  [
    'has a virtual table',
    () => databaseTar(moonrakerDatabase([], 'CREATE VIRTUAL TABLE f USING fts5(a)')),
    /it has a virtual table/,
  ],
  ['is a link', () => tarWith('2', '.moonraker.uuid', '/etc/shadow'), /other bytes than its members/],
  ['is a hard link', () => tarWith('1', '.moonraker.uuid', 'moonraker-sql.db'), /other bytes than its members/],
  ['leads out by its name', () => tarWith('0', '../../../etc/passwd'), /not the name of a member/],
  ['has a name with a newline', () => tarWith('0', '.moonraker.uuid\nx'), /not the name of a member/],
])('a generation that %s is kept apart, told, and never given back', async (_title, make, why) => {
  const { machine, id } = await runningMachine();
  const bad = make();
  const answer = await machine.ship('voron', bad, LEASE);
  expect([answer.status, codeOf(answer)]).toEqual([422, 'generation-damaged']);
  expect(answer.json.detail).toMatch(why);
  expect(server.alarms.at(-1)).toMatch(why);
  const [apart] = filesIn('apart').filter((name) => name.endsWith('.tar'));
  expect(readFileSync(join(server.state, 'state/voron/apart/database', String(apart))).equals(bad)).toBe(true);
  expect((await machine.lease('voron', NEXT_BOOT)).json.items).toMatchObject({ database: { id } });
  const got = await machine.ask('GET', `/v1/state/voron/database/generations/${String(apart).replace('.tar', '')}`);
  expect([got.status, codeOf(got)]).toEqual([404, 'generation-unknown']);
  expect(filesIn('incoming')).toEqual([]);
});

it.each([
  ['leads up', '%2e%2e'],
  ['leads up and on', '..%2f..%2fetc'],
  ['has a newline', 'voron%0a'],
  ['has 255 bytes', 'v'.repeat(255)],
  ['is nobody’s', 'ender'],
  ['is what objects have', '__proto__'],
])('a printer whose name %s is unknown, and nothing is made for it', async (_title, name) => {
  const { machine, tar } = await runningMachine();
  const answers = [await machine.lease(name, BOOT), await machine.ship(name, tar, LEASE)];
  for (const { status } of answers) expect([400, 404, 414]).toContain(status);
  expect(readdirSync(join(server.state, 'state'))).toEqual(['voron']);
});

it('another node’s machine gets nothing of a printer, and a machine without a certificate that counts neither', async () => {
  const { machine, tar, id } = await runningMachine();
  server.give('print02', { ender: {} });
  const other = await server.machine('print02');
  const path = `/v1/state/voron/database/generations/${id}`;
  for (const answer of [
    await other.lease('voron', NEXT_BOOT),
    await other.ask('GET', path),
    await other.ship('voron', tar, LEASE),
  ])
    expect([answer.status, codeOf(answer)]).toEqual([404, 'printer-unknown']);
  await machine.revoke();
  for (const answer of [
    await machine.lease('voron', BOOT),
    await machine.ask('GET', path),
    await machine.ship('voron', tar, LEASE),
  ])
    expect([answer.status, codeOf(answer)]).toEqual([401, 'certificate-needed']);
  expect(lineOf()).toEqual([`${id}.tar`]);
});

it('what a machine ships whose printer another boot took over is a branch, and the line is the other one’s', async () => {
  const { machine, id } = await runningMachine();
  server.give('spare', { voron: {} });
  const spare = await server.machine('spare');
  expect((await spare.lease('voron', NEXT_BOOT)).json.lease).toBe(2);
  expect(server.alarms.join()).toContain('spare took voron over from print01');
  const lost = await machine.lease('voron', BOOT);
  expect([lost.status, codeOf(lost)]).toEqual([409, 'lease-lost']);
  const old = await machine.ship('voron', databaseTar(moonrakerDatabase(['old.gcode'])), LEASE);
  expect(old.json).toMatchObject({ on: 'branch', why: expect.stringContaining('its lease 1 is over') });
  const tar = databaseTar(moonrakerDatabase(['new.gcode']));
  const ours = await spare.ship('voron', tar, { lease: 2, boot: NEXT_BOOT, base: id });
  expect(ours.json).toMatchObject({ on: 'line' });
  // Also when config.d gave the printer to the other one alone: what the old one did is not lost.
  server.give('print01', {});
  const late = await machine.ship('voron', databaseTar(moonrakerDatabase(['late.gcode'])), LEASE);
  expect(late.json).toMatchObject({ on: 'branch', branch: old.json.branch });
  expect((await machine.lease('voron', BOOT)).status).toBe(404);
  expect((await spare.lease('voron', NEXT_BOOT)).json.items).toMatchObject({ database: { sha256: sha256(tar) } });
});

it('a boot that began empty because no server could be asked is a branch of its own, which the next boot does not get', async () => {
  const { machine, id } = await runningMachine();
  const offline = { boot: NEXT_BOOT, base: null };
  const first = await machine.ship('voron', databaseTar(moonrakerDatabase(['alone.gcode'])), offline);
  expect(first.json).toMatchObject({ on: 'branch', branch: expect.stringMatching(/^\d{8}-print01-b0000000$/) });
  // The server is back: it has a lease now, and still began empty.
  expect((await machine.lease('voron', NEXT_BOOT)).json.lease).toBe(2);
  const second = await machine.ship('voron', databaseTar(moonrakerDatabase(['alone.gcode', 'more.gcode'])), {
    ...offline,
    lease: 2,
  });
  expect(second.json).toMatchObject({
    on: 'branch',
    branch: first.json.branch,
    why: expect.stringContaining('began empty'),
  });
  expect((await machine.lease('voron', 'b0000000-0000-4000-8000-000000000003')).json).toMatchObject({
    lease: 3,
    items: { database: { id } },
  });
});

it('a machine that is known by its network alone ships into a branch, and gets state back only where state.conf says so', async () => {
  const { id } = await runningMachine();
  const guest = await server.machine('print01', 'network');
  const refused = await guest.lease('voron', NEXT_BOOT);
  expect([refused.status, codeOf(refused)]).toEqual([403, 'state-untrusted']);
  expect((await guest.ask('GET', `/v1/state/voron/database/generations/${id}`)).status).toBe(403);
  server.give('print01', { voron: { trust: 'network' } });
  // It reads, and takes the lease from nobody.
  expect((await guest.lease('voron', NEXT_BOOT)).json).toMatchObject({ lease: 0, items: { database: { id } } });
  const shipped = await guest.ship('voron', databaseTar(moonrakerDatabase(['g.gcode'])), { boot: NEXT_BOOT, base: id });
  expect(shipped.json).toMatchObject({ on: 'branch', why: expect.stringContaining('network alone') });
  expect(lineOf()).toEqual([`${id}.tar`]);
});

it('clocks of 1970, of the machine and of the server, change nothing of what is newest', async () => {
  const { machine, id } = await runningMachine();
  server.setClock(0);
  const tar = databaseTar(moonrakerDatabase(['later.gcode']));
  const { json } = await machine.ship('voron', tar, { ...LEASE, takenAtMs: -1 });
  expect(json).toEqual({ on: 'line', id: '00000002-19700101T000000Z' });
  expect((await machine.lease('voron', NEXT_BOOT)).json.items).toMatchObject({
    database: { id: json.id, takenAtMs: -1 },
  });
  expect(lineOf()).toEqual([`${id}.tar`, `${json.id}.tar`]);
});

it('at the quota the oldest history goes, and what alone is more than the quota is refused', async () => {
  const tars = ['a', 'b', 'c', 'd'].map((job) => databaseTar(moonrakerDatabase([job])));
  const [size = 0] = tars.map(({ length }) => length);
  server.give('print01', { voron: { quotaBytes: 3 * size } });
  const machine = await server.machine('print01');
  await machine.lease('voron', BOOT);
  const ids: string[] = [];
  for (const [hour, tar] of tars.entries()) {
    server.setClock(Date.UTC(2026, 10, 30, hour));
    ids.push(String((await machine.ship('voron', tar, LEASE)).json.id));
  }
  expect(lineOf()).toEqual(ids.slice(1).map((id) => `${id}.tar`));
  server.give('print01', { voron: { quotaBytes: size - 1 } });
  const refused = await machine.ship('voron', databaseTar(moonrakerDatabase(['e'])), LEASE);
  expect([refused.status, codeOf(refused)]).toEqual([413, 'generation-too-large']);
  // The newest of the line goes for nothing.
  server.give('print01', { voron: { quotaBytes: size } });
  const full = await machine.ship('voron', databaseTar(moonrakerDatabase(['e'])), LEASE);
  expect([full.status, codeOf(full)]).toEqual([507, 'state-full']);
  expect((await machine.lease('voron', NEXT_BOOT)).json.items).toMatchObject({ database: { id: ids[3] } });
});

it('a generation that the disk changed is put apart and told, and the one before is given back', async () => {
  const { machine, id } = await runningMachine();
  server.setClock(Date.now() + 3_600_000);
  const { json } = await machine.ship('voron', databaseTar(moonrakerDatabase(['two'])), LEASE);
  const path = join(server.state, 'state/voron/line/database', `${json.id}.tar`);
  const bytes = readFileSync(path);
  bytes.writeUInt8(bytes.readUInt8(6_000) ^ 0xff, 6_000);
  writeFileSync(path, bytes);
  expect((await machine.lease('voron', NEXT_BOOT)).json.items).toMatchObject({ database: { id } });
  expect(server.alarms.at(-1)).toContain('the disk changed it');
  expect(filesIn('apart')).toContain(`${json.id}.tar`);
});

it.each<[string, Record<string, string>]>([
  ['no boot', { 'statectl-boot': '' }],
  ['a base that leads elsewhere', { 'statectl-base': '../x' }],
  ['a lease of minus one', { 'statectl-lease': '-1' }],
  ['no digest', { 'statectl-sha256': 'xyz' }],
  ['no time', { 'statectl-taken-at-ms': 'yesterday' }],
])('a shipment with %s is refused, and says which header', async (_title, headers) => {
  const { machine, tar } = await runningMachine();
  const answer = await machine.ship('voron', tar, LEASE, { headers });
  expect([answer.status, codeOf(answer)]).toEqual([400, 'request-invalid']);
  expect(answer.json.detail).toContain(Object.keys(headers)[0]);
});
