import { DatabaseSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import { reasonOf } from '../../../error.ts';

/** Of SQLite, whatever a database makes it do; the process has a limit of its own. */
const MOST_HEAP_BYTES = 128 << 20;

/** `fault`: why it is no good. */
export type CheckedDatabase = { readonly fault: string } | { readonly jobs: readonly string[] };

/** So many of a history are told apart: a branch is of hours. */
const MOST_JOBS = 200;
const LONGEST_NAME = 255;

/**
 * Why a database of a stranger is no good; else the newest jobs in it, where it is whole and has these tables. It is read only, and as it is
 * (`immutable`: no journal beside it is looked at). What acts by itself when somebody uses it, triggers and views and virtual
 * tables, is none of a program's that keeps rows. Meant for a process of its own: https://www.sqlite.org/security.html.
 */
export function checkDatabase(path: string, tables: readonly string[]): CheckedDatabase {
  let database: DatabaseSync | undefined;
  try {
    const url = pathToFileURL(path);
    url.search = '?immutable=1';
    database = new DatabaseSync(url, { readOnly: true, allowExtension: false });
    database.enableDefensive(true);
    database.exec(
      `PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0; PRAGMA hard_heap_limit = ${MOST_HEAP_BYTES}`,
    );
    const schema = database.prepare('SELECT type, name, rootpage FROM sqlite_schema').all();
    const acting = schema.find(({ type, rootpage }) => (type !== 'table' && type !== 'index') || rootpage === 0);
    if (acting) {
      const type = acting.rootpage === 0 && acting.type === 'table' ? 'virtual table' : acting.type;
      return { fault: `it has a ${type}, ${acting.name}` };
    }
    const missing = tables.find((name) => !schema.some((one) => one.type === 'table' && one.name === name));
    if (missing !== undefined) return { fault: `it has no table ${missing}` };
    const [fault] = Object.values(database.prepare('PRAGMA integrity_check(1)').get() ?? {});
    return fault === 'ok' ? { jobs: jobsIn(database, schema) } : { fault: `it is damaged: ${fault}` };
  } catch (error) {
    return { fault: reasonOf(error) };
  } finally {
    database?.close();
  }
}

type Row = Readonly<Record<string, unknown>>;

/** Moonraker's history: each by its file and when it began. */
function jobsIn(database: DatabaseSync, schema: readonly Row[]): readonly string[] {
  if (!schema.some(({ type, name }) => type === 'table' && name === 'job_history')) return [];
  const rows: readonly Row[] = database
    .prepare(`SELECT * FROM job_history ORDER BY rowid DESC LIMIT ${MOST_JOBS}`)
    .all();
  return rows.map(({ filename, start_time: seconds }) => {
    const name = String(filename).slice(0, LONGEST_NAME);
    const isTime = typeof seconds === 'number' && Math.abs(seconds) < 8.64e12;
    return isTime ? `${name} (${new Date(seconds * 1000).toISOString().slice(0, 19)}Z)` : name;
  });
}
