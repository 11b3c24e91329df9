import { posix } from 'node:path';
import type { SystemTree } from '../facts/system-tree.ts';

/** A program with one main file, which may or may not include the folder that our settings are in. */
export interface MainFile {
  /** The first that is there counts: SUSE and others keep what they ship outside of /etc. */
  readonly paths: readonly string[];
  readonly folder: string;
  /** What is read first, or last, counts: a line of ours goes there. */
  readonly counts: 'first' | 'last';
  readonly line: string;
  readonly mode: number;
  /** Whether the lines include the folder, which has these names, where nothing before them, or after them, can gainsay it. */
  readonly includes: (text: string, names: readonly string[]) => boolean;
  /** The lines as they must be where the program cannot live with ours read at their place. */
  readonly amended?: (text: string, names: readonly string[]) => string;
}

const words = (line: string): readonly string[] =>
  line.match(/"[^"]*"|[^\s"]+/g)?.map((word) => word.replace(/^"|"$/g, '')) ?? [];

/** Does a pattern of files, as glob(7) reads it, have `folder/NAME.conf`? There braces mean nothing. */
const covers = (pattern: string, folder: string, name: string): boolean =>
  !/[{}]/.test(pattern) && posix.matchesGlob(posix.normalize(`${folder}/${name}`), posix.normalize(pattern));

/**
 * sshd_config(5): of two values the first counts, so nothing is read before ours: no line, and no file of another name. What
 * stands in a Match block holds for some alone. A relative path is of /etc/ssh.
 */
function sshdIncludes(text: string, names: readonly string[]): boolean {
  const [keyword = '', path = ''] =
    text
      .split('\n')
      .map(sshdWords)
      .find((line) => line.length > 0) ?? [];
  return (
    keyword.toLowerCase() === 'include' &&
    isSshdRead(path, OUR_SSHD) &&
    !names.some((name) => name < OUR_SSHD && isSshdRead(path, name))
  );
}

const OUR_SSHD = '10-statectl.conf';
const sshdWords = (line: string): readonly string[] =>
  words(
    line
      .replace(/#.*/, '')
      .trim()
      .replace(/^([A-Za-z]+)\s*=\s*/, '$1 '),
  );
const isSshdRead = (path: string, name: string): boolean =>
  covers(path.startsWith('/') ? path : `/etc/ssh/${path}`, SSHD.folder, name);

/**
 * sshd does not start with a HostKey in a Match block, so an Include there that would read ours names the image's own files instead. A
 * block goes on to the end of the file.
 */
function sshdWithoutOursInMatch(text: string, names: readonly string[]): string {
  const own = names.filter((name) => !name.includes('statectl'));
  let isInMatch = false;
  return text
    .split('\n')
    .map((line) => {
      const [keyword = '', ...paths] = sshdWords(line);
      isInMatch ||= keyword.toLowerCase() === 'match';
      if (!isInMatch || keyword.toLowerCase() !== 'include' || !paths.some((path) => isSshdRead(path, OUR_SSHD)))
        return line;
      const read = paths.flatMap((path) =>
        isSshdRead(path, OUR_SSHD)
          ? own.filter((name) => isSshdRead(path, name)).map((name) => `${SSHD.folder}/${name}`)
          : [path],
      );
      return read.length > 0 ? `  Include ${read.map((path) => `"${path}"`).join(' ')}` : `  # ${line.trim()}`;
    })
    .join('\n');
}

/** sudoers(5): `@includedir`, and `#includedir` of earlier versions. The last that fits counts, and rules of others do no harm. */
const sudoIncludes = (text: string): boolean =>
  text.split('\n').some((line) => {
    const [, kind = '', rest = ''] = /^\s*[@#](includedir|include)\s+(.*)$/.exec(line) ?? [];
    const [path = ''] = words(rest.replaceAll('\\ ', ' '));
    const absolute = posix.normalize(path.startsWith('/') ? path : `/etc/${path}`).replace(/\/$/, '');
    return absolute === (kind === 'includedir' ? '/etc/sudoers.d' : '/etc/sudoers.d/statectl');
  });

/** What of rsyslog.conf(5) says where one is. */
const SYSLOG_TOKENS = new RegExp(
  [
    // A comment; a path such as `/etc/*.conf` begins none.
    String.raw`(?<![^\s{}();])/\*[^]*?(?:\*/|$(?![^]))|#.*`,
    // An include in either language, which is a line or several; an end is asked for, so that looking for it has one.
    String.raw`\$IncludeConfig(?<=^[ \t]*\$IncludeConfig)[ \t]+(?<legacy>\S+).*`,
    String.raw`\binclude\s*\((?<modern>(?:"[^"]{0,4096}"|'[^']{0,4096}'|[^)"']){0,256})\)`,
    // A text, which may have braces, and those of blocks.
    String.raw`"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\\n])*'|[{}]`,
  ].join('|'),
  'gim',
);

/** rsyslog.conf(5), in both of its languages; what stands in a block holds under its condition alone. */
function syslogIncludes(text: string): boolean {
  let depth = 0;
  for (const { 0: token, groups: { legacy, modern } = {} } of text.matchAll(SYSLOG_TOKENS)) {
    if (token === '{') depth += 1;
    if (token === '}') depth -= 1;
    const pattern = legacy ?? /\bfile\s*=\s*"([^"]*)"/i.exec(modern ?? '')?.[1];
    const files = pattern?.replace(/\/$/, '/*');
    if (depth === 0 && files !== undefined && covers(files, '/etc/rsyslog.d', '60-statectl.conf')) return true;
  }
  return false;
}

export const SSHD: MainFile = {
  paths: ['/etc/ssh/sshd_config', '/usr/etc/ssh/sshd_config', '/usr/lib/ssh/sshd_config'],
  folder: '/etc/ssh/sshd_config.d',
  counts: 'first',
  line: 'Include /etc/ssh/sshd_config.d/*statectl*.conf',
  mode: 0o644,
  includes: sshdIncludes,
  amended: sshdWithoutOursInMatch,
};
export const SUDO: MainFile = {
  paths: ['/etc/sudoers', '/usr/etc/sudoers'],
  folder: '/etc/sudoers.d',
  counts: 'last',
  line: '#includedir /etc/sudoers.d',
  mode: 0o440,
  includes: sudoIncludes,
};
export const RSYSLOG: MainFile = {
  paths: ['/etc/rsyslog.conf', '/usr/etc/rsyslog.conf'],
  folder: '/etc/rsyslog.d',
  counts: 'first',
  line: '$IncludeConfig /etc/rsyslog.d/*.conf',
  mode: 0o644,
  includes: syslogIncludes,
};

/** The main file with a line that includes our settings; undefined where it does so itself. Pure. */
function withOurLine(
  said: string,
  names: readonly string[],
  { line, counts, includes, amended }: MainFile,
): string | undefined {
  const text = amended?.(said, names) ?? said;
  if (includes(text, names)) return text === said ? undefined : text;
  const ours = `# By statectl at boot: the image does not read what is said there.\n${line}\n`;
  return counts === 'first' ? ours + text : `${text.replace(/\n?$/, '\n')}${ours}`;
}

/** The text that the main file must have in /etc for our settings to count; undefined where it is as it should be. `otherwise` where it is not there. */
export async function mainFileText(tree: SystemTree, file: MainFile, otherwise?: string): Promise<string | undefined> {
  const names = await tree.list(file.folder);
  for (const path of file.paths) {
    const text = await tree.read(path);
    if (text !== undefined) return withOurLine(text, names, file);
  }
  return otherwise === undefined ? undefined : withOurLine(otherwise, names, file);
}
