import { DatabaseSync, type SQLOutputValue } from 'node:sqlite';
import { reasonOf, StatectlError } from '../error.ts';
import type { Machine } from './machine.ts';

/** What was decided of a key. */
export type EnrolmentState = 'pending' | 'approved' | 'denied' | 'revoked';
/** What proved that the key is this machine's: DESIGN §7. */
export type Proof = 'earlier-key' | 'person' | 'network';

/** A machine's key, and what became of it. */
export interface Enrolment {
  /** Of the public key: see `keyDigest`. */
  readonly digest: string;
  readonly state: EnrolmentState;
  /** The node that it is, or claims to be; absent: no node file matches what it claims. */
  readonly node?: string;
  readonly proof?: Proof;
  /** Why somebody should look: another key already counts for this node. */
  readonly alarm?: string;
  readonly claims: Machine;
  readonly remote: string;
  /** Unix milliseconds. */
  readonly firstSeenMs: number;
  readonly lastSeenMs: number;
  readonly certificateUntilMs?: number;
}

export type NewEnrolment = Pick<Enrolment, 'digest' | 'node' | 'alarm' | 'claims' | 'remote'>;

/** Anybody on the network may ask: this bounds what waits for a person. */
export const MOST_PENDING = 1_000;
/** One address may be a whole room behind a router. */
export const MOST_PENDING_OF_ADDRESS = 64;

/** The keys of machines. Several processes may use one file: SQLite locks it. */
export interface Enrolments extends Disposable {
  find(digest: string): Enrolment | undefined;
  list(state?: EnrolmentState): readonly Enrolment[];
  /** The key that counts for a node. */
  approvedFor(node: string): Enrolment | undefined;
  /** An entry that waits for a person. Throws `pending-full`. */
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
  const database = open(path);
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
         alarm = excluded.alarm, claims = excluded.claims, remote = excluded.remote, last_seen = excluded.last_seen`,
      ...[digest, state, node, proof, alarm, JSON.stringify(claims), remote, now(), now()],
    );
    return find(digest) as Enrolment;
  };

  return {
    find,
    list: (state) => (state ? all('WHERE state = ? ORDER BY first_seen', state) : all('ORDER BY first_seen')),
    approvedFor: (node) => all("WHERE state = 'approved' AND node = ?", node)[0],
    wait(entry) {
      // A machine without a disk asks with another key after each boot: the last one waits for it.
      if (entry.node !== undefined)
        run(
          "DELETE FROM enrolments WHERE state = 'pending' AND node = ? AND remote = ? AND digest <> ?",
          ...[entry.node, entry.remote, entry.digest],
        );
      if (find(entry.digest) === undefined) {
        if (count("WHERE state = 'pending' AND remote = ?", entry.remote) >= MOST_PENDING_OF_ADDRESS)
          throw full(`${MOST_PENDING_OF_ADDRESS} machines wait already that asked from this address`);
        if (count("WHERE state = 'pending'") >= MOST_PENDING) {
          // Machines that config.d knows go before strangers.
          const isStranger = entry.node === undefined;
          const dropped = isStranger
            ? 0
            : run(
                `DELETE FROM enrolments WHERE digest = (SELECT digest FROM enrolments
                 WHERE state = 'pending' AND node IS NULL ORDER BY last_seen LIMIT 1)`,
              );
          if (dropped === 0) throw full(`${MOST_PENDING} machines wait already`);
        }
      }
      return put(entry, 'pending', null);
    },
    approve(entry) {
      database.exec('BEGIN IMMEDIATE');
      try {
        // Keys of single boots leave nothing behind; others are remembered as revoked.
        run("DELETE FROM enrolments WHERE node = ? AND proof = 'network' AND digest <> ?", entry.node, entry.digest);
        run(
          "UPDATE enrolments SET state = 'revoked' WHERE node = ? AND state = 'approved' AND digest <> ?",
          entry.node,
          entry.digest,
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

function open(path: string): DatabaseSync {
  try {
    const database = new DatabaseSync(path, { timeout: 5_000 });
    database.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; ${SCHEMA}`);
    return database;
  } catch (cause) {
    throw new StatectlError('enrolments-unusable', `${path} cannot be used: ${reasonOf(cause)}`, {
      cause,
      hint: 'restore it from a backup; without it every machine has to be approved anew',
    });
  }
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
    claims: JSON.parse(String(claims)) as Machine,
    remote: String(remote),
    firstSeenMs: Number(first_seen),
    lastSeenMs: Number(last_seen),
    ...(certificate_until !== null && { certificateUntilMs: Number(certificate_until) }),
  };
}
