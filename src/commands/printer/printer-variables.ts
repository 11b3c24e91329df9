import { Command, Option } from 'commander';
import { linuxHost } from '../../host/linux/host.ts';
import { printerVariables } from '../../server/admin/printers/printer-variables.ts';
import { serverState } from '../../server/admin/server-state.ts';
import { asciiTable } from '../ascii-table.ts';
import { jsonOption } from '../config/config-source.ts';
import { print, printJson, remark } from '../print.ts';
import { stateOption } from '../state-option.ts';
import { PRINTER } from './printer-verb.ts';

interface VariablesOptions {
  readonly state: string;
  readonly branch?: string;
  readonly json?: true;
}

const GONE = '(gone)';

/** `statectl printer variables`: what Klipper saved in variables, and what it was before. */
export const variablesVerb = (): Command =>
  new Command('variables')
    .description('what Klipper saved in variables, and with KEY the values that one had')
    .addHelpText(
      'after',
      `
Examples:
  statectl printer variables voron
  statectl printer variables voron filament_loaded`,
    )
    .argument('<printer>', PRINTER)
    .argument('[key]', 'the name of a variable')
    .addOption(new Option('--branch <name>', 'of a branch, instead of the line'))
    .addOption(stateOption())
    .addOption(jsonOption())
    .action(async (printer: string, key: string | undefined, { state, branch, json }: VariablesOptions) => {
      const variables = await printerVariables(serverState(state, linuxHost()), printer, { key, branch });
      if (json) return printJson(variables);
      if (variables.length === 0) return remark(`nothing is saved in variables of ${printer}`);
      if (key === undefined)
        return print(
          asciiTable([
            ['VARIABLE', 'VALUE', 'SINCE', 'VALUES KEPT', 'FILE'],
            ...variables.map(({ item, key: name, literal, values }) => [
              ...[name, literal ?? GONE, values[0]?.at ?? '-', String(values.length), item],
            ]),
          ]),
        );
      print(
        asciiTable([
          ['SINCE', 'VALUE', 'NODE', 'FILE'],
          ...variables.flatMap(({ item, values }) =>
            values.map(({ at, literal, node }) => [at, literal ?? GONE, node, item]),
          ),
        ]),
      );
    });
