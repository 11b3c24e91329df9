import { program } from '../../src/cli.ts';
import { EXIT_STATUSES } from '../../src/commands/exit-status.ts';
import { BOOT_VERBS } from '../../src/commands/machine/boot-words.ts';
import { STATECTL_ARGUMENTS } from '../../src/config/command-line/statectl-arguments.ts';
import { helpBelow } from './help.ts';
import { table } from './markdown.ts';
import { settingsTable } from './settings.ts';

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

/** What `--help` says of each verb and group. */
const help = (): string =>
  helpBelow(program())
    .map(({ name, help }) => `## ${name}\n\`\`\`\n${help}\n\`\`\``)
    .join('\n\n');

const exitStatuses = (): string =>
  table(
    ['exit status', 'meaning'],
    Object.entries(EXIT_STATUSES).map(([status, meaning]) => [status, meaning]),
  );

const kernelArguments = (): string =>
  table(
    ['argument', 'meaning'],
    Object.entries(STATECTL_ARGUMENTS).map(([name, meaning]) => [`\`${name}=\``, meaning]),
  );

const TABLES: Readonly<Record<string, () => string>> = {
  verbs,
  help,
  'exit-statuses': exitStatuses,
  settings: settingsTable,
  'kernel-arguments': kernelArguments,
};

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
