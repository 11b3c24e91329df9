import { posix } from 'node:path';

/** A line of a config that says something about the machine that it runs on. */
export interface ConfigMention {
  /** Below the folder of the config. */
  readonly file: string;
  readonly line: number;
  readonly text: string;
}

/** What a printer's config says about where things are. */
export interface ConfigWords {
  /** `[save_variables] filename`, as it stands. */
  readonly variables: string | undefined;
  /** `[virtual_sdcard] path`, as it stands. */
  readonly gcodes: string | undefined;
  /** Boards, by what they are connected to. */
  readonly boards: readonly ConfigMention[];
  /** Absolute paths, `~` too, that are none of the printer's own folders. */
  readonly paths: readonly ConfigMention[];
  /** Files that are included and are not there. */
  readonly missing: readonly string[];
}

interface Setting {
  readonly section: string;
  readonly key: string;
  readonly value: string;
  readonly mention: ConfigMention;
}

const MOST_TOLD = 40;
/** Nobody's config has as many. */
const MOST_INCLUDES = 500;

/** As configfile.py reads it: what is included counts where it stands, a comment is from `#` or `;` on. Pure. */
export function readConfigWords(
  files: ReadonlyMap<string, string>,
  { main, home, own }: { readonly main: string; readonly home: string; readonly own: readonly string[] },
): ConfigWords {
  const settings: Setting[] = [];
  const missing: string[] = [];
  const seen = new Set<string>();
  const read = (file: string): void => {
    if (seen.has(file)) return;
    seen.add(file);
    let [section, key] = ['', ''];
    for (const [at, raw] of (files.get(file) ?? '').split(/\r?\n/).entries()) {
      const line = raw
        .replace(/^#\*# ?/, '')
        .replace(/[#;].*$/, '')
        .trimEnd();
      const [, header] = /^\[([^\]]+)\]/.exec(line) ?? [];
      const [name, value] = optionIn(line);
      if (header !== undefined) {
        section = header.trim();
        key = '';
        if (section.startsWith('include ')) include(file, section.slice(8).trim());
      } else {
        if (name !== undefined) key = name.toLowerCase();
        const said = name === undefined ? line.trim() : value;
        if (said !== '')
          settings.push({ section, key, value: said, mention: { file, line: at + 1, text: raw.trim().slice(0, 200) } });
      }
    }
  };
  let included = 0;
  const include = (from: string, pattern: string): void => {
    included += 1;
    if (/^[~/]/.test(pattern) || included > MOST_INCLUDES) return;
    const wanted = posix.join(posix.dirname(from), pattern);
    const found = [...files.keys()].filter((path) => matches(wanted, path)).toSorted();
    if (found.length === 0 && !/[*?[]/.test(pattern)) missing.push(pattern);
    for (const path of found) read(path);
  };
  read(main);
  const boards = settings.filter(
    ({ section, key }) => /^mcu(?:\s|$)/.test(section) && ['serial', 'canbus_uuid'].includes(key),
  );
  const isOwn = (said: string) => {
    const path = said.replace(/^~(?=\/)/, home);
    return own.some((folder) => path === folder || path.startsWith(`${folder}/`));
  };
  // A board is a path, too.
  const paths = settings.filter(
    ({ value, mention }) =>
      !boards.some((board) => board.mention === mention) &&
      [
        ...value.matchAll(/(?:^|[\s"'(,])((?:~|\/(?:home|etc|opt|usr|var|media|mnt|tmp|dev|srv|root))\/[^\s"'),]*)/g),
      ].some(([, path = '']) => !isOwn(path)),
  );
  const variables = settings.findLast(({ section, key }) => section === 'save_variables' && key === 'filename');
  const includes = settingsOfIncludes(files, seen);
  return {
    variables: variables?.value,
    gcodes: settings.findLast(({ section, key }) => section === 'virtual_sdcard' && key === 'path')?.value,
    boards: boards.map(({ mention }) => mention).slice(0, MOST_TOLD),
    paths: [...includes, ...paths.map(({ mention }) => mention)].slice(0, MOST_TOLD),
    missing: [...new Set(missing)].slice(0, MOST_TOLD),
  };
}

/** Includes of files that lie elsewhere on the host. */
const settingsOfIncludes = (files: ReadonlyMap<string, string>, seen: ReadonlySet<string>): readonly ConfigMention[] =>
  [...seen].flatMap((file) =>
    (files.get(file) ?? '')
      .split(/\r?\n/)
      .flatMap((raw, at) =>
        /^\[include\s+[~/]/.test(raw) ? [{ file, line: at + 1, text: raw.trim().slice(0, 200) }] : [],
      ),
  );

/** `NAME: VALUE` or `NAME = VALUE`, where nothing is indented: an indented line goes on with the value before. */
function optionIn(line: string): readonly [name: string | undefined, value: string] {
  const at = /^\s/.test(line) ? -1 : line.search(/[:=]/);
  return at < 1 ? [undefined, ''] : [line.slice(0, at).trimEnd(), line.slice(at + 1).trim()];
}

/** As Python's glob: `*` and `?` are within a name. In time that grows with both, whatever somebody wrote. */
function matches(pattern: string, path: string): boolean {
  const [wanted, parts] = [pattern.split('/'), path.split('/')];
  return wanted.length === parts.length && wanted.every((one, at) => matchesName(one, parts[at] ?? ''));
}

function matchesName(pattern: string, name: string): boolean {
  let [at, from] = [0, 0];
  let star: { readonly at: number; from: number } | undefined;
  while (from < name.length) {
    const letter = pattern[at];
    if (letter === '*') {
      star = { at, from };
      at += 1;
    } else if (letter === '?' || letter === name[from]) {
      at += 1;
      from += 1;
    } else if (star) {
      star.from += 1;
      at = star.at + 1;
      from = star.from;
    } else return false;
  }
  while (pattern[at] === '*') at += 1;
  return at === pattern.length;
}
