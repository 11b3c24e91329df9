import type { SQLOutputValue } from 'node:sqlite';
import { StatectlError } from '../../error.ts';
import { parseRecord } from '../../host/record.ts';
import type { Claims } from '../../protocol/claims.ts';
import type { Proof } from '../../protocol/enrolment.ts';
import { senderOf } from '../limits/sender.ts';
import type { Enrolment, EnrolmentState, NewEnrolment } from './enrolment.ts';
import { openNodesDatabase } from './nodes-database.ts';
import { asFirstSaid, withRivals } from './pending-alarm.ts';
import { type Waiting, whoGivesWay } from './pending-place.ts';

/** Anybody on the network may ask: this bounds what waits for a person. */
export const MOST_PENDING = 1_000;
/**
 * Keys that say from one address that they are the same node. A machine without a disk asks with another after each boot, and
 * several machines may have one address: none takes another's place unseen, and they are few.
 */
const MOST_PENDING_OF_NODE = 4;
/** Keys that others took the place of: of a machine that exchanges its key again and again the last ones are remembered. */
export const MOST_REVOKED_OF_NODE = 16;
/** One address may be a whole room behind a router, and one machine has all IPv6 addresses of its network. */
export const MOST_PENDING_OF_ADDRESS = 64;
/** A machine that runs asks again and again; who did not for so long gives way to the next that comes. */
export const PENDING_LIFETIME_MS = 7 * 24 * 3_600_000;

/** The keys of machines. Several processes may use one file: SQLite locks it. */
export interface Enrolments extends Disposable {
  find(digest: string): Enrolment | undefined;
  /** Who waits, with an alarm where others do that claim to be the same machine. */
  list(state?: EnrolmentState): readonly Enrolment[];
  /** The key that counts for a node. */
  approvedFor(node: string): Enrolment | undefined;
  /** A key of it was revoked, by a person or for another. */
  wasRevoked(node: string): boolean;
  /**
   * An entry that waits for a person; what was decided of the key meanwhile stays. Who it said first that it is stays too: a
   * person may have read it. Throws `pending-full`.
   */
  wait(entry: NewEnrolment): Enrolment;
  /** Lets the key count for a node; another that counted for it is revoked. */
  approve(entry: NewEnrolment & { readonly node: string; readonly proof: Proof }): Enrolment;
  decide(digest: string, state: 'denied' | 'revoked'): boolean;
  forget(digest: string): boolean;
  seen(digest: string, remote: string, certificateUntilMs?: number): void;
}

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS enrolments (
    digest TEXT PRIMARY KEY, state TEXT NOT NULL, node TEXT, proof TEXT, alarm TEXT, claims TEXT NOT NULL, remote TEXT NOT NULL,
    first_seen INTEGER NOT NULL, last_seen INTEGER NOT NULL, certificate_until INTEGER
  ) STRICT;
  CREATE INDEX IF NOT EXISTS enrolments_node ON enrolments (node, state);
  CREATE UNIQUE INDEX IF NOT EXISTS one_key_a_node ON enrolments (node) WHERE state = 'approved';
`;

/** Opens or makes the database. Throws `enrolments-unusable`. */
export function openEnrolments(path: string, now: () => number): Enrolments {
  const database = openNodesDatabase(path, SCHEMA);
  const all = (where: string, ...values: string[]) =>
    database
      .prepare(`SELECT * FROM enrolments ${where}`)
      .all(...values)
      .map(enrolmentOf);
  const count = (where: string, ...values: string[]) =>
    Number(database.prepare(`SELECT count(*) AS n FROM enrolments ${where}`).get(...values)?.n);
  const run = (sql: string, ...values: (string | number | null)[]) =>
    Number(database.prepare(sql).run(...values).changes);
  const find = (digest: string) => all('WHERE digest = ?', digest)[0];

  const put = (entry: NewEnrolment, state: EnrolmentState, proof: Proof | null): Enrolment => {
    const { digest, node = null, alarm = null, claims, remote } = entry;
    run(
      `INSERT INTO enrolments (digest, state, node, proof, alarm, claims, remote, first_seen, last_seen)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (digest) DO UPDATE SET state = excluded.state, node = excluded.node, proof = excluded.proof,
         alarm = excluded.alarm, claims = excluded.claims, remote = excluded.remote, last_seen = excluded.last_seen
       WHERE excluded.state <> 'pending' OR enrolments.state = 'pending'`,
      ...[digest, state, node, proof, alarm, JSON.stringify(claims), remote, now(), now()],
    );
    return find(digest) as Enrolment;
  };

  const waiting = (): readonly Waiting[] =>
    database
      .prepare("SELECT digest, node, remote, last_seen FROM enrolments WHERE state = 'pending'")
      .all()
      .map(({ digest, node, remote, last_seen }) => ({
        digest: String(digest),
        remote: String(remote),
        lastSeenMs: Number(last_seen),
        ...(node !== null && { node: String(node) }),
      }));
  /** Whether somebody gave way. Throws `pending-full`. */
  const makeRoom = (entry: NewEnrolment, among: readonly Waiting[], most: number, why: string): boolean => {
    if (among.length < most) return false;
    const leaving = whoGivesWay(entry, among);
    if (!leaving) throw full(`${most} machines wait already${why}`);
    return run('DELETE FROM enrolments WHERE digest = ?', leaving.digest) > 0;
  };

  return {
    find,
    list: (state) => withRivals(state ? all('WHERE state = ? ORDER BY first_seen', state) : all('ORDER BY first_seen')),
    approvedFor: (node) => all("WHERE state = 'approved' AND node = ?", node)[0],
    wasRevoked: (node) => count("WHERE state = 'revoked' AND node = ?", node) > 0,
    wait(entry) {
      const known = find(entry.digest);
      if (known?.state === 'pending') return put(asFirstSaid(known, entry), 'pending', null);
      if (known === undefined) {
        if (entry.node !== undefined)
          run(
            `DELETE FROM enrolments WHERE digest IN (SELECT digest FROM enrolments WHERE state = 'pending' AND node = ? AND remote = ?
             ORDER BY last_seen DESC, rowid DESC LIMIT -1 OFFSET ?)`,
            ...[entry.node, entry.remote, MOST_PENDING_OF_NODE - 1],
          );
        run("DELETE FROM enrolments WHERE state = 'pending' AND last_seen < ?", now() - PENDING_LIFETIME_MS);
        const sender = senderOf(entry.remote);
        const everybody = waiting();
        const ofSender = everybody.filter(({ remote }) => senderOf(remote) === sender);
        if (!makeRoom(entry, ofSender, MOST_PENDING_OF_ADDRESS, ' that asked from this address'))
          makeRoom(entry, everybody, MOST_PENDING, '');
      }
      return put(entry, 'pending', null);
    },
    approve(entry) {
      database.exec('BEGIN IMMEDIATE');
      try {
        // Keys of single boots leave nothing behind; others are remembered as revoked.
        run(
          "DELETE FROM enrolments WHERE node = ? AND proof = 'network' AND state = 'approved' AND digest <> ?",
          ...[entry.node, entry.digest],
        );
        run(
          "UPDATE enrolments SET state = 'revoked' WHERE node = ? AND state = 'approved' AND digest <> ?",
          entry.node,
          entry.digest,
        );
        run(
          `DELETE FROM enrolments WHERE node = ?1 AND state = 'revoked' AND digest NOT IN
           (SELECT digest FROM enrolments WHERE node = ?1 AND state = 'revoked' ORDER BY last_seen DESC, rowid DESC LIMIT ?2)`,
          ...[entry.node, MOST_REVOKED_OF_NODE],
        );
        const approved = put({ ...entry, alarm: undefined }, 'approved', entry.proof);
        database.exec('COMMIT');
        return approved;
      } catch (error) {
        database.exec('ROLLBACK');
        throw error;
      }
    },
    decide: (digest, state) => run('UPDATE enrolments SET state = ? WHERE digest = ?', state, digest) > 0,
    forget: (digest) => run('DELETE FROM enrolments WHERE digest = ?', digest) > 0,
    seen: (digest, remote, certificateUntilMs) =>
      void run(
        'UPDATE enrolments SET last_seen = ?, remote = ?, certificate_until = coalesce(?, certificate_until) WHERE digest = ?',
        ...[now(), remote, certificateUntilMs ?? null, digest],
      ),
    [Symbol.dispose]: () => database.close(),
  };
}

const full = (why: string): StatectlError =>
  new StatectlError('pending-full', why, {
    hint: 'on the server: `statectl node pending`, then approve, deny or forget',
  });

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
