import { z } from 'zod';
import { entryOf } from '../../entry-of.ts';

/** What JSON Schema (2020-12) says of one setting, as far as it is read here. */
export interface SettingSchema {
  readonly title?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly type?: string | readonly string[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly pattern?: string;
  readonly items?: SettingSchema;
  readonly properties?: Readonly<Record<string, SettingSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: SettingSchema | boolean;
  readonly propertyNames?: SettingSchema;
  readonly oneOf?: readonly SettingSchema[];
  readonly anyOf?: readonly SettingSchema[];
  readonly allOf?: readonly SettingSchema[];
}

const made = new WeakMap<z.ZodType, SettingSchema>();

/** The JSON Schema of what an admin writes, made once. */
export function settingSchema(schema: z.ZodType): SettingSchema {
  const known = made.get(schema);
  if (known) return known;
  const json = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as SettingSchema;
  made.set(schema, json);
  return json;
}

const alternatives = (schema: SettingSchema): readonly SettingSchema[] => {
  const below = schema.oneOf ?? schema.anyOf ?? schema.allOf;
  return below ? below.flatMap(alternatives) : [schema];
};

/** Every schema that a value at this path may have; several where an entry may be of several kinds. */
export function schemasAt(schema: SettingSchema, path: readonly PropertyKey[]): readonly SettingSchema[] {
  const [key, ...rest] = path;
  if (key === undefined) return [schema];
  return alternatives(schema).flatMap((one) => {
    const named = entryOf(one.properties, String(key));
    const other = typeof one.additionalProperties === 'object' ? one.additionalProperties : undefined;
    const next = named ?? other ?? (typeof key === 'number' || /^\d+$/.test(String(key)) ? one.items : undefined);
    return next ? schemasAt(next, rest) : [];
  });
}

/** The keys that are known at this path, for "did you mean"; of an entry that says its kind, those of that kind. */
export const keysAt = (schema: SettingSchema, path: readonly PropertyKey[], kind?: unknown): readonly string[] => [
  ...new Set(
    schemasAt(schema, path)
      .flatMap(alternatives)
      .filter((one) => kind === undefined || kindOf(one) === undefined || kindOf(one) === kind)
      .flatMap(({ properties }) => Object.keys(properties ?? {})),
  ),
];

/** One kind of entry among several has this as its `kind`. */
export const kindOf = (schema: SettingSchema): string | undefined => {
  const kind = schema.properties?.kind?.const;
  return typeof kind === 'string' ? kind : undefined;
};

export const kindsOf = (schema: SettingSchema): readonly SettingSchema[] => alternatives(schema);
