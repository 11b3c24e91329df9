import { type Argument, Command, type Option } from 'commander';
import { STATECTL_ARGUMENTS } from '../config/command-line/statectl-arguments.ts';
import { PARTS } from '../config/config-dir.ts';
import { CONFIG_FILES } from '../config/settings/files.ts';
import { type DocumentedSetting, documentedSettings } from '../config/settings/setting-documents.ts';
import { linuxHost } from '../host/linux/host.ts';
import { VERSION } from '../version.ts';
import { EXIT_STATUSES } from './exit-status.ts';
import { documentNames, documentText } from './manual-pages.ts';
import { printContent } from './print.ts';

/** roff(7): a backslash and a leading dot or quote are its own. */
const roff = (text: string): string =>
  text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(/^([.'])/gm, '\\&$1');
const bold = (text: string): string => `\\fB${roff(text)}\\fR`;

const section = (title: string, ...lines: readonly string[]): readonly string[] => [`.SH ${title}`, ...lines];
const item = (head: string, text: string): readonly string[] => ['.TP', head, roff(text)];

const head = (name: string, number: number, title: string): readonly string[] => [
  `.TH ${name.toUpperCase()} ${number} "" "statectl ${VERSION}" "${title}"`,
];

/** statectl(1), from the program. */
export function commandManual(program: Command): string {
  return page([
    ...head('statectl', 1, 'User Commands'),
    ...section('NAME', `statectl \\- ${roff(program.description())}`),
    ...section('SYNOPSIS', `${bold('statectl')} \\fIverb\\fR [\\fIoptions\\fR]`),
    ...section('VERBS'),
    ...program.commands.flatMap((command) => verbLines(command, 'statectl')),
    ...section('KERNEL ARGUMENTS'),
    ...Object.entries(STATECTL_ARGUMENTS).flatMap(([name, text]) => item(bold(`${name}=`), text)),
    ...section('EXIT STATUS'),
    ...Object.entries(EXIT_STATUSES).flatMap(([status, text]) => item(bold(status), text)),
    ...section('SEE ALSO', `${bold('statectl.conf')}(5)`),
  ]);
}

function verbLines(command: Command, prefix: string): readonly string[] {
  const name = `${prefix} ${command.name()}`;
  const below = command.commands.filter((child) => child.name() !== 'help');
  if (below.length > 0) return below.flatMap((child) => verbLines(child, name));
  const words = command.registeredArguments.map(argumentWord).join(' ');
  const options = command.options.filter(({ hidden }) => !hidden);
  return [
    `.SS "${roff(`${name} ${words}`.trim())}"`,
    roff(sentence(command.description())),
    ...options.flatMap((option) => item(bold(option.flags), optionText(option))),
  ];
}

const argumentWord = (argument: Argument): string =>
  argument.required ? `<${argument.name()}>` : `[${argument.name()}]`;

function optionText({ description, defaultValue, defaultValueDescription, argChoices }: Option): string {
  const usual = defaultValueDescription ?? (typeof defaultValue === 'string' ? defaultValue : undefined);
  return [
    description,
    ...(argChoices ? [`one of ${argChoices.join(', ')}`] : []),
    ...(usual === undefined ? [] : [`default: ${usual}`]),
  ].join('; ');
}

/** statectl.conf(5), the files of config.d, from their schemas. */
export function configManual(): string {
  return page([
    ...head('statectl.conf', 5, 'File Formats'),
    ...section('NAME', 'statectl.conf \\- the files of config.d'),
    ...section(
      'DESCRIPTION',
      roff(
        'YAML 1.2. A later layer wins over an earlier one: built-in values, NAME.conf, controller/cNAME.conf, the groups of a node in order, the node, statectl.set=PATH=VALUE on the kernel command line.',
      ),
      '.PP',
      roff(
        'Of a scalar the last one wins. Lists are put together; ~item takes an item out, ~key: a key. !replace before a list or mapping, and an entry with a kind or a source, begin it anew.',
      ),
    ),
    ...PARTS.flatMap((part) => {
      const { path, override, schema } = CONFIG_FILES[part];
      return [
        ...section(`"${path}"`, roff(sentence(schema.description ?? '')), `Over it: ${bold(override)}.`),
        ...documentedSettings(schema).flatMap((setting) => item(bold(setting.name), settingText(setting))),
      ];
    }),
    ...section('SEE ALSO', `${bold('statectl')}(1)`),
  ]);
}

const settingText = ({ description, usual }: DocumentedSetting): string =>
  usual === undefined ? description : `${description}; default: ${usual}`;

const sentence = (text: string): string => (text === '' ? '' : `${text[0]?.toUpperCase()}${text.slice(1)}.`);

const page = (lines: readonly string[]): string => `${lines.filter((line) => line !== '').join('\n')}\n`;

const ROFF = ['statectl', 'statectl.conf'] as const;

/** `statectl manual`: the manual pages, for a package or a person with a pager, and the documents of docs/. */
export const manualCommand = (program: () => Command): Command =>
  new Command('manual')
    .description('print a manual page, or a guide')
    .argument('[page]', `${ROFF.join(' or ')}, for man; or a document, such as guide/secrets`, 'statectl')
    .option('--list', 'the names of all pages')
    .action(async (name: string, { list }: { readonly list?: true }) => {
      const host = linuxHost();
      if (list) printContent([...ROFF, ...(await documentNames(host)), ''].join('\n'));
      else if (name === 'statectl') printContent(commandManual(program()));
      else if (name === 'statectl.conf') printContent(configManual());
      else printContent(await documentText(host, name, ROFF));
    })
    .addHelpText(
      'after',
      `
Examples:
  statectl manual | man -l -
  statectl manual statectl.conf > /usr/local/share/man/man5/statectl.conf.5
  statectl manual --list
  statectl manual guide/when-a-boot-fails | less`,
    );
