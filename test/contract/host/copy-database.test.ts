import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { copyDatabase } from '../../../src/host/linux/databases/copy-database.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'copy-database-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const made = (rows: number): string => {
  const path = join(folder, 'moonraker-sql.db');
  const database = new DatabaseSync(path);
  database.exec('CREATE TABLE job_history (id INTEGER PRIMARY KEY, name TEXT)');
  for (let row = 0; row < rows; row += 1)
    database.prepare('INSERT INTO job_history (name) VALUES (?)').run('x'.repeat(500));
  database.close();
  return path;
};
const rowsIn = (path: string): unknown => {
  const database = new DatabaseSync(path, { readOnly: true });
  const { count } = database.prepare('SELECT count(*) AS count FROM job_history').get() ?? {};
  database.close();
  return count;
};

/** A writer as Moonraker is one: another process, with a transaction that is not yet committed. */
async function writing(path: string, thenKill: boolean) {
  const script = `
    const { DatabaseSync } = require('node:sqlite');
    const database = new DatabaseSync(${JSON.stringify(path)});
    database.exec('PRAGMA cache_spill = 1; PRAGMA cache_size = 2; BEGIN');
    const insert = database.prepare('INSERT INTO job_history (name) VALUES (?)');
    for (let row = 0; row < 400; row += 1) insert.run('y'.repeat(2000));
    console.log('begun');
    setInterval(() => {}, 1000);
  `;
  const writer = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(writer.stdout, 'data');
  const end = async () => {
    writer.kill('SIGKILL');
    await once(writer, 'exit');
  };
  if (thenKill) await end();
  return end;
}

it('is whole, and the database is as it was', async () => {
  const path = made(50);
  const before = readFileSync(path);
  await copyDatabase(path, join(folder, 'copy'));
  expect(rowsIn(join(folder, 'copy'))).toBe(50);
  expect(readFileSync(path)).toEqual(before);
});

it('of a database whose writer has begun to write pages is refused for now', async () => {
  const path = made(50);
  const end = await writing(path, false);
  await expect(copyDatabase(path, join(folder, 'copy'))).rejects.toMatchObject({ code: 'database-busy' });
  await end();
});

it('of one that a power cut left in the middle is refused, and its journal stays for who owns it', async () => {
  const path = made(50);
  await writing(path, true);
  const journal = readFileSync(`${path}-journal`);
  expect(journal.length).toBeGreaterThan(512);
  const before = readFileSync(path);
  await expect(copyDatabase(path, join(folder, 'copy'))).rejects.toMatchObject({ code: 'database-busy' });
  expect(readFileSync(path)).toEqual(before);
  expect(readFileSync(`${path}-journal`)).toEqual(journal);
  // Who owns it rolls back, and has what was committed.
  new DatabaseSync(path).exec('SELECT count(*) FROM job_history');
  expect(rowsIn(path)).toBe(50);
});

it.each<[string, (path: string) => void]>([
  ['is none at all', (path) => writeFileSync(path, 'not a database, by far not, and long enough to be looked at')],
  [
    'has a page that is not its own any more',
    (path) => {
      const bytes = readFileSync(path);
      bytes.fill(0xa5, 4096, 4096 * 3);
      writeFileSync(path, bytes);
    },
  ],
])('of one that %s is told', async (_title, damage) => {
  const path = made(200);
  damage(path);
  await expect(copyDatabase(path, join(folder, 'copy'))).rejects.toMatchObject({ code: 'database-damaged' });
});

it('needs no right to write', async () => {
  const path = made(5);
  execFileSync('chmod', ['0444', path]);
  await copyDatabase(path, join(folder, 'copy'));
  expect(rowsIn(join(folder, 'copy'))).toBe(5);
  expect(statSync(path).mode & 0o777).toBe(0o444);
});

it('of one with a write-ahead log has what lies in it, and what is not committed not', async () => {
  const path = made(5);
  using writer = new DatabaseSync(path);
  writer.exec("PRAGMA journal_mode = WAL; INSERT INTO job_history (name) VALUES ('logged'); BEGIN");
  writer.exec("INSERT INTO job_history (name) VALUES ('open')");
  await copyDatabase(path, join(folder, 'copy'));
  expect(rowsIn(join(folder, 'copy'))).toBe(6);
});

it('of pages of any size is whole', async () => {
  const path = join(folder, 'small.db');
  using writer = new DatabaseSync(path);
  writer.exec('PRAGMA page_size = 512; CREATE TABLE job_history (name TEXT); INSERT INTO job_history VALUES (1)');
  await copyDatabase(path, join(folder, 'copy'));
  expect(readFileSync(join(folder, 'copy'))).toEqual(readFileSync(path));
});

it('of one that is larger than can be kept is none, and nothing of it is read', async () => {
  const path = made(50);
  await expect(copyDatabase(path, join(folder, 'copy'), 8192)).rejects.toMatchObject({ code: 'generation-too-large' });
  expect(existsSync(join(folder, 'copy'))).toBe(false);
});

it('goes into the file that it was given, and to nothing that a link in its place leads to', async () => {
  const path = made(5);
  writeFileSync(join(folder, 'other'), 'of somebody else');
  symlinkSync(join(folder, 'other'), join(folder, 'copy'));
  await expect(copyDatabase(path, join(folder, 'copy'))).rejects.toMatchObject({ code: 'ELOOP' });
  expect(readFileSync(join(folder, 'other'), 'utf8')).toBe('of somebody else');
});
