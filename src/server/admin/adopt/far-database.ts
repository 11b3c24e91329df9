import { StatectlError } from '../../../error.ts';
import { shellQuote } from '../../../host/shell-line.ts';
import { LARGEST_GENERATION_BYTES } from '../../state/snapshot/check-generation.ts';
import type { FarHost } from './far-host.ts';
import type { HostFacts } from './host-facts.ts';
import { rollBack } from './hot-journal.ts';

/** A database of the host, as it was at one moment. */
export interface FarDatabase {
  readonly bytes: Buffer;
  /** How it was copied, for the person. */
  readonly how: string;
}

const FILE = 'moonraker-sql.db';
const MOST_BYTES = LARGEST_GENERATION_BYTES + (1 << 20);
const NOT_SO = 4;
/** Waits for a writer no longer than Moonraker itself does. */
const BUSY_SECONDS = 0.5;
const MOST_TRIES = 5;

/**
 * In a read transaction nobody commits, so the pages are of one moment. They go into memory first and over the network when the
 * lock is given back: Moonraker waits one second. With a write-ahead log by SQLite's backup, which needs Python 3.11. A file that
 * SQLite has open is not closed meanwhile: that would drop its locks.
 */
const PYTHON = `
import os, sqlite3, sys
name = ${JSON.stringify(FILE)}
with open(name, 'rb') as f:
    while f.read(1 << 20): pass
db = sqlite3.connect('file:' + name + '?mode=ro', uri=True, timeout=${BUSY_SECONDS}, isolation_level=None)
try:
    if db.execute('PRAGMA journal_mode').fetchone()[0].lower() == 'wal':
        copy = sqlite3.connect(':memory:')
        db.backup(copy)
        data = copy.serialize()
    else:
        db.execute('BEGIN')
        db.execute('SELECT count(*) FROM sqlite_master').fetchone()
        f = os.open(name, os.O_RDONLY)
        parts = []
        while True:
            part = os.read(f, 1 << 20)
            if not part: break
            parts.append(part)
        db.execute('COMMIT')
        data = b''.join(parts)
except (sqlite3.Error, AttributeError) as e:
    sys.stderr.write(str(e) + chr(10))
    sys.exit(${NOT_SO})
sys.stdout.buffer.write(data)
`;

/** The same by the program of SQLite, whose query locks and says nothing: sh holds the copy until the lock is given back. */
const SQLITE = `
copy=$(sqlite3 -readonly ${FILE} '.timeout 500' 'BEGIN' 'SELECT 1 FROM sqlite_master WHERE 0' '.shell base64 ${FILE}' 'COMMIT') || exit ${NOT_SO}
case $(sqlite3 -readonly ${FILE} 'PRAGMA journal_mode') in wal) exit ${NOT_SO} ;; esac
printf '%s\\n' "$copy" | base64 -d`;

/** The files as they lie there: database, journal, log, each as long as it says. */
const FILES = `
for file in ${FILE} ${FILE}-journal ${FILE}-wal; do
  if [ -f "$file" ]; then printf '%s\\n' "$(stat -c %s "$file")"; cat "$file"; else printf -- '-\\n'; fi
done`;

/**
 * A consistent copy of Moonraker's database, without a change there, by whichever of its programs can. Throws `adopt-database`,
 * `adopt-cut`, `adopt-too-much`.
 */
export async function copyFarDatabase(
  far: FarHost,
  folder: string,
  { programs, sizeBytes }: Pick<HostFacts, 'programs'> & { readonly sizeBytes: number },
): Promise<FarDatabase> {
  const at = `cd ${shellQuote(folder)} || exit 3
`;
  if (sizeBytes > LARGEST_GENERATION_BYTES)
    throw cannot(
      folder,
      `it has ${sizeBytes} bytes, and ${LARGEST_GENERATION_BYTES} at most are kept`,
      'nothing that Moonraker keeps there is so large: look what it is',
    );
  for (const [program, script] of [
    ['python3', `${at}exec python3 -I -c ${shellQuote(PYTHON)}`],
    ['sqlite3', `${at}${SQLITE}`],
  ] as const) {
    if (!programs.has(program)) continue;
    const bytes = await far.read(script, MOST_BYTES, { good: [0, 1, NOT_SO] });
    if (isWhole(bytes)) return { bytes, how: `in a read transaction of the ${program} there` };
  }
  return await copyFiles(far, folder, at);
}

/** https://www.sqlite.org/fileformat2.html#the_database_header: as many pages as it says. */
function isWhole(bytes: Buffer): boolean {
  if (bytes.length < 512 || bytes.toString('latin1', 0, 15) !== 'SQLite format 3') return false;
  const said = bytes.readUInt16BE(16);
  return bytes.length % (said === 1 ? 65_536 : said) === 0;
}

/** Twice the same is of one moment: nobody wrote in between. */
async function copyFiles(far: FarHost, folder: string, at: string): Promise<FarDatabase> {
  let before: Buffer | undefined;
  for (let tries = 0; tries < MOST_TRIES; tries += 1) {
    const now = await far.read(`${at}${FILES}`, 2 * MOST_BYTES);
    if (before?.equals(now)) {
      const [database, journal, log] = partsOf(now);
      if (database === undefined) break;
      if (log !== undefined && log.length > 0)
        throw cannot(
          folder,
          'it has a write-ahead log, and neither python3 nor sqlite3 is there to read it',
          'stop Moonraker there for a moment, and run it again',
        );
      if (journal === undefined || journal.length === 0)
        return { bytes: database, how: 'as a file, which was the same twice' };
      const back = rollBack(database, journal);
      if ('fault' in back)
        throw cannot(folder, back.fault, 'start Moonraker there once, which puts it right, and run it again');
      return {
        bytes: back.bytes,
        how: 'with the hot journal that a power cut left beside it, which was played back here',
      };
    }
    before = now;
  }
  throw cannot(folder, 'it changes all the time', 'run it again while nothing prints');
}

function partsOf(all: Buffer): readonly (Buffer | undefined)[] {
  const parts: (Buffer | undefined)[] = [];
  for (let at = 0; at < all.length; ) {
    const line = all.indexOf('\n', at);
    const said = all.toString('latin1', at, line);
    at = line + 1;
    if (!/^\d{1,15}$/.test(said)) parts.push(undefined);
    else {
      parts.push(all.subarray(at, at + Number(said)));
      at += Number(said);
    }
    if (line < 0) break;
  }
  return parts;
}

const cannot = (folder: string, why: string, hint: string): StatectlError =>
  new StatectlError('adopt-database', `${folder}/${FILE} cannot be copied: ${why}`, { hint });
