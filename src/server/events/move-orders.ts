import { openNodesDatabase } from '../machines/nodes-database.ts';

/** A machine is to go to another server. */
export interface MoveOrder {
  readonly id: number;
  readonly node: string;
  /** Base URL; absent: to whichever it finds best. */
  readonly to?: string;
  readonly reason: string;
}

/** What an admin ordered, in the database of the enrolments: the server that runs finds it there. */
export interface MoveOrders extends Disposable {
  /** One order for each of these nodes; an earlier one that still waits is replaced. */
  order(nodes: readonly string[], order: Omit<MoveOrder, 'id' | 'node'>): void;
  /** Those that no machine has heard yet. Too old ones are dropped. */
  waiting(): readonly MoveOrder[];
  done(id: number): void;
  /** Another number after each change of the database by anybody else, an enrolment too. */
  databaseVersion(): number;
}

/** An order for a machine that is off must not surprise it days later. */
const WAITS_MS = 60 * 60_000;

const SCHEMA = `CREATE TABLE IF NOT EXISTS moves (
  id INTEGER PRIMARY KEY AUTOINCREMENT, node TEXT NOT NULL UNIQUE, target TEXT, reason TEXT NOT NULL, ordered INTEGER NOT NULL
) STRICT;`;

/** Opens or makes the table in the database of `openEnrolments`. Throws `enrolments-unusable`. */
export function openMoveOrders(path: string, now: () => number): MoveOrders {
  const database = openNodesDatabase(path, SCHEMA);
  const put = database.prepare('INSERT OR REPLACE INTO moves (node, target, reason, ordered) VALUES (?, ?, ?, ?)');
  const drop = database.prepare('DELETE FROM moves WHERE ordered < ?');
  const isAny = database.prepare('SELECT 1 FROM moves LIMIT 1');
  const list = database.prepare('SELECT id, node, target, reason FROM moves ORDER BY id');
  const remove = database.prepare('DELETE FROM moves WHERE id = ?');
  const version = database.prepare('PRAGMA data_version');
  return {
    order(nodes, { to, reason }) {
      database.exec('BEGIN IMMEDIATE');
      for (const node of nodes) put.run(node, to ?? null, reason, now());
      database.exec('COMMIT');
    },
    waiting() {
      if (!isAny.get()) return [];
      drop.run(now() - WAITS_MS);
      return list.all().map(({ id, node, target, reason }) => ({
        id: Number(id),
        node: String(node),
        reason: String(reason),
        ...(target !== null && { to: String(target) }),
      }));
    },
    done: (id) => void remove.run(id),
    databaseVersion: () => Number(version.get()?.data_version),
    [Symbol.dispose]: () => database.close(),
  };
}
