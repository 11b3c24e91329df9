import { type SavedBlock, savedKeys, savedValue, splitPrinterConfig, writtenValue } from './printer-config.ts';

/** A file before and after; undefined: there is none. */
export interface FileChange {
  readonly path: string;
  readonly before: string | undefined;
  readonly after: string | undefined;
}

/** Beyond it a value is a table of numbers. */
const LONGEST_VALUE = 40;
const IN_SUBJECT = 3;
const MOST_LINES = 200;
const NONE: SavedBlock = new Map();

/** No sign of it begins a line or moves a terminal. */
const plain = (text: string): string => text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, '?');

/**
 * What a printer did to its config, as the message of a commit: `SAVE_CONFIG: [probe] z_offset 1.5 -> 2.25`. Pure.
 */
export function describeChange(changes: readonly FileChange[]): string {
  const saved = changes.flatMap(savedChanges);
  const files = changes.map(({ path, before, after }) => {
    const verb = before === undefined ? 'added' : after === undefined ? 'removed' : 'changed';
    return plain(`${path} ${verb}`);
  });
  const all = saved.length > 0 ? saved : files;
  const rest = all.length - IN_SUBJECT;
  const subject = `${saved.length > 0 ? 'SAVE_CONFIG: ' : ''}${all.slice(0, IN_SUBJECT).join(', ')}${rest > 0 ? `, and ${rest} more` : ''}`;
  const more = [...(rest > 0 ? all : []), ...(saved.length > 0 && files.length > 1 ? files : [])];
  return more.length === 0 ? subject : `${subject}\n\n${more.slice(0, MOST_LINES).join('\n')}`;
}

function savedChanges({ before, after }: FileChange): readonly string[] {
  if (after === undefined) return [];
  const [was, is] = [splitPrinterConfig(before ?? ''), splitPrinterConfig(after)];
  const [old, now] = [was.saved ?? NONE, is.saved ?? NONE];
  // A first block whole, or one that is gone or came back, is told key by key too.
  const keys = new Map([...savedKeys(now), ...savedKeys(old)].map((key) => [key.join('\0'), key]));
  return [...keys.values()].flatMap(([section, key]) => {
    const [from, to] = [old, now].map((block) => savedValue(block.get(section)?.get(key)));
    if (from === to) return [];
    // What SAVE_CONFIG took the place of stood in the hand-written part.
    const former = from ?? writtenValue(was.written, section, key);
    return [plain(`[${section}] ${key} ${shown(former, to)}`)];
  });
}

function shown(from: string | undefined, to: string | undefined): string {
  if (to === undefined) return 'removed';
  const isShort = [from, to].every((value = '') => value.length <= LONGEST_VALUE);
  if (!isShort) return from === undefined ? 'new' : 'changed';
  return from === undefined ? to : `${from} -> ${to}`;
}
