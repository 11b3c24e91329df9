import type { z } from 'zod';
import { kindOf, kindsOf, type SettingSchema, settingSchema } from './setting-schema.ts';

/** A setting for a table or a manual page. */
export interface DocumentedSetting {
  /** `tries`, `MOUNTPOINT.size`, `NAME(vlan).id`: a word in capitals stands for a key of the admin's, the kinds in brackets alone have it. */
  readonly name: string;
  readonly description: string;
  /** The default as JSON. */
  readonly usual?: string;
}

/** Every setting of a file, from the schema that checks it, in its order. */
export const documentedSettings = (schema: z.ZodType): readonly DocumentedSetting[] =>
  settingsBelow(settingSchema(schema), '');

/** Every setting below one, each name with the prefix before it. What several kinds of an entry have alike is told once. */
export function settingsBelow(schema: SettingSchema, prefix: string): readonly DocumentedSetting[] {
  const alternatives = kindsOf(schema);
  const kinds = alternatives.flatMap((one) => kindOf(one) ?? []);
  if (kinds.length < 2 || kinds.length < alternatives.length)
    return alternatives.flatMap((one) => propertiesOf(one, prefix));
  const rows = alternatives.flatMap((one) => propertiesOf(one, '').map((row) => ({ row, kind: kindOf(one) ?? '' })));
  const alike = Map.groupBy(rows, ({ row }) => JSON.stringify(row));
  const at = prefix.replace(/\.$/, '');
  const usual = alternatives.map(({ properties }) => properties?.kind?.default).find(Boolean);
  return [
    {
      name: `${prefix}kind`,
      description: kinds.join(', '),
      ...(usual !== undefined && { usual: JSON.stringify(usual) }),
    },
    ...[...alike.values()].flatMap(([first, ...others]) => {
      if (!first) return [];
      const own = [first, ...others].map(({ kind }) => kind);
      const before = own.length === kinds.length ? prefix : `${at}(${own.join(', ')}).`;
      return [{ ...first.row, name: `${before}${first.row.name}` }];
    }),
  ];
}

function propertiesOf(schema: SettingSchema, prefix: string): readonly DocumentedSetting[] {
  const named = Object.entries(schema.properties ?? {}).filter(([, property]) => property.const === undefined);
  const { additionalProperties: entry } = schema;
  return [
    ...named.flatMap(([key, property]) => settingOf(property, `${prefix}${key}`)),
    ...(typeof entry === 'object' ? settingsBelow(entry, `${prefix}${keyWord(schema)}.`) : []),
  ];
}

function settingOf(schema: SettingSchema, name: string): readonly DocumentedSetting[] {
  const inner = settingsBelow(schema, `${name}.`);
  const own = {
    name,
    description: withValues(schema.description ?? '', schema),
    ...(schema.default !== undefined && { usual: JSON.stringify(schema.default) }),
  };
  return inner.length > 0 && own.description === '' ? inner : [own, ...inner];
}

/** A description that leaves a value of an enum unnamed has all of them behind it. */
function withValues(description: string, schema: SettingSchema): string {
  const values = kindsOf(schema).flatMap((one) => one.enum?.map(String) ?? []);
  const isNamed = (value: string): boolean => description.split(/[^A-Za-z0-9_/-]+/).includes(value);
  if (description === '' || values.every(isNamed)) return description;
  return `${description} (${values.slice(0, -1).join(', ')} or ${values.at(-1)})`;
}

/** What the keys of a mapping are, where its schema says so in `title`. */
export const keyWord = ({ propertyNames }: SettingSchema): string => propertyNames?.title ?? 'NAME';
