import { STATECTL_ARGUMENTS } from '../src/boot/phases/cmdline.ts';
import { program } from '../src/cli.ts';
import { BOOT_VERBS } from '../src/commands/machine/boot-words.ts';
import { CONFIG_FILES } from '../src/config/settings/files.ts';
import { documentedSettings } from '../src/config/settings/setting-documents.ts';

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

/** Every setting of every file of config.d, from the schemas that check them. */
function settings(): string {
  const rows = Object.values(CONFIG_FILES).flatMap(({ path, schema }) =>
    documentedSettings(schema).map(({ name, usual, description }, index) => [
      index === 0 ? `\`${path}\`` : '',
      `\`${name}\``,
      usual === undefined ? '' : `\`${usual}\``,
      description,
    ]),
  );
  return table(['file', 'setting', 'default', 'meaning'], rows);
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
      if (!make) throw new Error(`docs/reference asks for a table "${name}" that nobody makes`);
      return `${head}${make()}\n${foot}`;
    },
  );
