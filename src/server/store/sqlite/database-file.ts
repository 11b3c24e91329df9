/** By node:fs and node:sqlite: the mode has to be right before the first byte is in it. */
import { chmodSync, closeSync, constants, existsSync, openSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { reasonOf, StatectlError } from '../../../error.ts';
import { databaseError, fileError } from '../../../host/file-error.ts';

/** It tells serial numbers and addresses: for the server's user alone, also what SQLite keeps beside it. */
const MODE = 0o600;
const COMPANIONS = ['', '-wal', '-shm', '-journal'];
/** SQLite waits so long for a lock, and everybody with it: only where no other way is left. */
const BUSY_MS = 5_000;

/** Opens or makes it, whole and with this schema; gives two connections, each of which sees what the other one committed. Throws `enrolments-unusable`. */
export function openDatabaseFile(path: string, schema: string): { reader: DatabaseSync; writer: DatabaseSync } {
  const opened: DatabaseSync[] = [];
  const open = (settings: string): DatabaseSync => {
    const database = new DatabaseSync(path, { timeout: BUSY_MS });
    opened.push(database);
    database.exec(settings);
    return database;
  };
  try {
    makePrivate(path);
    const writer = open(`PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; ${schema}`);
    const [fault] = Object.values(writer.prepare('PRAGMA quick_check(1)').get() ?? {});
    if (fault !== 'ok') throw new Error(`it is damaged: ${fault}`);
    return { writer, reader: open('PRAGMA query_only = ON') };
  } catch (cause) {
    for (const database of opened) database.close();
    const file = fileError(cause);
    throw (
      databaseError(cause, path) ??
      new StatectlError('enrolments-unusable', file?.message ?? `${path} cannot be used: ${reasonOf(cause)}`, {
        cause,
        hint: file?.hint ?? 'restore it from a backup; without it every machine has to be approved anew',
      })
    );
  }
}

function makePrivate(path: string): void {
  closeSync(openSync(path, constants.O_CREAT | constants.O_RDWR | constants.O_NOFOLLOW, MODE));
  for (const each of COMPANIONS.map((suffix) => `${path}${suffix}`))
    try {
      if (existsSync(each)) chmodSync(each, MODE);
    } catch (error) {
      // Who may write it, and is not its owner, may not change that.
      if ((error as NodeJS.ErrnoException).code !== 'EPERM') throw error;
    }
}
