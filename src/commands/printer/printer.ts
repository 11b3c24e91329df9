import { resolve } from 'node:path';
import { Argument, Command, Option } from 'commander';
import { StatectlError } from '../../error.ts';
import { linuxHost } from '../../host/linux/host.ts';
import { formatSize } from '../../image/format-size.ts';
import { exportPrinter } from '../../server/admin/printers/export-printer.ts';
import { dropBranch, listBranches, listPrinters, takeBranch } from '../../server/admin/printers/printers.ts';
import { checkGeneration, MOONRAKER } from '../../server/state/snapshot/check-generation.ts';
import { asciiTable } from '../ascii-table.ts';
import { jsonOption } from '../config/config-source.ts';
import { print, printJson, printLine, remark } from '../print.ts';
import { shownMinute } from '../shown-minute.ts';
import { conflictsVerb, diffVerb, logVerb, rollbackVerb } from './printer-config.ts';
import { variablesVerb } from './printer-variables.ts';
import { onServer, PRINTER, type PrinterOptions, stateOf, verb } from './printer-verb.ts';

const BRANCH = 'its name, as `statectl printer branches` has it';

const listVerb = (): Command =>
  onServer(
    'list',
    'the printers whose state this server has, and who goes on with each',
    'statectl printer list',
  ).action(async (options: PrinterOptions) => {
    const printers = await listPrinters(stateOf(options));
    if (options.json) return printJson(printers);
    if (printers.length === 0) return remark('no machine has asked this server for the state of a printer yet');
    const rows = printers.map(({ printer, node = '-', line, branches, apart, bytes }) => [
      printer,
      node,
      line.map(({ item, standing }) => (standing === undefined ? item : `${item} (${standing})`)).join(', ') ||
        'nothing yet',
      // A volume that was not made yet is of no time.
      line
        .filter(({ at }) => Date.parse(at) > 0)
        .map(({ at }) => shownMinute(at))
        .toSorted()
        .at(-1) ?? '-',
      String(branches.length),
      apart.map(({ item, kept }) => `${kept} of ${item}`).join(', ') || '-',
      formatSize(bytes),
    ]);
    print(asciiTable([['PRINTER', 'NODE', 'LINE', 'NEWEST', 'BRANCHES', 'NO GOOD', 'SIZE'], ...rows]));
  });

const branchesVerb = (): Command =>
  onServer('branches', 'what was shipped and does not go on with the line', 'statectl printer branches voron')
    .argument('<printer>', PRINTER)
    .action(async (printer: string, options: PrinterOptions) => {
      const branches = await listBranches(stateOf(options), printer);
      if (options.json) return printJson(branches);
      if (branches.length === 0) return remark(`${printer} has no branch`);
      const rows = branches.map(({ branch, node, why, at, bytes, items }) => [
        branch,
        node,
        shownMinute(at),
        formatSize(bytes),
        items.map(({ item, lacking }) => (lacking?.length ? `${item} (${lacking.join(' ')})` : item)).join(', '),
        why,
      ]);
      print(asciiTable([['BRANCH', 'NODE', 'LAST SHIPPED', 'SIZE', 'HAS (THE LINE LACKS)', 'WHY'], ...rows]));
    });

const takeVerb = (): Command =>
  onServer(
    'take',
    'make a branch the newest of the line: the next boot gets it; what the line had stays in its history',
    'statectl printer take voron 20261130-print01-3f2a91c0',
  )
    .argument('<printer>', PRINTER)
    .argument('<branch>', BRANCH)
    .action(async (printer: string, branch: string, options: PrinterOptions) => {
      const taken = await takeBranch(stateOf(options), printer, branch);
      if (options.json) return printJson(taken);
      const came = taken.filter((one) => 'takenFrom' in one).map(({ item }) => item);
      if (came.length > 0)
        printLine(
          `${branch} is the newest of ${printer} (${came.join(', ')}): its next boot gets it; databases and variables of what runs now go on as a branch`,
        );
      for (const one of taken) if ('byHand' in one) printLine(`${one.item} is not on the line: ${one.byHand}`);
      if (came.length < taken.length) process.exitCode = 1;
    });

const dropVerb = (): Command =>
  onServer('drop', 'forget a branch, and all that is in it', 'statectl printer drop voron 20261130-print01-3f2a91c0')
    .argument('<printer>', PRINTER)
    .argument('<branch>', BRANCH)
    .action(async (printer: string, branch: string, options: PrinterOptions) => {
      await dropBranch(stateOf(options), printer, branch);
      if (options.json) printJson({ printer, dropped: branch });
      else printLine(`${branch} is gone`);
    });

const exportVerb = (): Command =>
  onServer(
    'export',
    'all that the server has of a printer as plain files, line and branches',
    'statectl printer export voron --out voron',
    'statectl printer export voron --out voron.tar',
  )
    .argument('<printer>', PRINTER)
    .addOption(
      new Option('--out <path>', 'needed: a folder that is not there yet, or a file NAME.tar')
        .argParser((text: string) => resolve(text))
        .makeOptionMandatory(),
    )
    .action(async (printer: string, options: PrinterOptions & { readonly out: string }) => {
      const files = await exportPrinter(stateOf(options), printer, options.out);
      if (options.json) printJson({ printer, out: options.out, files });
      else printLine(`${options.out} has ${files} ${files === 1 ? 'file' : 'files'} of ${printer}`);
    });

interface CheckOptions {
  readonly file?: readonly string[];
  readonly table?: readonly string[];
  readonly with?: readonly string[];
  readonly json?: true;
}

const named = (flags: string, description: string): Option =>
  new Option(flags, description).argParser((text: string, before: readonly string[] = []) => [...before, text]);

const GENERATION = 'name the tar of a generation: STATE/state/PRINTER/line/ITEM/ID.tar';

const checkVerb = (): Command =>
  verb(
    'check',
    'look whether a generation, a tar as a print host ships it, is good',
    'statectl printer check 00000042-20261130T061706Z.tar',
  )
    .addArgument(new Argument('<file>', 'STATE/state/PRINTER/line/ITEM/ID.tar'))
    .addOption(named('--file <name>', 'a database that it must have; default: that of Moonraker'))
    .addOption(named('--table <name>', 'a table without which a database is no good'))
    .addOption(named('--with <name>', 'a small file that may lie beside them'))
    .addOption(jsonOption())
    .action(async (path: string, { file = [], table = [], with: beside = [], json }: CheckOptions) => {
      const shape = file.length > 0 ? { files: file, tables: table, with: beside } : MOONRAKER;
      if ((await linuxHost().files.stat(path)) === undefined)
        throw new StatectlError('file-unknown', `there is no ${path}`, { hint: GENERATION });
      const checked = await checkGeneration(resolve(path), shape);
      if (json) printJson(checked);
      else printLine('fault' in checked ? `${path} is no good: ${checked.fault}` : `${path} is good`);
      if ('fault' in checked && !json && !path.endsWith('.tar')) remark(`→ ${GENERATION}`);
      if ('fault' in checked) process.exitCode = 1;
    });

/** `statectl printer`: the states of print hosts, on the server. */
export const printerCommand = (): Command =>
  new Command('printer')
    .description('the states of print hosts, kept below the state directory of the server')
    .addCommand(listVerb())
    .addCommand(branchesVerb())
    .addCommand(takeVerb())
    .addCommand(dropVerb())
    .addCommand(logVerb())
    .addCommand(diffVerb())
    .addCommand(rollbackVerb())
    .addCommand(conflictsVerb())
    .addCommand(exportVerb())
    .addCommand(variablesVerb())
    .addCommand(checkVerb())
    .addHelpText(
      'after',
      `
Examples:
  statectl printer list                                          who goes on with which, and what is in branches
  statectl printer branches voron                                what was shipped beside the line
  statectl printer log voron                                     what SAVE_CONFIG and people changed in its config
  statectl printer export voron --out voron.tar                  all of it as plain files`,
    );
