import { entryOf } from '../../../entry-of.ts';
import { TREE_LIMITS } from '../../../host/plain-tree.ts';
import { shellQuote } from '../../../host/shell-line.ts';
import type { FarHost } from './far-host.ts';

/** A regular file of the host. */
export interface FarFile {
  /** Below the folder that was asked for. */
  readonly path: string;
  readonly sizeBytes: number;
  /** Unix nanoseconds, in decimal. */
  readonly mtimeNs: string;
  /** Another one whenever anything of the file is. */
  readonly stamp: string;
}

export interface FarListing {
  /** The folder is there. */
  readonly isThere: boolean;
  readonly files: readonly FarFile[];
  /** What is no file, and what it is: links, pipes, devices, names that are no UTF-8. */
  readonly left: readonly NoFile[];
  /** There is more than is looked at. */
  readonly isCut: boolean;
  /** Whatever is not named is not there, either: nothing was cut, hidden from us or of another file system. */
  readonly isWhole: boolean;
}

/** `target`: of a link. */
interface NoFile {
  readonly path: string;
  readonly why: string;
  readonly target?: string;
}

const NOT_THERE = 3;
/** Folders, too. */
const MOST_ENTRIES = 2 * TREE_LIMITS.files;
const LARGEST_TREE_BYTES = Number.MAX_SAFE_INTEGER;

/** GNU find, as every Debian has it: type, size, times, inode, device, and the rest each ended by NUL. */
const printOf = (type: string): string => `-printf '${type} %s %T@ %C@ %i %D\\0%p\\0%l\\0'`;
/** Other file systems are not entered, nor is what git keeps for itself. What may not be looked into has a letter of its own. */
const HIDDEN = 'h';
const EVERYTHING = `. -xdev -name .git -prune -o -type d \\( ! -readable -o ! -executable \\) ${printOf(HIDDEN)} -prune -o ${printOf('%y')}`;

/** What is in a folder, or which of these files are there. Throws what `FarHost.run` throws. */
export async function listFar(far: FarHost, folder: string, only?: readonly string[]): Promise<FarListing> {
  const files = new Map<string, FarFile>();
  const mostFiles = only?.length ?? TREE_LIMITS.files;
  const left: NoFile[] = [];
  let nameBytes = 0;
  let seen = 0;
  let isCut = false;
  let isThere = false;
  let isWhole = false;
  let isHidden = false;
  let device: string | undefined;
  const what = only
    ? `${only.map((path) => shellQuote(`./${path}`)).join(' ')} -maxdepth 0 ${printOf('%y')}`
    : EVERYTHING;
  const script = `cd ${shellQuote(folder)} 2>/dev/null || exit ${NOT_THERE}
find ${what} 2>/dev/null; status=$?; printf 'end\\000\\000\\000'; exit $status`;
  const chunks = far.run(script, { good: [0, 1, NOT_THERE] });
  for await (const [record, name, target] of recordsOf(chunks)) {
    isThere = true;
    if (record === 'end') {
      isWhole = true;
      continue;
    }
    nameBytes += name.length + target.length;
    seen += 1;
    if (files.size >= mostFiles || seen > MOST_ENTRIES || nameBytes > TREE_LIMITS.namesBytes) {
      isCut = true;
      break;
    }
    const entry = readEntry(record, name, target);
    if ('folderOn' in entry) {
      // The first is the folder itself.
      device ??= entry.folderOn;
      const isOpen = entry.folderOn !== undefined;
      if (isOpen && entry.folderOn === device) continue;
      isHidden = true;
      left.push({
        path: entry.path,
        why: isOpen ? 'another file system is there' : 'this account may not look into it',
      });
    } else if ('why' in entry) left.push(entry);
    else files.set(entry.path, entry);
  }
  return {
    isThere,
    files: [...files.values()].toSorted((a, b) => (a.path < b.path ? -1 : 1)),
    left: left.slice(0, TREE_LIMITS.left),
    isCut,
    // A find of another kind says nothing of the folder itself.
    isWhole: isWhole && !isCut && !isHidden && (only !== undefined || device !== undefined),
  };
}

const KINDS: Readonly<Partial<Record<string, string>>> = { p: 'a pipe', s: 'a socket', c: 'a device', b: 'a device' };

/** A folder, and the file system that it is of; undefined: nobody may look into it. */
interface Folder {
  readonly path: string;
  readonly folderOn: string | undefined;
}

/** Pure. */
function readEntry(what: string, name: Buffer, target: Buffer): FarFile | NoFile | Folder {
  const [, type = '', size = '', mtime = '', ctime = '', inode = '', device = ''] =
    /^(\w) (\d{1,16}) (-?\d{1,13}(?:\.\d+)?) (-?\d{1,13}(?:\.\d+)?) (\d+) (\d+)$/.exec(what) ?? [];
  const path = name.toString('utf8').replace(/^\.\//, '');
  if (type === HIDDEN) return { path, folderOn: undefined };
  if (type === 'd') return { path, folderOn: device };
  if (!Buffer.from(`./${path}`).equals(name)) return { path, why: 'its name is no UTF-8' };
  if (type === 'l') {
    const to = target.toString('utf8');
    return { path, why: `it is a link to ${to}`, target: to };
  }
  const sizeBytes = Number(size);
  if (type !== 'f' || sizeBytes > LARGEST_TREE_BYTES)
    return { path, why: `it is ${entryOf(KINDS, type) ?? 'no file'}` };
  return { path, sizeBytes, mtimeNs: nanoseconds(mtime), stamp: `${inode} ${size} ${mtime} ${ctime}` };
}

/** find prints one digit more than there are. Pure. */
function nanoseconds(text: string): string {
  const [seconds = '0', fraction = ''] = text.split('.');
  const nanos = BigInt(`${fraction}000000000`.slice(0, 9));
  // `-1.5` is the second before the one that it begins with.
  return String(BigInt(seconds) * 1_000_000_000n + (seconds.startsWith('-') ? -nanos : nanos));
}

/** Three parts each, ended by NUL. One that is longer than a path can be is none. */
async function* recordsOf(chunks: AsyncIterable<Uint8Array>): AsyncIterable<readonly [string, Buffer, Buffer]> {
  let rest = Buffer.alloc(0);
  let parts: Buffer[] = [];
  for await (const chunk of chunks) {
    rest = Buffer.concat([rest, chunk]);
    let from = 0;
    for (let end = rest.indexOf(0); end >= 0; end = rest.indexOf(0, from)) {
      parts.push(Buffer.from(rest.subarray(from, end)));
      from = end + 1;
      const [what, name, target] = parts;
      if (!what || !name || !target) continue;
      yield [what.toString('latin1'), name, target];
      parts = [];
    }
    rest = rest.subarray(from);
    if (rest.length > MOST_PART_BYTES) return;
  }
}

const MOST_PART_BYTES = 64 << 10;
