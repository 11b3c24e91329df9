import type { Host } from '../../host/host.ts';

/** PKWARE APPNOTE 4.3.12: an entry of the central directory, up to its file name. */
const SIGNATURE = Buffer.from('504b0102', 'hex');
const ENTRY_BYTES = 46;
const ATTRIBUTES_AT = 38;
const NAME_LENGTH_AT = 28;
const LONGEST_NAME = 0xffff;
/** stat(2): bits of the type, a file, a folder. */
const TYPE_BITS = 0o170000;
const PLAIN: ReadonlySet<number> = new Set([0, 0o100000, 0o040000]);

/**
 * The name of the first member of a zip that is a link, a device or the like; undefined: there is none. It looks at whatever
 * begins as an entry does, and not only where the directory is said to be: of two directories nobody can tell which one the
 * program takes that unpacks it.
 */
export async function zipLink({ files }: Pick<Host, 'files'>, path: string): Promise<string | undefined> {
  let seen: Buffer = Buffer.alloc(0);
  for await (const chunk of files.readStream(path)) {
    seen = Buffer.concat([seen, chunk]);
    const end = seen.length - ENTRY_BYTES - LONGEST_NAME;
    if (end <= 0) continue;
    const found = linkIn(seen, end);
    if (found !== undefined) return found;
    seen = seen.subarray(end);
  }
  return linkIn(seen, seen.length);
}

/** Of the entries that begin before `end`. */
function linkIn(bytes: Buffer, end: number): string | undefined {
  for (let at = bytes.indexOf(SIGNATURE); at >= 0 && at < end; at = bytes.indexOf(SIGNATURE, at + 1)) {
    if (at + ENTRY_BYTES > bytes.length) return undefined;
    const type = (bytes.readUInt32LE(at + ATTRIBUTES_AT) >>> 16) & TYPE_BITS;
    if (PLAIN.has(type)) continue;
    const name = at + ENTRY_BYTES;
    return bytes.toString('utf8', name, name + bytes.readUInt16LE(at + NAME_LENGTH_AT));
  }
  return undefined;
}
