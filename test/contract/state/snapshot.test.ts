import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { readPlainTar } from '../../../src/signed/plain-tar.ts';
import { databaseTar, MOONRAKER_SCHEMA, moonrakerDatabase, sha256 } from '../../fixtures/state/moonraker-database.ts';
import { type PrintMachine, printMachine } from '../../fixtures/state/print-machine.ts';
import { type PrintServer, printServer } from '../../fixtures/state/print-server.ts';
import { DATABASE_ITEM } from '../../fixtures/state/printer-item.ts';

const [BOOT, NEXT, LATER] = ['b0000000-1', 'b0000000-2', 'b0000000-3'];
const DEAD = 'http://127.0.0.1:9';

const databaseOf = (data: string) => ({
  ...DATABASE_ITEM,
  path: join(data, 'database'),
  with: [join(data, '.moonraker.uuid')],
});
type Item = ReturnType<typeof databaseOf>;

let server: PrintServer;
let machine: PrintMachine<Item>;
beforeEach(async () => {
  server = await printServer();
  machine = await printMachine(server, databaseOf);
  server.give('print01', { voron: { items: [machine.item] } });
});
afterEach(async () => {
  await machine[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

const file = (): string => join(machine.item.path, 'moonraker-sql.db');
/** As Moonraker has it open. */
function moonraker(): { readonly add: (job: string) => void; readonly database: DatabaseSync } & Disposable {
  const database = new DatabaseSync(file());
  if (!database.prepare("SELECT name FROM sqlite_master WHERE name = 'job_history'").get())
    database.exec(MOONRAKER_SCHEMA);
  return {
    database,
    add: (job) => void database.prepare("INSERT INTO job_history (filename, status) VALUES (?, 'completed')").run(job),
    [Symbol.dispose]: () => database.close(),
  };
}
const jobsIn = (path: string): readonly unknown[] => {
  using database = new DatabaseSync(path, { readOnly: true });
  return database
    .prepare('SELECT filename FROM job_history')
    .all()
    .map(({ filename }) => filename);
};
const lineTars = (): readonly string[] => {
  const folder = join(server.state, 'state/voron/line/database');
  if (!existsSync(folder)) return [];
  return readdirSync(folder).flatMap((name) => (name.endsWith('.tar') ? [join(folder, name)] : []));
};
const shippedJobs = (): readonly unknown[] => {
  const newest = lineTars().at(-1);
  if (newest === undefined) return [];
  const aside = join(machine.data, 'looked.db');
  writeFileSync(aside, readPlainTar(readFileSync(newest), () => true).get('moonraker-sql.db') ?? '');
  return jobsIn(aside);
};
const until = (jobs: readonly string[]) => expect.poll(shippedJobs, { timeout: 30_000, interval: 50 }).toEqual(jobs);

it('what was committed is on the server, and the next boot of an empty machine has it, with its id', async () => {
  expect(await machine.boot(BOOT)).toMatchObject({ lease: 1, items: { database: { base: null } } });
  machine.keep();
  {
    using one = moonraker();
    one.add('benchy.gcode');
    writeFileSync(join(machine.data, '.moonraker.uuid'), 'abc');
    await until(['benchy.gcode']);
    one.add('cube.gcode');
    await until(['benchy.gcode', 'cube.gcode']);
  }
  await machine.powerOff();
  const { items } = await machine.boot(NEXT);
  expect(items.database?.base).toMatch(/^\d{8}-/);
  expect(jobsIn(file())).toEqual(['benchy.gcode', 'cube.gcode']);
  expect(readFileSync(join(machine.data, '.moonraker.uuid'), 'utf8')).toBe('abc');
  expect(machine.warnings).toEqual([]);
});

it('a transaction that is not done is never shipped, and a copy keeps nobody from writing', async () => {
  await machine.boot(BOOT);
  machine.keep();
  using one = moonraker();
  one.add('done.gcode');
  await until(['done.gcode']);
  one.database.exec('BEGIN IMMEDIATE');
  one.add('open.gcode');
  expect(shippedJobs()).toEqual(['done.gcode']);
  one.database.exec('COMMIT');
  await until(['done.gcode', 'open.gcode']);
});

it('a boot without any server begins with what the disk has, and is a branch; the next boot has the line', async () => {
  await machine.boot(BOOT);
  machine.keep();
  {
    using one = moonraker();
    one.add('line.gcode');
    await until(['line.gcode']);
    await machine.status(({ state }) => state === 'in-step');
  }
  await machine.powerOff();
  expect(await machine.boot(NEXT, { urls: [DEAD] })).toMatchObject({ lease: 0, why: expect.stringContaining(DEAD) });
  expect(jobsIn(file())).toEqual(['line.gcode']);
  machine.keep();
  {
    using one = moonraker();
    one.add('alone.gcode');
    expect(await machine.status(({ state }) => state === 'branch')).toMatchObject({
      branch: expect.any(String),
      lacking: ['alone.gcode'],
    });
  }
  expect(shippedJobs()).toEqual(['line.gcode']);
  await machine.powerOff();
  expect(await machine.boot(LATER)).toMatchObject({ lease: 2 });
  expect(jobsIn(file())).toEqual(['line.gcode']);
});

it('a machine that is ahead ships the newest alone, once its server is back', async () => {
  await machine.boot(BOOT);
  let isAway = true;
  const { url } = server;
  machine.keep({
    ask: async (...words) => {
      if (isAway) throw new Error('no route to the server');
      return (await import('../../../src/machine/state/ask-state.ts')).askStateOf(
        (await import('../../../src/host/linux/host.ts')).linuxHost(),
        url,
        {
          proof: () => ({ identity: join(machine.data, '../run/identity'), authorities: [] }),
          limits: () => ({ connectTimeoutMs: 2_000, idleTimeoutMs: 5_000 }),
        },
      )(...words);
    },
  });
  using one = moonraker();
  for (const job of ['a', 'b', 'c']) one.add(job);
  expect(await machine.status(({ state, why }) => state === 'ahead' && why !== undefined)).toMatchObject({
    ahead: 'the newest copy',
    why: 'no route to the server',
    sinceMs: expect.any(Number),
  });
  isAway = false;
  await until(['a', 'b', 'c']);
  expect(lineTars()).toHaveLength(1);
});

it.each([
  ['database', (data: string) => symlinkSync('/etc', join(data, 'database'))],
  ['the way to it', (data: string) => symlinkSync('/etc', data)],
])('a link in the place of %s gets nothing written by root, and it is told', async (what, link) => {
  await machine.boot(BOOT);
  const tar = databaseTar(moonrakerDatabase(['x']));
  await machine.direct.ship('voron', tar, { lease: 1, boot: BOOT });
  const place = what === 'database' ? machine.item.path : machine.data;
  renameSync(place, `${place}.real`);
  link(machine.data);
  const before = readdirSync('/etc');
  const session = await machine.boot(NEXT);
  expect(session.items.database).toMatchObject({ base: null, why: expect.stringContaining('symlink') });
  expect(machine.warnings.join('\n')).toContain('begins empty, as a branch');
  expect(readdirSync('/etc')).toEqual(before);
});

it('a database that is a link is no state of the printer, and is told', async () => {
  await machine.boot(BOOT);
  const elsewhere = join(dirname(machine.data), 'elsewhere.db');
  writeFileSync(elsewhere, moonrakerDatabase(['secret']));
  symlinkSync(elsewhere, file());
  machine.keep();
  expect(await machine.status(() => true)).toMatchObject({ state: 'fault', why: expect.stringContaining('symlink') });
  expect(lineTars()).toEqual([]);
});

it('a file beside it that its owner may not read is shipped by nobody, and is told', async () => {
  await machine.boot(BOOT);
  // As a second name of a secret of root's.
  writeFileSync(join(machine.data, '.moonraker.uuid'), 'secret', { mode: 0o200 });
  writeFileSync(file(), moonrakerDatabase(['mine']));
  machine.keep();
  expect(await machine.status(({ state }) => state === 'fault')).toMatchObject({
    why: expect.stringContaining('.moonraker.uuid is not for its own user to read'),
  });
  expect(lineTars()).toEqual([]);
});

it('what is there already, and is not of the line, is put aside and told', async () => {
  await machine.boot(BOOT);
  const tar = databaseTar(moonrakerDatabase(['line']));
  const { json } = await machine.direct.ship('voron', tar, { lease: 1, boot: BOOT });
  writeFileSync(file(), moonrakerDatabase(['local']));
  await machine.boot(NEXT);
  expect(jobsIn(file())).toEqual(['line']);
  expect(jobsIn(`${file()}.before-${String(json.id)}`)).toEqual(['local']);
  expect(machine.warnings.join('\n')).toContain('put aside');
  expect(readFileSync(join(machine.kept, `${sha256(tar)}.tar`))).toEqual(tar);
  // Of a disk, and ahead of what was shipped: it goes on.
  writeFileSync(file(), moonrakerDatabase(['line', 'ahead']));
  mkdirSync(machine.kept, { recursive: true });
  await machine.boot(LATER);
  expect(jobsIn(file())).toEqual(['line', 'ahead']);
});
