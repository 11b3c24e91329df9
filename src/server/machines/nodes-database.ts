/** The database of machines by node:fs and node:sqlite: its mode has to be right before the first byte is in it. */
import { chmodSync, closeSync, constants, existsSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { reasonOf, StatectlError } from '../../error.ts';
import { databaseError, fileError } from '../../host/file-error.ts';
import { namingDatabase } from '../store/database.ts';

/** Of the keys of machines, below a server's state. */
export const nodesDatabasePath = (state: string): string => join(state, 'nodes.sqlite');

/** It tells serial numbers and addresses: for the server's user alone, also what SQLite keeps beside it. */
const MODE = 0o600;
/** SQLite's name for no file at all. */
const IN_MEMORY = ':memory:';
const COMPANIONS = ['', '-wal', '-shm', '-journal'];

/** Opens or makes it, whole and with this schema. Throws `enrolments-unusable`. */
export function openNodesDatabase(path: string, schema: string): ReturnType<typeof namingDatabase> {
  let database: DatabaseSync | undefined;
  try {
    if (path !== IN_MEMORY) makePrivate(path);
    database = new DatabaseSync(path, { timeout: 5_000 });
    database.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; ${schema}`);
    const [fault] = Object.values(database.prepare('PRAGMA quick_check(1)').get() ?? {});
    if (fault !== 'ok') throw new Error(`it is damaged: ${fault}`);
    return namingDatabase(database, path);
  } catch (cause) {
    database?.close();
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
