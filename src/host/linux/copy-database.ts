import { backup, DatabaseSync } from 'node:sqlite';
import { reasonOf, StatectlError } from '../../error.ts';

/** Moonraker waits one second for a lock before it fails: a copy never holds one so long, and waits no longer itself. */
const BUSY_MS = 500;
/** All pages in one step: one that goes step by step begins anew at each commit. */
const ALL_PAGES = 0x7fffffff;

/**
 * A consistent copy of an SQLite database that somebody else writes to, also in the middle of their transaction: SQLite's backup
 * API. It is read only: a hot journal, which a power cut leaves, is not rolled back by us. In this process nothing else may open
 * the file, since any close() drops the locks of them all. Throws `database-busy` (not now) and `database-damaged`.
 */
export async function copyDatabase(from: string, to: string): Promise<void> {
  let source: DatabaseSync | undefined;
  try {
    source = new DatabaseSync(from, { readOnly: true, timeout: BUSY_MS, allowExtension: false });
    source.exec('PRAGMA trusted_schema = OFF');
    await backup(source, to, { rate: ALL_PAGES });
  } catch (cause) {
    const isDamaged = /malformed|not a database/.test(reasonOf(cause));
    throw new StatectlError(isDamaged ? 'database-damaged' : 'database-busy', `${from}: ${reasonOf(cause)}`, {
      cause,
      hint: isDamaged ? 'copies of before are kept on the server' : 'it is copied after its next change',
    });
  } finally {
    source?.close();
  }
  const copy = new DatabaseSync(to, { readOnly: true });
  try {
    copy.exec('PRAGMA trusted_schema = OFF');
    const [fault] = Object.values(copy.prepare('PRAGMA integrity_check(1)').get() ?? {});
    if (fault !== 'ok') throw new StatectlError('database-damaged', `${from} is damaged: ${String(fault)}`);
  } finally {
    copy.close();
  }
}
