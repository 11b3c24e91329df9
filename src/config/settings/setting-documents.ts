import type { z } from 'zod';
import { kindOf, kindsOf, type SettingSchema, settingSchema } from './setting-schema.ts';

/** A setting for a table or a manual page. */
export interface DocumentedSetting {
  /** `tries`, `MOUNTPOINT.size`, `NAME(vlan).id`: a word in capitals stands for a key of the admin's. */
  readonly name: string;
  readonly description: string;
  /** The default as JSON. */
  readonly usual?: string;
}

/** Every setting of a file, from the schema that checks it, in its order. */
export const documentedSettings = (schema: z.ZodType): readonly DocumentedSetting[] =>
  settingsBelow(settingSchema(schema), '');

/** Every setting below one, each name with the prefix before it. */
export function settingsBelow(schema: SettingSchema, prefix: string): readonly DocumentedSetting[] {
  return kindsOf(schema).flatMap((one) => {
    const kind = kindOf(one);
    const at = kind === undefined ? prefix : `${prefix.replace(/\.$/, '')}(${kind}).`;
    const named = Object.entries(one.properties ?? {}).filter(([, property]) => property.const === undefined);
    const { additionalProperties: entry } = one;
    return [
      ...named.flatMap(([key, property]) => settingOf(property, `${at}${key}`)),
      ...(typeof entry === 'object' ? settingsBelow(entry, `${at}${keyWord(one)}.`) : []),
    ];
  });
}

function settingOf(schema: SettingSchema, name: string): readonly DocumentedSetting[] {
  const inner = settingsBelow(schema, `${name}.`);
  const own = {
    name,
    description: schema.description ?? '',
    ...(schema.default !== undefined && { usual: JSON.stringify(schema.default) }),
  };
  return inner.length > 0 && own.description === '' ? inner : [own, ...inner];
}

/** What the keys of a mapping are, where its schema says so in `title`. */
export const keyWord = ({ propertyNames }: SettingSchema): string => propertyNames?.title ?? 'NAME';
