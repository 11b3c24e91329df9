import { isDeepStrictEqual } from 'node:util';
import { type Document, isMap, isScalar, isSeq, parseDocument } from 'yaml';
import { entryOf } from '../../entry-of.ts';
import { reasonOf } from '../../error.ts';
import { type ConfigFault, formatFault } from '../check/fault.ts';
import type { Plain, SettingPath } from '../tree/tree.ts';
import { readYaml } from '../tree/yaml-file.ts';
import { type Collection, impossible, isNothing, reach } from './yaml-place.ts';
import { spliceItem, spliceOut, spliceValue } from './yaml-splice.ts';
import { isMapping } from './yaml-text.ts';

/**
 * Sets a value in a YAML text, or removes it (undefined). No line changes but those that say it: comments, blank lines,
 * quotes and the alignment of all others stay, byte for byte. Throws `edit-impossible`.
 */
export function editValue(text: string, path: SettingPath, value: Plain | undefined, file = 'the file'): string {
  const mark = /^\uFEFF?/.exec(text)?.[0] ?? '';
  const before = text.slice(mark.length);
  const old = plainOf(parsed(before, file));
  const after = value === undefined ? removed(before, path) : settled(before, path, value);
  const wanted = value === undefined ? without(old, path) : withValue(old, path, value);
  const now = parseDocument(after, { version: '1.2' });
  // A way to write that none of the splices knows; or an anchor, whose value others repeat.
  if (now.errors.length > 0 || !isDeepStrictEqual(plainOf(now), wanted))
    throw impossible(`${path.join('.')} stands in ${file} in a way that only an editor can change`);
  return mark + after;
}

/** Throws `edit-impossible` with every fault. */
function parsed(text: string, file = 'the file'): Document {
  const document = parseDocument(text, { version: '1.2', keepSourceTokens: true });
  const { contents, errors } = document;
  if (errors.length === 0 && (contents === null || isMap(contents) || (isScalar(contents) && contents.value === null)))
    return document;
  const faults: ConfigFault[] = [];
  readYaml(text, file, 'file', faults);
  throw impossible(
    `${file} has faults, and cannot be changed by a verb:\n${faults.map(formatFault).join('\n')}`,
    'correct the lines above with `statectl config edit`',
  );
}

/** Lists and mappings are compared, and what is the same in both is not touched. */
function settled(text: string, path: SettingPath, value: Plain): string {
  const document = parsed(text);
  const { node, rest } = reach(document, path);
  if (rest.length > 0) return spliceValue(text, document, path, value);
  if (isMap(node) && isMapping(value)) {
    const old = node.items.map(({ key }) => String(isScalar(key) ? key.value : key));
    const set = Object.entries(value).reduce((now, [key, inner]) => settled(now, [...path, key], inner), text);
    return old.filter((key) => !Object.hasOwn(value, key)).reduce((now, key) => removed(now, [...path, key]), set);
  }
  const old = isSeq(node) ? (node.toJS(document) as readonly Plain[]) : undefined;
  if (old && Array.isArray(value)) return withItems(text, path, old, value);
  if (node !== null && isDeepStrictEqual(node.toJS(document), value)) return text;
  return spliceValue(text, document, path, value);
}

function withItems(text: string, path: SettingPath, old: readonly Plain[], items: readonly Plain[]): string {
  const shorter = Math.min(old.length, items.length);
  const differs = (at: number): boolean => !isDeepStrictEqual(old.at(at), items.at(at));
  let head = 0;
  while (head < shorter && !differs(head)) head += 1;
  let tail = 0;
  while (tail < shorter - head && !differs(-1 - tail)) tail += 1;
  let now = text;
  for (let at = head; at < shorter - tail; at += 1) now = settled(now, [...path, String(at)], items[at] as Plain);
  for (let at = old.length - tail - 1; at >= items.length - tail; at -= 1) now = removed(now, [...path, String(at)]);
  for (let at = old.length - tail; at < items.length - tail; at += 1) {
    const { node } = reach(parsed(now), path);
    now = spliceItem(now, node as Collection, String(at), items[at] as Plain);
  }
  return now;
}

const removed = (text: string, path: SettingPath): string => spliceOut(text, parsed(text), path);

const plainOf = (document: Document): Plain => {
  try {
    return isNothing(document.contents as Collection | null) ? {} : (document.toJS() as Plain);
  } catch (error) {
    throw impossible(reasonOf(error));
  }
};

/** What the text must say then. */
function withValue(old: Plain | undefined, [key, ...rest]: SettingPath, value: Plain): Plain {
  if (key === undefined) return value;
  if (Array.isArray(old)) return old.toSpliced(Number(key), 1, withValue(old[Number(key)], rest, value));
  const entries = isMapping(old) ? old : {};
  return { ...entries, [key]: withValue(entryOf(entries, key), rest, value) };
}

function without(old: Plain, [key = '', ...rest]: SettingPath): Plain {
  if (Array.isArray(old))
    return rest.length > 0
      ? old.map((item, at) => (at === Number(key) ? without(item, rest) : item))
      : old.filter((_, at) => at !== Number(key) || !/^\d+$/.test(key));
  if (!isMapping(old) || !Object.hasOwn(old, key)) return old;
  if (rest.length > 0) return { ...old, [key]: without(entryOf(old, key) as Plain, rest) };
  const { [key]: _gone, ...left } = old;
  return left;
}
