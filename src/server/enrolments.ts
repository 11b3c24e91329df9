import { isIPv6 } from 'node:net';
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
/** Keys that others took the place of: of a machine that exchanges its key again and again the last ones are remembered. */
export const MOST_REVOKED_OF_NODE = 16;
/** One address may be a whole room behind a router, and one machine has all IPv6 addresses of its network. */
export const MOST_PENDING_OF_ADDRESS = 64;

/** The keys of machines. Several processes may use one file: SQLite locks it. */
export interface Enrolments extends Disposable {
  find(digest: string): Enrolment | undefined;
  list(state?: EnrolmentState): readonly Enrolment[];
  /** The key that counts for a node. */
  approvedFor(node: string): Enrolment | undefined;
  /** A key of it was revoked, by a person or for another. */
  wasRevoked(node: string): boolean;
  /** An entry that waits for a person; what was decided of the key meanwhile stays. Throws `pending-full`. */
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
         alarm = excluded.alarm, claims = excluded.claims, remote = excluded.remote, last_seen = excluded.last_seen
       WHERE excluded.state <> 'pending' OR enrolments.state = 'pending'`,
      ...[digest, state, node, proof, alarm, JSON.stringify(claims), remote, now(), now()],
    );
    return find(digest) as Enrolment;
  };

  const waitingOf = (remote: string): number => {
    const sender = senderOf(remote);
    if (sender === remote) return count("WHERE state = 'pending' AND remote = ?", remote);
    const others = database
      .prepare("SELECT remote FROM enrolments WHERE state = 'pending' AND remote LIKE '%:%'")
      .all();
    return others.filter((row) => senderOf(String(row.remote)) === sender).length;
  };

  return {
    find,
    list: (state) => (state ? all('WHERE state = ? ORDER BY first_seen', state) : all('ORDER BY first_seen')),
    approvedFor: (node) => all("WHERE state = 'approved' AND node = ?", node)[0],
    wasRevoked: (node) => count("WHERE state = 'revoked' AND node = ?", node) > 0,
    wait(entry) {
      // A machine without a disk asks with another key after each boot: the last one waits for it.
      if (entry.node !== undefined)
        run(
          "DELETE FROM enrolments WHERE state = 'pending' AND node = ? AND remote = ? AND digest <> ?",
          ...[entry.node, entry.remote, entry.digest],
        );
      if (find(entry.digest) === undefined) {
        if (waitingOf(entry.remote) >= MOST_PENDING_OF_ADDRESS)
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

/** Whom an address tells of: by IPv6 a network of 64 bits, in which a machine may take any address. */
const senderOf = (remote: string): string => {
  const [address = ''] = remote.split('%');
  // As `::ffff:10.0.0.1` is written for IPv4.
  if (!isIPv6(address) || address.includes('.')) return remote;
  const [head = '', tail] = address.split('::');
  const [before, after] = [head, tail ?? ''].map((part) => part.split(':').filter(Boolean)) as [string[], string[]];
  const zeros = tail === undefined ? 0 : 8 - before.length - after.length;
  const groups = [...before, ...Array<string>(zeros).fill('0'), ...after];
  return groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':');
};

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
