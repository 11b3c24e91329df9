import { closeSync, constants, openSync, writeFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { reasonOf, StatectlError } from '../../../error.ts';

/** Of all pages: years of history are some MiB. */
const MOST_BYTES = 64 << 20;
/** Moonraker waits one second for a lock before it fails: a copy never holds one so long, and waits no longer itself. */
const BUSY_MS = 500;
/** Where the header says that there is a write-ahead log (2), https://www.sqlite.org/fileformat2.html#file_format_version_numbers. */
const VERSIONS = [18, 19];
/** Into the file that is there: no link leads it elsewhere. */
const INTO = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW;

/**
 * A consistent copy of an SQLite database that somebody else writes to, also in the middle of their transaction: all pages by one
 * read transaction, what lies in a write-ahead log among them. It is read only: a hot journal, which a power cut leaves, is not
 * rolled back by us. In this process nothing else may open the file, since any close() drops the locks of them all. Nothing but
 * the one file `to` is written. Throws `database-busy` (not now), `database-damaged` and `generation-too-large`.
 */
export async function copyDatabase(from: string, to: string, mostBytes = MOST_BYTES): Promise<void> {
  const copy = read(from, mostBytes);
  const fault = faultOf(copy);
  if (fault !== undefined) throw new StatectlError('database-damaged', `${from} is damaged: ${fault}`);
  const file = openSync(to, INTO, 0o600);
  try {
    writeFileSync(file, copy);
  } finally {
    closeSync(file);
  }
}

function read(from: string, mostBytes: number): Uint8Array {
  let source: DatabaseSync | undefined;
  try {
    source = new DatabaseSync(from, { readOnly: true, timeout: BUSY_MS, allowExtension: false });
    source.exec('PRAGMA trusted_schema = OFF; BEGIN');
    // Asking begins the transaction; before that SQLite knows neither its pages nor their size.
    const [pages] = Object.values(source.prepare('PRAGMA page_count').get() ?? {});
    const [pageBytes] = Object.values(source.prepare('PRAGMA page_size').get() ?? {});
    const sizeBytes = Number(pages) * Number(pageBytes);
    if (sizeBytes > mostBytes) throw tooLarge(from, sizeBytes, mostBytes);
    return source.serialize();
  } catch (cause) {
    if (cause instanceof StatectlError) throw cause;
    const isDamaged = /malformed|not a database/.test(reasonOf(cause));
    throw new StatectlError(isDamaged ? 'database-damaged' : 'database-busy', `${from}: ${reasonOf(cause)}`, {
      cause,
      hint: isDamaged ? 'copies of before are kept on the server' : 'it is copied after its next change',
    });
  } finally {
    source?.close();
  }
}

/** A copy in memory has no log beside it, and SQLite opens none that says so. */
function faultOf(copy: Uint8Array): string | undefined {
  const alone = copy.slice();
  for (const at of VERSIONS) alone[at] = 1;
  const database = new DatabaseSync(':memory:', { allowExtension: false });
  try {
    database.deserialize(alone);
    database.exec('PRAGMA trusted_schema = OFF');
    const [fault] = Object.values(database.prepare('PRAGMA integrity_check(1)').get() ?? {});
    return fault === 'ok' ? undefined : String(fault);
  } catch (error) {
    return reasonOf(error);
  } finally {
    database.close();
  }
}

/** Somebody's joke, or a disk that is full of holes: it is not read at all. */
const tooLarge = (path: string, sizeBytes: number, mostBytes: number): StatectlError =>
  new StatectlError('generation-too-large', `${path} is larger than can be kept: ${sizeBytes} of ${mostBytes} bytes`, {
    hint: 'Moonraker keeps some MiB there; whatever else lies in it belongs elsewhere',
  });
