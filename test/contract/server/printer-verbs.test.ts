import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { databaseTar, moonrakerDatabase, sha256 } from '../../fixtures/state/moonraker-database.ts';
import { BOOT, type PrintHost, type PrintServer, printServer } from '../../fixtures/state/print-server.ts';

const ALONE = 'a0000000-0000-4000-8000-000000000002';
const LATER = 'c0000000-0000-4000-8000-000000000003';

let server: PrintServer;
let machine: PrintHost;
let out: string;
let branch: string;
let id: string;
const line = databaseTar(moonrakerDatabase(['line.gcode']));
const alone = databaseTar(moonrakerDatabase(['alone.gcode']));

beforeEach(async () => {
  out = mkdtempSync(join(tmpdir(), 'statectl-export-'));
  server = await printServer();
  server.give('print01', { voron: {} });
  machine = await server.machine('print01');
  await machine.lease('voron', BOOT);
  id = String((await machine.ship('voron', line, { lease: 1 })).json.id);
  branch = String((await machine.ship('voron', alone, { boot: ALONE })).json.branch);
});
afterEach(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(out, { recursive: true });
});

const run = (...words: readonly string[]) =>
  spawnSync(process.execPath, ['src/main.ts', 'printer', ...words, '--state', server.state], {
    encoding: 'utf8',
    timeout: 30_000,
  });
const json = (...words: readonly string[]) => JSON.parse(run(...words, '--json').stdout);

it('list and branches say who goes on with a printer, and what lies beside its line', () => {
  expect(json('list')).toEqual([
    {
      ...{ printer: 'voron', node: 'print01', lease: 1, since: expect.any(String) },
      ...{ line: [expect.objectContaining({ item: 'database', id, kept: 1 })], branches: [branch], apart: [] },
      bytes: line.length + alone.length,
    },
  ]);
  expect(run('list').stdout).toMatch(/^PRINTER .*\nvoron {4}print01 {2}database +20\d\d-\d\d-\d\d \d\d:\d\d {2}/);
  expect(json('branches', 'voron')).toMatchObject([
    {
      branch,
      node: 'print01',
      boot: ALONE,
      why: expect.stringMatching(/no server gave/),
      items: [{ item: 'database', lacking: ['alone.gcode'] }],
    },
  ]);
});

it('a branch that is taken is the newest of the line; what runs goes on as a branch, and nothing is lost', async () => {
  expect(run('take', 'voron', branch).status).toBe(0);
  const next = await machine.ship('voron', databaseTar(moonrakerDatabase(['line.gcode', 'on.gcode'])), { lease: 1 });
  expect(next.json).toMatchObject({ on: 'branch', why: expect.stringContaining('an admin put') });
  const { items } = (await machine.lease('voron', LATER)).json as {
    items: { database: { id: string; sha256: string } };
  };
  expect(items.database.sha256).toBe(sha256(alone));
  const files = readdirSync(join(server.state, 'state/voron/line/database'));
  expect(files).toEqual(expect.arrayContaining([`${id}.tar`, `${items.database.id}.tar`]));
  expect(json('branches', 'voron')).toHaveLength(2);
  const goesOn = { lease: 2, boot: LATER, base: items.database.id };
  expect((await machine.ship('voron', line, goesOn)).json).toMatchObject({ on: 'line' });
});

it('a branch that is dropped is gone, the line is not', async () => {
  expect(run('drop', 'voron', branch).status).toBe(0);
  expect(json('branches', 'voron')).toEqual([]);
  expect(run('branches', 'voron')).toMatchObject({ stdout: '', stderr: 'voron has no branch\n' });
  expect((await machine.lease('voron', LATER)).json.items).toMatchObject({ database: { id } });
});

it('an export is plain files, line and branches, as a folder and as a tar', () => {
  const folder = join(out, 'voron');
  expect(run('export', 'voron', '--out', folder).status).toBe(0);
  expect(readFileSync(join(folder, 'line/database/moonraker-sql.db'))).toEqual(moonrakerDatabase(['line.gcode']));
  const beside = join(folder, 'branches', branch, 'database');
  expect(readFileSync(join(beside, 'moonraker-sql.db'))).toEqual(moonrakerDatabase(['alone.gcode']));
  expect(readdirSync(beside)).toEqual(['.moonraker.uuid', 'generation.json', 'moonraker-sql.db']);
  const tar = join(out, 'voron.tar');
  expect(run('export', 'voron', '--out', tar).status).toBe(0);
  const listed = execFileSync('tar', ['-tf', tar], { encoding: 'utf8' });
  expect(listed).toContain('./line/database/moonraker-sql.db\n');
  const again = run('export', 'voron', '--out', tar);
  expect([again.status, again.stderr]).toEqual([1, expect.stringContaining('is there already')]);
  for (const other of ['voron.tar.gz', 'voron.tgz', 'voron.zip'])
    expect(run('export', 'voron', '--out', join(out, other)).stderr).toContain('neither a folder nor a plain tar');
  expect(readdirSync(out).toSorted()).toEqual(['voron', 'voron.tar']);
});

it('an export touches nothing that lies beside it, whatever that is called', () => {
  const names = ['ender.partial', '.ender.tar.partial', 'ender.tar.partial'];
  for (const name of names) {
    mkdirSync(join(out, name));
    writeFileSync(join(out, name, 'mine'), name);
  }
  for (const to of ['ender', 'ender.tar']) expect(run('export', 'voron', '--out', join(out, to)).status).toBe(0);
  for (const name of names) expect(readFileSync(join(out, name, 'mine'), 'utf8')).toBe(name);
  expect(readdirSync(out).toSorted()).toEqual([...names, 'ender', 'ender.tar'].toSorted());
});

it('an export to where nobody may make anything ends, and says so', () => {
  // mkdir(2) says ENOENT there, as if a folder above it were missing.
  const { status, stderr } = run('export', 'voron', '--out', '/proc/voron');
  expect([status, stderr]).toEqual([1, expect.stringContaining('/proc/.voron-')]);
});

it.each([
  ['a printer that is not there', ['branches', 'ender'], 'this server has no printer ender'],
  ['a printer that leads out', ['branches', '../voron'], 'has no printer ../voron'],
  ['a branch that is not there', ['take', 'voron', 'x'], 'voron has no branch x'],
  ['a branch that leads out', ['drop', 'voron', '../line'], 'voron has no branch ../line'],
])('%s is told, with what to do', (_title, words, why) => {
  const { status, stderr } = run(...words);
  expect(status).toBe(1);
  expect(stderr).toContain(why);
  expect(stderr).toMatch(/\n→ .*statectl printer /);
});

it('check says of a tar what the server’s own check says', () => {
  const file = join(out, 'x.tar');
  const check = (...words: readonly string[]) =>
    spawnSync(process.execPath, ['src/main.ts', 'printer', 'check', file, ...words], { encoding: 'utf8' });
  expect(check()).toMatchObject({ status: 1, stderr: expect.stringMatching(/there is no .*x\.tar\n→ name/) });
  const database = join(out, 'moonraker-sql.db');
  writeFileSync(database, moonrakerDatabase(['line.gcode']));
  const notTar = spawnSync(process.execPath, ['src/main.ts', 'printer', 'check', database], { encoding: 'utf8' });
  expect(notTar).toMatchObject({
    status: 1,
    stdout: expect.stringContaining('it is no tar'),
    stderr: expect.stringMatching(/^→ name the tar/),
  });
  writeFileSync(file, line);
  expect(JSON.parse(check('--json').stdout)).toEqual({ jobs: ['line.gcode'] });
  writeFileSync(file, databaseTar(moonrakerDatabase([], 'DROP TABLE table_registry')));
  expect(check()).toMatchObject({ status: 1, stdout: expect.stringContaining('no table table_registry') });
});
