import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { linuxHost } from '../../../../../src/host/linux/host.ts';
import { rollBack } from '../../../../../src/server/admin/adopt/hot-journal.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'statectl-journal-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** What a power cut in the middle of a transaction leaves: SQLite itself makes it, and is killed. */
async function powerCut(settings: string, change: string) {
  const path = join(folder, 'x.db');
  const begin = `PRAGMA page_size = 1024; ${settings}; CREATE TABLE t (x TEXT); WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400) INSERT INTO t SELECT hex(randomblob(50)) FROM n;`;
  const run = (text: string) => linuxHost().exec.run(['sqlite3', path], { input: text });
  await run(begin);
  const before = readFileSync(path);
  const copy = `.shell cp ${path} ${path}.torn; cp ${path}-journal ${path}.journal`;
  const { stderr } = await run(`${settings};\nPRAGMA cache_size = 2;\nBEGIN;\n${change};\n${copy}\nROLLBACK;\n`);
  expect(stderr).toBe('');
  return { before, torn: readFileSync(`${path}.torn`), journal: readFileSync(`${path}.journal`) };
}

it.each([
  ['rows that were changed', "UPDATE t SET x = 'lost'"],
  ['a database that grew', 'INSERT INTO t SELECT x FROM t; INSERT INTO t SELECT x FROM t'],
  ['one that was emptied', 'DELETE FROM t; DROP TABLE t; CREATE TABLE other (y)'],
])('plays back what SQLite wrote before a power cut: %s', async (_title, change) => {
  for (const settings of ['PRAGMA synchronous = FULL', 'PRAGMA synchronous = OFF']) {
    const { before, torn, journal } = await powerCut(settings, change);
    expect(torn.equals(before)).toBe(false);
    const back = rollBack(torn, journal);
    expect('bytes' in back && back.bytes.equals(before)).toBe(true);
    rmSync(folder, { recursive: true });
    folder = mkdtempSync(join(tmpdir(), 'statectl-journal-'));
  }
});

it('a journal that is of no open transaction changes nothing', () => {
  const database = Buffer.alloc(2048, 1);
  for (const journal of [Buffer.alloc(0), Buffer.alloc(512), Buffer.from('d9d505f9', 'hex')])
    expect(rollBack(database, journal)).toEqual({ bytes: database });
});

it('a record that the disk has not whole ends it, and one of a foreign size is refused', async () => {
  const { before, torn, journal } = await powerCut('PRAGMA synchronous = OFF', "UPDATE t SET x = 'lost'");
  const cut = Buffer.concat([journal.subarray(0, journal.length - 1500), Buffer.alloc(1500)]);
  expect('bytes' in rollBack(torn, cut)).toBe(true);
  expect(before.length).toBeGreaterThan(0);
  const odd = Buffer.from(journal);
  odd.writeUInt32BE(1000, 24);
  expect(rollBack(torn, odd)).toEqual({ fault: expect.stringContaining('size') });
  const huge = Buffer.from(journal);
  huge.writeUInt32BE(0xffffffff, 16);
  expect(rollBack(torn, huge)).toEqual({ fault: expect.stringContaining('larger') });
});

it('a journal that names another file is refused: SQLite would look at that, and delete it', async () => {
  const { torn, journal } = await powerCut('PRAGMA synchronous = OFF', "UPDATE t SET x = 'lost'");
  const victim = join(folder, 'victim');
  writeFileSync(victim, 'mine');
  const named = Buffer.concat([journal, Buffer.from(victim), Buffer.alloc(8), Buffer.from('d9d505f920a163d7', 'hex')]);
  expect(rollBack(torn, named)).toEqual({ fault: expect.stringContaining('several databases') });
});
