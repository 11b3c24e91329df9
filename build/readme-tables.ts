import { z } from 'zod';
import { STATECTL_ARGUMENTS } from '../src/boot/phases/cmdline.ts';
import { program } from '../src/cli.ts';
import { BOOT_VERBS } from '../src/commands/boot-words.ts';
import { CONFIG_FILES } from '../src/config/files.ts';

const row = (...cells: readonly string[]): string =>
  `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`;
const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [row(...head), row(...head.map(() => '---')), ...rows.map((cells) => row(...cells))].join('\n');

/** `statectl VERB …` with what each is for, from the program itself. */
function verbs(): string {
  const admin = program().commands.flatMap((command) => {
    if (Object.hasOwn(BOOT_VERBS, command.name())) return [];
    const below = command.commands.filter((child) => child.name() !== 'help');
    if (below.length === 0) return [[`\`${command.name()}\``, command.description()]];
    return below.map((child) => [`\`${command.name()} ${child.name()}\``, child.description()]);
  });
  return table(
    ['verb', 'what it does'],
    [...admin, ...Object.entries(BOOT_VERBS).map(([verb, { summary }]) => [`\`${verb}\``, summary])],
  );
}

interface JsonSchema {
  readonly description?: string;
  readonly default?: unknown;
  readonly type?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: JsonSchema | boolean;
  readonly oneOf?: readonly JsonSchema[];
  readonly anyOf?: readonly JsonSchema[];
}

/** Every setting of every file of config.d, from the schemas that check them. */
function settings(): string {
  const rows = Object.values(CONFIG_FILES).flatMap(({ path, schema }) => {
    const json = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as JsonSchema;
    const entry = json.additionalProperties;
    const keys = typeof entry === 'object' ? entryRows(entry) : propertyRows('', json);
    return keys.map(([key, ...cells], index) => [index === 0 ? `\`${path}\`` : '', `\`${key}\``, ...cells]);
  });
  return table(['file', 'setting', 'default', 'meaning'], rows);
}

const propertyRows = (prefix: string, schema: JsonSchema): readonly (readonly [string, string, string])[] =>
  Object.entries(schema.properties ?? {})
    .filter(([, property]) => property.const === undefined)
    .map(([key, property]) => [
      prefix + key,
      property.default === undefined ? '' : `\`${JSON.stringify(property.default)}\``,
      property.description ?? '',
    ]);

/** A file whose keys are mount points: the settings of one, and of each kind where there are several. */
function entryRows(entry: JsonSchema): readonly (readonly [string, string, string])[] {
  const kinds = entry.oneOf ?? entry.anyOf;
  if (!kinds) return propertyRows('MOUNTPOINT: ', entry);
  return kinds.flatMap((kind) => propertyRows(`MOUNTPOINT (${String(kind.properties?.kind?.const)}): `, kind));
}

const kernelArguments = (): string =>
  table(
    ['argument', 'meaning'],
    Object.entries(STATECTL_ARGUMENTS).map(([name, meaning]) => [`\`${name}=\``, meaning]),
  );

const TABLES: Readonly<Record<string, () => string>> = { verbs, settings, 'kernel-arguments': kernelArguments };

/** The text with every table between `<!-- table: NAME -->` and `<!-- end -->` made anew. */
export const withTables = (text: string): string =>
  text.replace(
    /(<!-- table: ([a-z-]+) -->\n)[\s\S]*?(<!-- end -->)/g,
    (_, head: string, name: string, foot: string) => {
      const make = TABLES[name];
      if (!make) throw new Error(`README.md asks for a table "${name}" that nobody makes`);
      return `${head}${make()}\n${foot}`;
    },
  );
