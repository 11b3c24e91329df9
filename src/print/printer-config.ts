/** A printer.cfg in its two parts, as klippy/configfile.py of Klipper cuts it. */
export interface PrinterConfig {
  /** What a person wrote. */
  readonly written: string;
  /** What SAVE_CONFIG wrote below; undefined: there is none, or one that Klipper would not read either, and `written` is all. */
  readonly saved: SavedBlock | undefined;
}

/** By section and key: the lines of the value as they stand, without their `#*# `. */
export type SavedBlock = ReadonlyMap<string, ReadonlyMap<string, readonly string[]>>;

const HEADER = `
#*# <---------------------- SAVE_CONFIG ---------------------->
#*# DO NOT EDIT THIS BLOCK OR BELOW. The contents are auto-generated.
#*#
`;
const MARK = '#*#';

/** Klipper reads CRLF as LF. Pure. */
const unix = (text: string): string => text.replaceAll('\r\n', '\n');

/** Pure. */
export function splitPrinterConfig(given: string): PrinterConfig {
  const text = unix(given);
  // At the end of a file that was cut there, the header lacks its last newline.
  const at = `${text}\n`.indexOf(HEADER);
  const whole = { written: text, saved: undefined };
  if (at < 0) return whole;
  const written = text.slice(0, at);
  const block = text.slice(at + HEADER.length).trim();
  if (written.includes(`\n${MARK} `) || `\n${block}\n`.includes(HEADER)) return whole;
  const saved = savedBlock(block === '' ? [] : block.split('\n'));
  return saved ? { written, saved } : whole;
}

/** undefined: somebody wrote in it what Klipper takes for damage. */
function savedBlock(lines: readonly string[]): SavedBlock | undefined {
  const sections = new Map<string, Map<string, string[]>>();
  let section: Map<string, string[]> | undefined;
  let value: string[] | undefined;
  for (const line of lines) {
    if (line !== MARK && !line.startsWith(`${MARK} `)) return undefined;
    const text = line.slice(MARK.length + 1);
    const [, header] = /^\[(.+)\]\s*$/.exec(text) ?? [];
    const key = /^([^\s=:[][^=:]*)[=:]/.exec(text)?.[1]?.trimEnd();
    if (text.trim() === '') {
      // Between sections, or within a value of several lines.
      value?.push('');
    } else if (header !== undefined) {
      section = sections.get(header) ?? new Map();
      sections.set(header, section);
      value = undefined;
    } else if (/^\s/.test(text)) {
      if (!value) return undefined;
      value.push(text);
    } else if (key !== undefined && section) {
      value = [text];
      section.set(key.toLowerCase(), value);
    } else return undefined;
  }
  for (const values of sections.values()) for (const all of values.values()) while (all.at(-1) === '') all.pop();
  return sections;
}

/** As SAVE_CONFIG puts the two together. Pure. */
export function joinPrinterConfig({ written, saved }: PrinterConfig): string {
  if (!saved) return written;
  const lines = [...saved].flatMap(([section, values]) => [`[${section}]`, ...[...values.values()].flat(), '']);
  const block = `${lines
    .slice(0, -1)
    .map((line) => `${MARK} ${line}`.trim())
    .join('\n')}\n`;
  return `${written.trimEnd()}\n${HEADER}${block}`;
}

/** The value of a key, on one line. Pure. */
export function savedValue(lines: readonly string[] | undefined): string | undefined {
  const [first = '', ...more] = lines ?? [];
  if (lines === undefined) return undefined;
  return [first.replace(/^[^=:]*[=:]\s*/, ''), ...more.map((line) => line.trim())].filter(Boolean).join(' ');
}

/** Each key with its section. Pure. */
export const savedKeys = (block: SavedBlock): readonly (readonly [section: string, key: string])[] =>
  [...block].flatMap(([section, values]) => [...values.keys()].map((key) => [section, key] as const));

/** What a person wrote for a key, on one line; undefined: nothing, or it is commented out. Pure. */
export function writtenValue(written: string, section: string, key: string): string | undefined {
  let found: string[] | undefined;
  for (const { kind, name, within, line } of writtenLines(written)) {
    if (within !== section || name !== key) continue;
    // The last one counts.
    if (kind === 'key') found = [line];
    else if (kind === 'more') found?.push(line);
  }
  return savedValue(found?.map((line) => withoutComment(line)));
}

const withoutComment = (line: string): string => line.replace(/[#;].*/s, '').trimEnd();

interface WrittenLine {
  /** `more`: it goes on with the key above. */
  readonly kind: 'section' | 'key' | 'more' | 'nothing';
  readonly within: string;
  readonly name: string;
  readonly line: string;
}

/** Each line of what a person wrote, as `_strip_duplicates` of Klipper looks at it. */
function writtenLines(written: string): readonly WrittenLine[] {
  let within = '';
  let name = '';
  return written.split('\n').map((line) => {
    const bare = withoutComment(line);
    if (bare === '') return { kind: 'nothing', within, name: '', line };
    if (/^\s/.test(bare)) return { kind: 'more', within, name, line };
    if (bare.startsWith('[')) {
      within = bare.slice(1, -1).trim();
      name = '';
      return { kind: 'section', within, name, line };
    }
    name = bare.replace(/\W.*/s, '').toLowerCase();
    return { kind: 'key', within, name, line };
  });
}

/**
 * What a person wrote, with what is in the block commented out, as SAVE_CONFIG does it: Klipper takes no value from
 * two places. Pure.
 */
export const withoutSaved = (written: string, saved: SavedBlock): string =>
  writtenLines(written)
    .map(({ kind, within, name, line }) =>
      (kind === 'key' || kind === 'more') && saved.get(within)?.has(name) ? `#${line}` : line,
    )
    .join('\n');

/**
 * Whether it is a config at all: a power cut leaves one that is empty, or full of NUL. Pure.
 */
export const isConfigText = (bytes: Uint8Array): boolean =>
  !bytes.includes(0) && /^[^\S\r\n]*\[[^\]\r\n]+\]/m.test(Buffer.from(bytes).toString('latin1'));
