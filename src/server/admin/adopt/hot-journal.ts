const MAGIC = Buffer.from('d9d505f920a163d7', 'hex');
const HEADER_BYTES = 28;

/** What a database is once its journal is played back, or why nobody can know. */
export type RolledBack = { readonly bytes: Buffer } | { readonly fault: string };

/**
 * Plays a rollback journal back that a power cut left beside a database: https://www.sqlite.org/fileformat2.html#the_rollback_journal.
 * By hand, and not by SQLite: a journal of a stranger may name a file that SQLite would delete (the super-journal). A journal
 * whose header is zeros or that is empty is of a transaction that ended. Pure.
 */
export function rollBack(database: Buffer, journal: Buffer): RolledBack {
  if (journal.length < HEADER_BYTES || !journal.subarray(0, 8).equals(MAGIC)) return { bytes: database };
  if (journal.subarray(-8).equals(MAGIC) && journal.length > 512)
    return { fault: 'its journal is one of several databases, which cannot be taken back here' };
  const sectorBytes = journal.readUInt32BE(20);
  const pageBytes = journal.readUInt32BE(24);
  const pages = journal.readUInt32BE(16);
  const isPower = (value: number): boolean => value > 0 && (value & (value - 1)) === 0;
  if (!isPower(pageBytes) || pageBytes < 512 || pageBytes > 65_536 || !isPower(sectorBytes) || sectorBytes > 65_536)
    return { fault: 'its journal has no pages of a size that SQLite knows' };
  if (pages * pageBytes > database.length + journal.length)
    return { fault: 'its journal says that the database was larger than both are' };
  const bytes = Buffer.alloc(pages * pageBytes);
  database.copy(bytes, 0, 0, Math.min(database.length, bytes.length));
  const recordBytes = pageBytes + 8;
  for (let at = 0; at + HEADER_BYTES <= journal.length; ) {
    if (!journal.subarray(at, at + 8).equals(MAGIC)) break;
    const said = journal.readUInt32BE(at + 8);
    const nonce = journal.readUInt32BE(at + 12);
    let record = at + sectorBytes;
    const room = Math.floor(Math.max(0, journal.length - record) / recordBytes);
    // Of none, nothing was overwritten yet; of all that there are, nobody waited for the disk.
    const count = said === 0xffffffff ? room : Math.min(said, room);
    for (let played = 0; played < count; played += 1, record += recordBytes) {
      const page = journal.readUInt32BE(record);
      const content = journal.subarray(record + 4, record + 4 + pageBytes);
      // What was not whole on the disk was not yet needed.
      if (page === 0 || checksum(content, nonce) !== journal.readUInt32BE(record + 4 + pageBytes)) return { bytes };
      if (page <= pages) content.copy(bytes, (page - 1) * pageBytes);
    }
    if (count === 0) break;
    at = Math.ceil(record / sectorBytes) * sectorBytes;
  }
  return { bytes };
}

/** pager.c, pager_cksum: each 200th byte from the end. */
function checksum(content: Buffer, nonce: number): number {
  let sum = nonce;
  for (let at = content.length - 200; at > 0; at -= 200) sum = (sum + (content[at] ?? 0)) >>> 0;
  return sum;
}
