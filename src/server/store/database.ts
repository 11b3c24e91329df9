import type { DatabaseSync, SQLInputValue, SQLOutputValue } from 'node:sqlite';
import { databaseError } from '../../host/file-error.ts';

type Row = Readonly<Record<string, SQLOutputValue>>;

/** A prepared statement, as far as it is used here. */
interface Statement {
  run(...values: SQLInputValue[]): { readonly changes: number | bigint };
  get(...values: SQLInputValue[]): Row | undefined;
  all(...values: SQLInputValue[]): readonly Row[];
}

/** A database, as far as it is used here. */
interface Database {
  exec(sql: string): void;
  prepare(sql: string): Statement;
  close(): void;
}

/** The same database, whose errors name it and say what to do: a full disk, a lock, a damaged file. */
export function namingDatabase(database: DatabaseSync, path: string): Database {
  const naming = <T>(act: () => T): T => {
    try {
      return act();
    } catch (error) {
      throw databaseError(error, path) ?? error;
    }
  };
  return {
    exec: (sql) => naming(() => database.exec(sql)),
    prepare(sql) {
      const statement = naming(() => database.prepare(sql));
      return {
        run: (...values) => naming(() => statement.run(...values)),
        get: (...values) => naming(() => statement.get(...values)),
        all: (...values) => naming(() => statement.all(...values)),
      };
    },
    close: () => database.close(),
  };
}
