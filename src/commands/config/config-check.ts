import type { Command } from 'commander';
import type { z } from 'zod';
import { checkConfigDir } from '../../config/check/check.ts';
import { formatFault } from '../../config/check/fault.ts';
import { foldFaults, formatChecked } from '../../config/check/fold-faults.ts';
import { PARTS } from '../../config/config-dir.ts';
import { GroupFile, NodeFile } from '../../config/schema/node.ts';
import { CONFIG_FILES } from '../../config/settings/files.ts';
import { settingSchema } from '../../config/settings/setting-schema.ts';
import { entryOf } from '../../entry-of.ts';
import { StatectlError } from '../../error.ts';
import { printJson, printLine, remark } from '../print.ts';
import { type ConfigOptions, configVerb, jsonOption, nodeNamed, nodeOption, readLoaded } from './config-source.ts';

/** Every fault on a line of its own; exit status 1 when there is one. */
export const configCheckVerb = (): Command =>
  configVerb(
    'check',
    'check every file, and what each machine would get',
    'statectl config check',
    'statectl config check --node print01',
  )
    .addOption(nodeOption())
    .option('--all', 'every machine (the default)')
    .addOption(jsonOption())
    .action(async ({ config, node, json }: ConfigOptions) => {
      const { dir, templates } = await readLoaded(config);
      const one = node === undefined ? undefined : nodeNamed(dir, node);
      const report = checkConfigDir(dir, templates, one);
      if (json) printJson(report);
      else {
        const folded = foldFaults(report.faults);
        for (const fault of folded) printLine(formatChecked(fault));
        for (const warning of report.warnings) remark(`perhaps: ${formatFault(warning)}`);
        const count = folded.length;
        remark(
          `${count === 0 ? 'no fault' : `${count} fault${count > 1 ? 's' : ''}`} in ${config}: ${report.files} files, ${report.checked} node${report.checked === 1 ? '' : 's'}`,
        );
      }
      if (report.faults.length > 0) process.exitCode = 1;
    });

/** For editors: yaml-language-server takes `# yaml-language-server: $schema=boot.schema.json` as a first line. */
export const configSchemaVerb = (): Command =>
  configVerb(
    'schema',
    'print the JSON Schema of a file of config.d, for editors',
    'statectl config schema boot > boot.schema.json',
    'statectl config schema > all.json',
  )
    .argument('[part]', `${PARTS.join(', ')}, node or group; default: all of them`)
    .action((part: string | undefined) => {
      const all = {
        ...Object.fromEntries(PARTS.map((one) => [one, CONFIG_FILES[one].schema as z.ZodType])),
        node: NodeFile,
        group: GroupFile,
      };
      if (part === undefined)
        return printJson(
          Object.fromEntries(Object.entries(all).map(([name, schema]) => [name, settingSchema(schema)])),
        );
      const schema = entryOf(all as Record<string, z.ZodType>, part);
      if (!schema)
        throw new StatectlError('schema-unknown', `there is no ${part}`, {
          hint: `there are ${Object.keys(all).join(', ')}`,
        });
      printJson(settingSchema(schema));
    });
