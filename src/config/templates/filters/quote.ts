import { refuse, textOf } from './input.ts';

/** Words that no shell reads as anything but themselves. `=` is not among them: `A=b` in front is an assignment. */
const PLAIN_WORD = /^[A-Za-z0-9_@%+:,./-]+$/;

/** One word of POSIX sh, or of a list one word each. XCU 2.2.2: nothing is special between single quotes. */
export function shell(value: unknown): string {
  if (Array.isArray(value)) return value.map(shell).join(' ');
  const text = textOf(value);
  if (text.includes('\0')) throw refuse('a text without NUL', value);
  return PLAIN_WORD.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/**
 * A map as lines of an environment file, or one value of such a line. sh and systemd (systemd.exec(5), EnvironmentFile=)
 * read double quotes alike: a backslash takes the meaning of `"`, `\`, backtick and `$`. Names are made as matchbox does:
 * upper case, `_` for `-` and `.`, `A_B` for a map in a map.
 */
export function env(value: unknown, prefix: unknown = ''): string {
  if (typeof value !== 'object' || value === null) return envValue(value);
  if (Array.isArray(value)) return envValue(value);
  const lines = new Map<string, string>();
  for (const [path, item] of leaves(value, textOf(prefix))) {
    const name = path.toUpperCase().replaceAll(/[-.]/g, '_');
    if (!/^[A-Z_][A-Z0-9_]*$/.test(name)) throw refuse('keys of letters, digits and _', path);
    if (lines.has(name)) throw new Error(`two keys give the variable ${name}`);
    lines.set(name, envValue(item ?? ''));
  }
  return [...lines].map(([name, quoted]) => `${name}=${quoted}`).join('\n');
}

function* leaves(value: object, prefix: string): Generator<readonly [string, unknown]> {
  for (const [key, item] of Object.entries(value))
    if (typeof item === 'object' && item !== null && !Array.isArray(item)) yield* leaves(item, `${prefix}${key}_`);
    else yield [prefix + key, item];
}

function envValue(value: unknown): string {
  const text = Array.isArray(value) ? value.map(listItem).join(' ') : textOf(value);
  // systemd refuses a file with them (env_value_is_valid and utf8_is_valid in src/basic).
  if (/[^\P{Cc}\t\n]|\p{Noncharacter_Code_Point}/u.test(text)) throw refuse('a text without control characters', text);
  return PLAIN_WORD.test(text) ? text : `"${text.replaceAll(/["\\`$]/g, '\\$&')}"`;
}

function listItem(item: unknown): string {
  const text = textOf(item);
  if (text === '' || /\s/.test(text)) throw refuse('list items without blanks, or use join', text);
  return text;
}

/** As systemd-escape(1), with `path` as `systemd-escape --path`: for the names of units. */
export function systemdEscape(value: unknown, form: unknown = 'text'): string {
  const text = textOf(value);
  if (text.includes('\0')) throw refuse('a text without NUL', value);
  if (form === 'text') return escapeUnit(text);
  if (form !== 'path') throw refuse('"path" or nothing', form);
  const segments = text.split('/').filter((segment) => segment !== '' && segment !== '.');
  if (!text.startsWith('/') || segments.includes('..')) throw refuse('an absolute path without ".."', value);
  return segments.length === 0 ? '-' : escapeUnit(segments.join('/'));
}

const escapeUnit = (text: string): string =>
  [...Buffer.from(text)]
    .map((byte, index) => {
      const char = String.fromCharCode(byte);
      if (char === '/') return '-';
      return /[A-Za-z0-9:_.]/.test(char) && !(char === '.' && index === 0)
        ? char
        : `\\x${byte.toString(16).padStart(2, '0')}`;
    })
    .join('');
