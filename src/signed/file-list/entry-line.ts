import type { EntryType, TreeEntry, Xattr } from '../../host/system-tree/tree-entry.ts';

/** A name of a tree as a list of an image has it: with its owners' names, as the tree's own passwd and group have them. */
export interface ListEntry extends TreeEntry {
  readonly user?: string;
  readonly group?: string;
}

const TYPES: ReadonlySet<string> = new Set<EntryType>(['file', 'dir', 'symlink', 'char', 'block', 'fifo']);

/** As mtree(5) has names: what is no plain letter is a byte in three octal digits. */
const escaped = (bytes: string): string =>
  bytes.replace(/[^!-~]|[\\#]/g, (byte) => `\\${byte.charCodeAt(0).toString(8).padStart(3, '0')}`);
const unescaped = (text: string): string =>
  text.includes('\\')
    ? text.replace(/\\([0-3][0-7]{2})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)))
    : text;

/** The key of an xattr has no `=` in it. */
const xattrWord = ([name, value]: Xattr): string =>
  `xattr.${escaped(name).replaceAll('=', '\\075')}=${Buffer.from(value, 'latin1').toString('base64')}`;

/**
 * One line of the list, without its end: a path and words in the manner of mtree(5), which shows what each is; `same` is the
 * first name of a file with several. Pure.
 */
export function lineOf(entry: ListEntry): string {
  const { path, type, mode, uid, gid, user, group, sizeBytes, sha256, hardLink, target, rdev, xattrs = [] } = entry;
  return [
    escaped(path),
    `type=${type === 'symlink' ? 'link' : type}`,
    `mode=${mode.toString(8).padStart(4, '0')}`,
    `uid=${uid}`,
    `gid=${gid}`,
    ...(user === undefined ? [] : [`uname=${escaped(user)}`]),
    ...(group === undefined ? [] : [`gname=${escaped(group)}`]),
    ...(sizeBytes === undefined ? [] : [`size=${sizeBytes}`]),
    ...(target === undefined ? [] : [`link=${escaped(target)}`]),
    ...(rdev === undefined ? [] : [`device=linux,${rdev.major},${rdev.minor}`]),
    ...(hardLink === undefined ? [] : [`same=${escaped(hardLink)}`]),
    ...xattrs.map(xattrWord),
    ...(sha256 === undefined ? [] : [`sha256digest=${sha256}`]),
  ].join(' ');
}

const DIGITS = /^\d{1,16}$/;
const number = (text: string | undefined): number | undefined =>
  text !== undefined && DIGITS.test(text) ? Number(text) : undefined;

/** The path alone, for whoever looks for another. Pure. */
export function pathIn(line: string): string {
  const space = line.indexOf(' ');
  return unescaped(space < 0 ? line : line.slice(0, space));
}

/** undefined: it is no line of a list. Words that are not known here are a later version's, and pass. Pure. */
export function entryIn(line: string): ListEntry | undefined {
  const words = new Map<string, string>();
  const xattrs: Xattr[] = [];
  const [path = '', ...rest] = line.split(' ');
  for (const word of rest) {
    const equals = word.indexOf('=');
    const [key, value] = [word.slice(0, equals), word.slice(equals + 1)];
    if (key.startsWith('xattr.'))
      xattrs.push([unescaped(key.slice(6)), Buffer.from(value, 'base64').toString('latin1')]);
    else words.set(key, value);
  }
  const text = (key: string) => {
    const word = words.get(key);
    return word === undefined ? undefined : unescaped(word);
  };
  const type = words.get('type') === 'link' ? 'symlink' : (words.get('type') ?? '');
  const [uid, gid, sizeBytes] = [number(words.get('uid')), number(words.get('gid')), number(words.get('size'))];
  const mode = /^[0-7]{4}$/.exec(words.get('mode') ?? '')?.[0];
  const [, major, minor] = /^linux,(\d+),(\d+)$/.exec(words.get('device') ?? '') ?? [];
  const sha256 = words.get('sha256digest');
  const target = text('link');
  if (!TYPES.has(type) || mode === undefined || uid === undefined || gid === undefined || !path.startsWith('/'))
    return undefined;
  if (type === 'file' && (sizeBytes === undefined || !/^[0-9a-f]{64}$/.test(sha256 ?? ''))) return undefined;
  if ((type === 'symlink') !== (target !== undefined)) return undefined;
  if ((type === 'char' || type === 'block') !== (major !== undefined)) return undefined;
  const [user, group, hardLink] = [text('uname'), text('gname'), text('same')];
  return {
    path: unescaped(path),
    type: type as EntryType,
    mode: Number.parseInt(mode, 8),
    uid,
    gid,
    ...(user !== undefined && { user }),
    ...(group !== undefined && { group }),
    ...(sizeBytes !== undefined && { sizeBytes }),
    ...(target !== undefined && { target }),
    ...(major !== undefined && { rdev: { major: Number(major), minor: Number(minor) } }),
    ...(hardLink !== undefined && { hardLink }),
    ...(xattrs.length > 0 && { xattrs }),
    ...(sha256 !== undefined && { sha256 }),
  };
}
