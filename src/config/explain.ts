import { StatectlError } from '../error.ts';
import { nearest } from './check/suggest.ts';
import { PARTS, type Part } from './config-dir.ts';
import { CONFIG_FILES } from './settings/files.ts';
import { isLater } from './settings/later-settings.ts';
import { keyWord, settingsBelow } from './settings/setting-documents.ts';
import { type SettingRow, settingRows } from './settings/setting-rows.ts';
import { keysAt, kindOf, kindsOf, type SettingSchema, schemasAt, settingSchema } from './settings/setting-schema.ts';
import { type Mapping, parsePath, type SettingPath, writePath } from './tree/tree.ts';

/** What a setting is, and who says what it is now. */
export interface Explanation {
  readonly path: SettingPath;
  readonly file: string;
  readonly override: string;
  readonly description: string;
  readonly accepts: readonly string[];
  readonly default?: unknown;
  /** Those of its settings, for one that has some. */
  readonly below: readonly { readonly key: string; readonly description: string; readonly default?: unknown }[];
  readonly rows: readonly SettingRow[];
}

/** Throws `setting-unknown`, with what was probably meant. */
export function explain(text: string, settings: Mapping): Explanation {
  const path = parsePath(text);
  const part = path?.[0];
  if (path === undefined || !isPart(part)) throw unknown(text, part ?? text, PARTS, [], path);
  const root = settingSchema(CONFIG_FILES[part].schema);
  const rest = path.slice(1);
  const schemas = schemasAt(root, rest);
  if (schemas.length === 0) {
    const wrong = rest.findIndex((_, index) => schemasAt(root, rest.slice(0, index + 1)).length === 0);
    throw unknown(text, rest[wrong] ?? '', keysAt(root, rest.slice(0, wrong)), path.slice(0, wrong + 1));
  }
  const { path: file, override } = CONFIG_FILES[part];
  const usual =
    schemas.find((schema) => schema.default !== undefined) ?? (rest.length === 0 ? { default: {} } : undefined);
  return {
    path,
    file,
    override,
    description: [
      schemas.map(({ description }) => description).find(Boolean) ?? '',
      isLater(part, rest.join('.')) ? 'no machine obeys it in this version' : '',
    ]
      .filter(Boolean)
      .join('; '),
    accepts: [...new Set(schemas.flatMap(acceptsOf))],
    ...(usual && { default: usual.default }),
    below: schemas.flatMap(belowOf),
    rows: settingRows(settings).filter((row) => path.every((key, index) => row.path[index] === key)),
  };
}

const isPart = (text: string | undefined): text is Part => (PARTS as readonly (string | undefined)[]).includes(text);

function unknown(
  text: string,
  key: string,
  known: readonly string[],
  above: SettingPath,
  whole: SettingPath = [],
): StatectlError {
  const part = partOfFile(text);
  const within = whole.length > 0 ? PARTS.filter((one) => hasSetting(one, whole)) : [];
  const meant = nearest(key, known);
  return new StatectlError('setting-unknown', `there is no setting ${text}`, {
    hint: part
      ? `did you mean ${part}?`
      : within.length > 0
        ? `did you mean ${within.map((one) => writePath([one, ...whole])).join(' or ')}?`
        : meant
          ? `did you mean ${writePath([...above, meant])}?`
          : `${above.length > 0 ? `${writePath(above)} has` : 'there are'} ${known.join(', ') || 'no settings below it'}`,
  });
}

/** By its own name, as its file has it: not as the entry of somebody. */
const hasSetting = (part: Part, path: SettingPath): boolean => {
  const root = settingSchema(CONFIG_FILES[part].schema);
  return path.every((key, index) => keysAt(root, path.slice(0, index)).includes(key));
};

/** `system/boot.conf`, `boot.conf` and `cboot.conf` hold `boot`. */
const partOfFile = (text: string): Part | undefined =>
  PARTS.find((part) => {
    const { path, override } = CONFIG_FILES[part];
    return [path, override].some((file) => file === text || file.endsWith(`/${text}`));
  });

function acceptsOf(schema: SettingSchema): readonly string[] {
  return kindsOf(schema).flatMap((one) => {
    if (one.const !== undefined) return [String(one.const)];
    if (one.enum) return one.enum.map(String);
    if (kindOf(one)) return [`kind: ${kindOf(one)}`];
    // An entry for each key of the admin's; what an entry has is listed below.
    if (typeof one.additionalProperties === 'object') return [entryOf(one, one.additionalProperties)];
    // A group of settings that are listed.
    if (one.properties) return [];
    if (one.type === 'array')
      return [`a list${one.items ? ` of ${acceptsOf(one.items).join(' | ') || 'entries'}` : ''}`];
    return one.type ? [one.type].flat() : [];
  });
}

const entryOf = (schema: SettingSchema, entry: SettingSchema): string => {
  const kinds = kindsOf(entry).some(({ properties }) => properties) ? [] : acceptsOf(entry);
  return `${keyWord(schema)}: ${kinds.join(' | ') || 'an entry of the settings below'}`;
};

const belowOf = (schema: SettingSchema): Explanation['below'] =>
  settingsBelow(schema, '').map(({ name, description, usual }) => ({
    key: name,
    description,
    ...(usual !== undefined && { default: JSON.parse(usual) }),
  }));
