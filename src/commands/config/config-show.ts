import type { Command } from 'commander';
import { stringify } from 'yaml';
import { explain } from '../../config/explain.ts';
import { type SettingRow, settingRows, withDefaults } from '../../config/settings/setting-rows.ts';
import { type Origin, type Plain, writePath } from '../../config/tree/tree.ts';
import { asciiTable } from '../ascii-table.ts';
import { print, printContent, printJson, printLine, remark } from '../print.ts';
import {
  type AskedSettings,
  type ConfigOptions,
  cmdlineOption,
  configVerb,
  effectiveSettings,
  jsonOption,
  nodeOption,
} from './config-source.ts';

interface ShowOptions extends ConfigOptions {
  readonly origin?: true;
}

export const configShowVerb = (): Command =>
  configVerb(
    'show',
    'print the settings of a machine, built-in ones included',
    'statectl config show --node print01',
    'statectl config show --origin',
    'statectl config show --origin --cmdline "statectl.set=tmpfs./tmp.size=10% ip=eth0:dhcp"',
  )
    .addOption(nodeOption())
    .addOption(cmdlineOption())
    .option('--origin', 'where each value was said, and what it took the place of')
    .addOption(jsonOption())
    .action(async (options: ShowOptions) => {
      const { settings, config, faults, node, groups, notes, ignored } = await effectiveSettings(options);
      const rows = settingRows(settings);
      if (options.json)
        printJson({
          ...{ node: node?.name, groups, settings: withDefaults(rows), faults, rows: rows.map(rowJson) },
          // The command line is laid over what was checked.
          ...(options.cmdline ? { commandLine: { notes, ignored } } : { config }),
        });
      else if (options.origin) print(originTable(rows));
      else printContent(stringify(withDefaults(rows), { lineWidth: 0 }));
      if (!options.json) tellCommandLine({ notes, ignored });
      if (faults.length + ignored.length > 0) process.exitCode = 1;
    });

export const configExplainVerb = (): Command =>
  configVerb(
    'explain',
    'what a setting is, its default, and who says what it is now',
    'statectl config explain boot.image --node print01',
    'statectl config explain overlays./var',
  )
    .argument('<path>', 'FILE.SETTING, such as server.tries')
    .addOption(nodeOption())
    .addOption(cmdlineOption())
    .addOption(jsonOption())
    .action(async (path: string, options: ConfigOptions) => {
      const { settings, notes, ignored } = await effectiveSettings(options);
      if (ignored.length > 0) process.exitCode = 1;
      const { rows, ...about } = explain(path, settings);
      if (options.json) return printJson({ ...about, rows: rows.map(rowJson) });
      printLine(`${writePath(about.path)}: ${about.description || 'a group of settings'}`);
      print(
        asciiTable([
          ['file', `${about.file}, ${about.override} over it, set: of a group or node`],
          ...(about.accepts.length > 0 ? [['accepts', about.accepts.join(' | ')]] : []),
          ...(about.default === undefined ? [] : [['default', JSON.stringify(about.default)]]),
        ]),
      );
      if (about.below.length > 0)
        print(
          `\nsettings:\n${asciiTable(about.below.map((one) => [`  ${one.key}`, one.default === undefined ? '' : JSON.stringify(one.default), one.description]))}`,
        );
      print(rows.length > 0 ? `\nnow:\n${originTable(rows)}` : '\nnow: nobody says it\n');
      tellCommandLine({ notes: about.path[0] === 'network' ? notes : [], ignored });
    });

/** What a command line says besides settings stands as a comment below them; what a boot would not obey is an error. */
function tellCommandLine({ notes, ignored }: Pick<AskedSettings, 'notes' | 'ignored'>): void {
  for (const note of notes) printLine(`# ${note}`);
  for (const one of ignored) remark(one);
}

const placeOf = ({ layer, file, line, column }: Origin): string => `${file}:${line}:${column} (${layer})`;

function originTable(rows: readonly SettingRow[]): string {
  return asciiTable(
    rows.flatMap(({ path, index, value, origin, superseded, removedBy }) => [
      ...(removedBy
        ? [
            [rowPath(path, index), `taken out: ${shown(value)}`, placeOf(removedBy)],
            ['', '  was said', origin ? placeOf(origin) : 'built-in'],
          ]
        : [[rowPath(path, index), shown(value), origin ? placeOf(origin) : 'built-in']]),
      ...superseded.toReversed().map((old) => ['', `  instead of ${shown(old.value)}`, placeOf(old.origin)]),
    ]),
  );
}

const shown = (value: Plain): string => (typeof value === 'string' && value !== '' ? value : JSON.stringify(value));

const rowPath = (path: SettingRow['path'], index: number | undefined): string =>
  `${writePath(path)}${index === undefined ? '' : `[${index}]`}`;

const rowJson = ({ path, index, ...row }: SettingRow) => ({ path: rowPath(path, index), ...row });
