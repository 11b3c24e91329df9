import type { DatabaseSync, SQLOutputValue } from 'node:sqlite';
import { parseRecord } from '../../../host/record.ts';
import type { Claims } from '../../../protocol/claims.ts';
import type { Proof } from '../../../protocol/enrolment.ts';
import type { MoveOrder } from '../../events/move-order.ts';
import type { Enrolment, EnrolmentState } from '../../machines/enrolment.ts';
import type { Waiting } from '../../machines/pending-place.ts';
import type { Wanted } from '../nodes-store.ts';

/** The index is the last line: whatever is decided above, no two keys of one node count. */
export const SCHEMA = `
  CREATE TABLE IF NOT EXISTS enrolments (
    digest TEXT PRIMARY KEY, state TEXT NOT NULL, node TEXT, proof TEXT, alarm TEXT, claims TEXT NOT NULL, remote TEXT NOT NULL,
    first_seen INTEGER NOT NULL, last_seen INTEGER NOT NULL, certificate_until INTEGER
  ) STRICT;
  CREATE INDEX IF NOT EXISTS enrolments_node ON enrolments (node, state);
  CREATE UNIQUE INDEX IF NOT EXISTS one_key_a_node ON enrolments (node) WHERE state = 'approved';
  CREATE TABLE IF NOT EXISTS moves (
    id INTEGER PRIMARY KEY AUTOINCREMENT, node TEXT NOT NULL UNIQUE, target TEXT, reason TEXT NOT NULL, ordered INTEGER NOT NULL
  ) STRICT;
`;

/** What can be read over one connection. */
export function readTables(database: DatabaseSync) {
  const enrolment = database.prepare('SELECT * FROM enrolments WHERE digest = ?');
  const listed = (where: string) => database.prepare(`SELECT * FROM enrolments ${where} ORDER BY first_seen, rowid`);
  const all = listed('');
  const ofState = listed('WHERE state = ?');
  const ofNode = listed('WHERE node = ?');
  const ofBoth = listed('WHERE state = ? AND node = ?');
  const waiting = database.prepare(
    "SELECT digest, node, remote, last_seen FROM enrolments WHERE state = 'pending' ORDER BY first_seen, rowid",
  );
  const orders = database.prepare('SELECT id, node, target, reason, ordered FROM moves ORDER BY id');
  const version = database.prepare('PRAGMA data_version');
  return {
    enrolment(digest: string): Enrolment | undefined {
      const row = enrolment.get(digest);
      return row && enrolmentOf(row);
    },
    enrolments({ state, node }: Wanted = {}): readonly Enrolment[] {
      if (state !== undefined && node !== undefined) return ofBoth.all(state, node).map(enrolmentOf);
      if (state !== undefined) return ofState.all(state).map(enrolmentOf);
      return (node === undefined ? all.all() : ofNode.all(node)).map(enrolmentOf);
    },
    waiting: (): readonly Waiting[] =>
      waiting.all().map(({ digest, node, remote, last_seen }) => ({
        digest: String(digest),
        remote: String(remote),
        lastSeenMs: Number(last_seen),
        ...(node !== null && { node: String(node) }),
      })),
    moveOrders: (): readonly MoveOrder[] =>
      orders.all().map(({ id, node, target, reason, ordered }) => ({
        id: Number(id),
        node: String(node),
        reason: String(reason),
        orderedMs: Number(ordered),
        ...(target !== null && { to: String(target) }),
      })),
    /** Another number after each commit over another connection, sqlite.org/pragma.html#pragma_data_version. */
    version: (): number => Number(version.get()?.data_version),
  };
}

/** What can be written over one connection. */
export function writeTables(database: DatabaseSync) {
  const put = database.prepare(
    `INSERT INTO enrolments (digest, state, node, proof, alarm, claims, remote, first_seen, last_seen, certificate_until)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (digest) DO UPDATE SET state = excluded.state, node = excluded.node, proof = excluded.proof,
       alarm = excluded.alarm, claims = excluded.claims, remote = excluded.remote, first_seen = excluded.first_seen,
       last_seen = excluded.last_seen, certificate_until = excluded.certificate_until`,
  );
  const drop = database.prepare('DELETE FROM enrolments WHERE digest = ?');
  const order = database.prepare('INSERT OR REPLACE INTO moves (node, target, reason, ordered) VALUES (?, ?, ?, ?)');
  const done = database.prepare('DELETE FROM moves WHERE id = ?');
  return {
    putEnrolment({ digest, state, node, proof, alarm, claims, remote, ...times }: Enrolment): void {
      put.run(
        ...[digest, state, node ?? null, proof ?? null, alarm ?? null, JSON.stringify(claims), remote],
        ...[times.firstSeenMs, times.lastSeenMs, times.certificateUntilMs ?? null],
      );
    },
    dropEnrolments(digests: readonly string[]): void {
      for (const digest of digests) drop.run(digest);
    },
    putMoveOrder({ node, to, reason, orderedMs }: Omit<MoveOrder, 'id'>): void {
      order.run(node, to ?? null, reason, orderedMs);
    },
    dropMoveOrders(ids: readonly number[]): void {
      for (const id of ids) done.run(id);
    },
  };
}

function enrolmentOf(row: Readonly<Record<string, SQLOutputValue>>): Enrolment {
  const { digest, state, node, proof, alarm, claims, remote, first_seen, last_seen, certificate_until } = row;
  return {
    digest: String(digest),
    state: state as EnrolmentState,
    ...(node !== null && { node: String(node) }),
    ...(proof !== null && { proof: proof as Proof }),
    ...(alarm !== null && { alarm: String(alarm) }),
    claims: parseRecord<Claims>(String(claims), {}),
    remote: String(remote),
    firstSeenMs: Number(first_seen),
    lastSeenMs: Number(last_seen),
    ...(certificate_until !== null && { certificateUntilMs: Number(certificate_until) }),
  };
}
