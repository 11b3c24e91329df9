/** A service as its unit says it, with what its EnvironmentFiles say put in. */
export interface UnitService {
  /** Without `.service`. */
  readonly name: string;
  readonly user: string | undefined;
  /** The command that is started, word by word. */
  readonly words: readonly string[];
}

/** Lines of one section; the last of a key counts, and an empty value forgets those before. systemd.syntax(7). Pure. */
function settingsOf(text: string): ReadonlyMap<string, readonly string[]> {
  const settings = new Map<string, string[]>();
  for (const line of text.replace(/\\\r?\n/g, ' ').split(/\r?\n/)) {
    const [, key, said = ''] = /^\s*([A-Za-z]+)\s*=(.*)$/.exec(line) ?? [];
    if (key === undefined) continue;
    const value = said.trim();
    if (value === '') settings.delete(key);
    else settings.set(key, [...(settings.get(key) ?? []), value]);
  }
  return settings;
}

const PART = /"((?:\\.|[^"\\])*)"|'([^']*)'|((?:\\.|[^\s"'\\])+)/gs;
const WORD = /(?:"(?:\\.|[^"\\])*"|'[^']*'|(?:\\.|[^\s"'\\])+)+/gs;

/** As systemd and sh both split them: blanks, quotes of both kinds, a backslash. Pure. */
export const splitWords = (text: string): readonly string[] =>
  [...text.matchAll(WORD)].map(([word]) =>
    [...word.matchAll(PART)]
      .map(([, double, single, bare]) => single ?? (double ?? bare ?? '').replace(/\\(.)/gs, '$1'))
      .join(''),
  );

/** `NAME=VALUE` of an EnvironmentFile, systemd.exec(5). Pure. */
function environmentOf(text: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const line of text.replace(/\\\r?\n/g, ' ').split(/\r?\n/)) {
    const [, name, said = ''] = /^\s*([A-Za-z_]\w*)=(.*)$/.exec(line) ?? [];
    const value = said.trim();
    const isQuoted = value.length > 1 && /^["']/.test(value) && value.endsWith(value.charAt(0));
    if (name !== undefined) found.set(name, isQuoted ? value.slice(1, -1) : value);
  }
  return found;
}

/** A service, by its unit and the environment files that the host has, by their paths. Pure. */
export function readUnit(path: string, text: string, environments: ReadonlyMap<string, string>): UnitService {
  const settings = settingsOf(text);
  const variables = new Map<string, string>();
  for (const line of settings.get('Environment') ?? [])
    for (const word of splitWords(line)) {
      const [name = '', ...value] = word.split('=');
      variables.set(name, value.join('='));
    }
  for (const file of settings.get('EnvironmentFile') ?? [])
    for (const [name, value] of environmentOf(environments.get(file.replace(/^-/, '')) ?? ''))
      variables.set(name, value);
  const words = splitWords(
    settings
      .get('ExecStart')
      ?.at(-1)
      ?.replace(/^[-@:+!]+/, '') ?? '',
  ).flatMap((word) => {
    // `$NAME` as a word of its own is split, `${NAME}` is not: systemd.service(5), COMMAND LINES.
    const [, whole] = /^\$([A-Za-z_]\w*)$/.exec(word) ?? [];
    if (whole !== undefined) return splitWords(variables.get(whole) ?? '');
    return [word.replace(/\$\{([A-Za-z_]\w*)\}/g, (_, name: string) => variables.get(name) ?? '')];
  });
  // `sh -c 'exec …'`: what the shell is told, as far as quotes and variables go.
  const shell = words.findIndex(
    (word, at) => /(?:^|\/)(?:ba|da)?sh$/.test(word) && /^-\w*c$/.test(words[at + 1] ?? ''),
  );
  const told = shell < 0 ? undefined : words[shell + 2];
  const all =
    told === undefined
      ? words
      : splitWords(told.replace(/\$\{?([A-Za-z_]\w*)\}?/g, (_, name: string) => variables.get(name) ?? ''));
  return {
    name: path.slice(path.lastIndexOf('/') + 1).replace(/\.service$/, ''),
    user: settings.get('User')?.at(-1),
    words: all,
  };
}

/** The value of an option among words: `-a PATH`, `--datapath=PATH`. Pure. */
export function optionOf(words: readonly string[], ...names: readonly string[]): string | undefined {
  for (const [at, word] of words.entries()) {
    if (names.includes(word)) return words[at + 1];
    const long = names.find((name) => name.startsWith('--') && word.startsWith(`${name}=`));
    if (long !== undefined) return word.slice(long.length + 1);
  }
  return undefined;
}
