import { isStatectlError } from '../../../error.ts';
import { databaseError, isDatabaseBusy } from '../../../host/file-error.ts';
import type { Clock } from '../../../host/host.ts';
import type { NodesChange, NodesStore, NodesView } from '../nodes-store.ts';
import { openDatabaseFile } from './database-file.ts';
import { readTables, SCHEMA, writeTables } from './tables.ts';

/** Another process that writes is waited for so often and so long, while everybody else goes on. */
const TRIES = 250;
const TRY_AGAIN_MS = 20;
/** SQLite tells nobody of a change: somebody has to look. */
const LOOK_MS = 2_000;

/**
 * Nodes in one file of SQLite, for all processes of one machine. There are two connections: the reader waits for no transaction,
 * and sees nothing of one before it is committed. Throws `enrolments-unusable`.
 */
export async function openSqliteNodes(path: string, clock: Pick<Clock, 'sleep'>): Promise<NodesStore> {
  const { reader, writer } = openDatabaseFile(path, SCHEMA);
  /** Errors name the file and say what to do: a full disk, a lock, a damaged file. */
  const naming = async <T>(act: () => T): Promise<T> => {
    try {
      return act();
    } catch (error) {
      throw databaseError(error, path) ?? error;
    }
  };
  const viewOf = (tables: ReturnType<typeof readTables>): NodesView => ({
    enrolment: (digest) => naming(() => tables.enrolment(digest)),
    enrolments: (wanted) => naming(() => tables.enrolments(wanted)),
    waiting: () => naming(() => tables.waiting()),
    moveOrders: () => naming(() => tables.moveOrders()),
  });
  const read = readTables(reader);
  const written = writeTables(writer);
  const change: NodesChange = {
    ...viewOf(readTables(writer)),
    putEnrolment: (enrolment) => naming(() => written.putEnrolment(enrolment)),
    dropEnrolments: (digests) => naming(() => written.dropEnrolments(digests)),
    putMoveOrder: (order) => naming(() => written.putMoveOrder(order)),
    dropMoveOrders: (ids) => naming(() => written.dropMoveOrders(ids)),
  };

  async function begin(): Promise<void> {
    for (let tries = 1; ; tries += 1)
      try {
        return await naming(() => writer.exec('PRAGMA busy_timeout = 0; BEGIN IMMEDIATE'));
      } catch (error) {
        if (tries >= TRIES || !isStatectlError(error) || !isDatabaseBusy(error.cause)) throw error;
        await clock.sleep(TRY_AGAIN_MS);
      }
  }
  async function inOne<T>(task: (nodes: NodesChange) => Promise<T>): Promise<T> {
    await begin();
    try {
      const result = await task(change);
      await naming(() => writer.exec('COMMIT'));
      return result;
    } catch (error) {
      // Of some errors SQLite has rolled back by itself.
      if (writer.isTransaction) writer.exec('ROLLBACK');
      throw error;
    }
  }
  let last: Promise<unknown> = Promise.resolve();
  const closing = new AbortController();

  return {
    ...viewOf(read),
    transaction(task) {
      const done = last.then(() => inOne(task));
      last = done.catch(() => {});
      return done;
    },
    async *changes(signal) {
      const ended = AbortSignal.any([signal, closing.signal]);
      let seen: number | undefined;
      while (!ended.aborted) {
        // A file that cannot be read now is looked at again.
        const version = await naming(read.version).catch(() => seen);
        if (version !== seen) {
          seen = version;
          yield;
        }
        await clock.sleep(LOOK_MS, ended).catch(() => {});
      }
    },
    async [Symbol.asyncDispose]() {
      closing.abort();
      await last;
      reader.close();
      writer.close();
    },
  };
}
