import { DatabaseSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import { reasonOf } from '../../error.ts';

/** Of SQLite, whatever a database makes it do; the process has a limit of its own. */
const MOST_HEAP_BYTES = 128 << 20;

/**
 * Why a database of a stranger is no good; undefined: it is whole, and has these tables. It is read only, and as it is
 * (`immutable`: no journal beside it is looked at). What acts by itself when somebody uses it, triggers and views and virtual
 * tables, is none of a program's that keeps rows. Meant for a process of its own: https://www.sqlite.org/security.html.
 */
export function databaseFault(path: string, tables: readonly string[]): string | undefined {
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
    if (acting)
      return `it has a ${acting.rootpage === 0 && acting.type === 'table' ? 'virtual table' : acting.type}, ${acting.name}`;
    const missing = tables.find((name) => !schema.some((one) => one.type === 'table' && one.name === name));
    if (missing !== undefined) return `it has no table ${missing}`;
    const [fault] = Object.values(database.prepare('PRAGMA integrity_check(1)').get() ?? {});
    return fault === 'ok' ? undefined : `it is damaged: ${fault}`;
  } catch (error) {
    return reasonOf(error);
  } finally {
    database?.close();
  }
}
