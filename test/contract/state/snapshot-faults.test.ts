import { cpSync, existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Host } from '../../../src/host/host.ts';
import { linuxHost } from '../../../src/host/linux/host.ts';
import { markLoading } from '../../../src/machine/state/loading.ts';
import { keepGeneration } from '../../../src/machine/state/restore-snapshot.ts';
import { failingHost } from '../../fixtures/hosts/failing.ts';
import { databaseTar, moonrakerDatabase, sha256 } from '../../fixtures/state/moonraker-database.ts';
import { type PrintMachine, printMachine } from '../../fixtures/state/print-machine.ts';
import { type PrintServer, printServer } from '../../fixtures/state/print-server.ts';
import { DATABASE_ITEM } from '../../fixtures/state/printer-item.ts';

const [BOOT, NEXT, LATER, LAST] = ['b0000000-1', 'b0000000-2', 'b0000000-3', 'b0000000-4'];
const DEAD = 'http://127.0.0.1:9';

const databaseOf = (data: string) => ({
  ...DATABASE_ITEM,
  path: join(data, 'database'),
  with: [join(data, '.moonraker.uuid')],
});
type Machine = PrintMachine<ReturnType<typeof databaseOf>>;

let server: PrintServer;
let machine: Machine;
const makeMachine = async (options: { host?: Host; hasDisk?: boolean } = {}): Promise<Machine> => {
  const made = await printMachine(server, databaseOf, options);
  server.give('print01', { voron: { items: [made.item] } });
  return made;
};
beforeEach(async () => {
  server = await printServer();
});
afterEach(async () => {
  await machine[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

const file = (): string => join(machine.item.path, 'moonraker-sql.db');
const jobsIn = (path: string): readonly unknown[] => {
  using database = new DatabaseSync(path);
  return database
    .prepare('SELECT filename FROM job_history')
    .all()
    .map(({ filename }) => filename);
};
/** The line has these jobs, of another boot. */
async function lineOf(...jobs: string[]): Promise<string> {
  await machine.direct.lease('voron', BOOT);
  const tar = databaseTar(moonrakerDatabase(jobs));
  const { json } = await machine.direct.ship('voron', tar, { lease: 1, boot: BOOT });
  return String(json.id);
}
const asides = (): readonly string[] => readdirSync(machine.item.path).filter((name) => name.includes('.before-'));

describe('what lies where a generation is given back', () => {
  it('leaves no journal that would be rolled back into it, and is put aside with its own', async () => {
    machine = await makeMachine();
    const id = await lineOf('line');
    const elsewhere = join(dirname(machine.data), 'elsewhere.db');
    writeFileSync(elsewhere, moonrakerDatabase(['local']));
    {
      using writer = new DatabaseSync(elsewhere);
      writer.exec("PRAGMA cache_spill = 1; PRAGMA cache_size = 2; BEGIN; UPDATE job_history SET filename = 'torn'");
      for (let row = 0; row < 400; row += 1)
        writer.prepare("INSERT INTO job_history (filename, status) VALUES (?, '')").run('y'.repeat(2000));
      // The power is cut here.
      for (const end of ['', '-journal']) cpSync(`${elsewhere}${end}`, `${file()}${end}`);
    }
    await machine.boot(NEXT);
    expect(jobsIn(file())).toEqual(['line']);
    const aside = join(dirname(machine.data), 'aside.db');
    for (const end of ['', '-journal']) cpSync(`${file()}${end}.before-${id}`, `${aside}${end}`);
    expect(jobsIn(aside)).toEqual(['local']);
  });

  it('is put aside beside what was put aside before, and not at all where it is the same', async () => {
    machine = await makeMachine({ hasDisk: false });
    const id = await lineOf('line');
    writeFileSync(file(), moonrakerDatabase(['first']));
    await machine.boot(NEXT);
    await machine.boot(LATER);
    expect(asides()).toEqual([`moonraker-sql.db.before-${id}`]);
    writeFileSync(file(), moonrakerDatabase(['second']));
    await machine.boot(LAST);
    expect(jobsIn(join(machine.item.path, `moonraker-sql.db.before-${id}`))).toEqual(['first']);
    expect(jobsIn(join(machine.item.path, `moonraker-sql.db.before-${id}-2`))).toEqual(['second']);
    expect(jobsIn(file())).toEqual(['line']);
  });

  it('stays where the server breaks off in the middle', async () => {
    const host = linuxHost();
    const http: Host['http'] = {
      ...host.http,
      async request(url, options) {
        if (String(url).includes('/generations/')) throw new Error('the cable was pulled');
        return await host.http.request(url, options);
      },
    };
    machine = await makeMachine({ host: { ...host, http } });
    await lineOf('line');
    writeFileSync(file(), moonrakerDatabase(['local']));
    const { items } = await machine.boot(NEXT);
    expect(items.database).toMatchObject({ base: null, why: expect.stringContaining('cable') });
    expect(jobsIn(file())).toEqual(['local']);
    expect(asides()).toEqual([]);
  });

  it('goes on as the first of a line that has nothing: its server was set up anew', async () => {
    machine = await makeMachine();
    await lineOf('line');
    await machine.boot(NEXT);
    rmSync(join(server.state, 'state/voron'), { recursive: true });
    expect(await machine.boot(LATER)).toMatchObject({ lease: 1, items: { database: { base: null } } });
    expect(jobsIn(file())).toEqual(['line']);
    expect(asides()).toEqual([]);
    // A machine without it has what its disk kept.
    await machine.powerOff();
    await machine.boot(LAST);
    expect(jobsIn(file())).toEqual(['line']);
    expect(machine.warnings.join('\n')).toContain('what this machine kept is given back');
  });
});

it('a power cut at any moment while a generation is kept on the disk leaves a whole one, which a boot without a server has', async () => {
  machine = await makeMachine();
  await lineOf('before');
  await machine.boot(NEXT);
  const tar = databaseTar(moonrakerDatabase(['before', 'after']));
  let at = 1;
  for (let isOver = false; !isOver; at += 1) {
    await machine.powerOff();
    const host = failingHost(linuxHost(), { at, how: 'stop' });
    const generation = { id: '00000009-20261130T061706Z', sha256: sha256(tar) };
    await keepGeneration(host, machine.kept, generation, tar).catch(() => {});
    isOver = host.effects < at;
    await machine.boot(LATER, { urls: [DEAD] });
    expect(jobsIn(file())[0]).toBe('before');
  }
  expect(jobsIn(file())).toEqual(['before', 'after']);
  expect(readdirSync(machine.kept).toSorted()).toEqual([`${sha256(tar)}.tar`, 'last.json'].toSorted());
  expect(at).toBeGreaterThan(3);
});

describe('a copy', () => {
  const host = linuxHost();
  let copies: string[] = [];
  const counted: Host = {
    ...host,
    exec: {
      ...host.exec,
      run(argv, options) {
        const to = argv.at(-1) ?? '';
        if (argv.includes('--copy-database')) copies.push(to);
        return host.exec.run(argv, options);
      },
    },
  };
  beforeEach(async () => {
    copies = [];
    machine = await makeMachine({ host: counted });
    await machine.boot(BOOT);
  });
  const seconds = (count: number) => new Promise((resolve) => setTimeout(resolve, count * 1000));

  it('is made no more often because of thousands of commits that no server takes', async () => {
    writeFileSync(file(), moonrakerDatabase());
    machine.keep({ ask: () => Promise.reject(new Error('no route to the server')) });
    await machine.status(({ why }) => why !== undefined);
    using database = new DatabaseSync(file(), { timeout: 5_000 });
    database.exec('PRAGMA synchronous = OFF');
    const insert = database.prepare("INSERT INTO job_history (filename, status) VALUES ('x', '')");
    for (const untilMs = Date.now() + 3_000; Date.now() < untilMs; ) {
      for (let commit = 0; commit < 50; commit += 1) insert.run();
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(copies.length).toBeLessThanOrEqual(5);
  });

  it('of a database with a write-ahead log has what is in that, and makes no copy of itself', async () => {
    {
      using database = new DatabaseSync(file());
      database.exec('PRAGMA journal_mode = WAL');
      database.exec(
        'CREATE TABLE table_registry (name); CREATE TABLE namespace_store (a); CREATE TABLE job_history (filename, status)',
      );
    }
    machine.keep();
    await machine.status(({ state }) => state === 'in-step');
    {
      using database = new DatabaseSync(file());
      database.exec("INSERT INTO job_history VALUES ('logged', '')");
      const before = copies.length;
      await expect.poll(() => copies.length, { timeout: 10_000 }).toBeGreaterThan(before);
    }
    await seconds(4);
    expect(copies.length).toBeLessThanOrEqual(5);
    await machine.agentDies();
    await machine.powerOff();
    await machine.boot(NEXT);
    expect(jobsIn(file())).toEqual(['logged']);
  });

  it('lies where nobody but root can put, replace or link anything, and its owner gets through, whatever the boot had to leave undone', async () => {
    const modeOf = (path: string) => (statSync(path).mode & 0o7777).toString(8);
    let looked = '';
    machine = await makeMachine({
      host: {
        ...host,
        exec: {
          ...host.exec,
          run(argv, options) {
            const to = argv.at(-1) ?? '';
            if (argv.includes('--copy-database'))
              looked = `${statSync(to).isFile()} ${modeOf(dirname(to))} ${statSync(dirname(to)).uid === process.getuid?.()}, in ${modeOf(dirname(dirname(to)))}`;
            return host.exec.run(argv, options);
          },
        },
      },
    });
    await markLoading(host, join(machine.kept, '../../run/voron/gcode'));
    await machine.boot(NEXT);
    writeFileSync(file(), moonrakerDatabase());
    machine.keep();
    await machine.status(({ state }) => state === 'in-step');
    expect(looked).toBe('true 711 true, in 711');
  });
});

it('what the disk of the machine has no room for is on the server all the same, and is told', async () => {
  machine = await makeMachine();
  await machine.boot(BOOT);
  mkdirSync(dirname(machine.kept), { recursive: true });
  writeFileSync(machine.kept, 'in the way');
  writeFileSync(file(), moonrakerDatabase());
  machine.keep();
  expect(await machine.status(({ state }) => state === 'in-step')).toMatchObject({
    why: expect.stringContaining('not on the disk of the machine'),
  });
  expect(existsSync(join(server.state, 'state/voron/line/database'))).toBe(true);
});

it('a database that goes away while the machine runs is told', async () => {
  machine = await makeMachine();
  await machine.boot(BOOT);
  writeFileSync(file(), moonrakerDatabase());
  machine.keep();
  await machine.status(({ state }) => state === 'in-step');
  rmSync(file());
  expect((await machine.status(({ why }) => why !== undefined)).why).toContain('any more');
});
