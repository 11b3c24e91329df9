import { type Command, Option } from 'commander';
import { StatectlError } from '../../error.ts';
import {
  type ConfigChoice,
  configConflicts,
  configDiff,
  configLog,
  conflictDiff,
  rollBackConfig,
  settleConflict,
} from '../../server/admin/printers/printer-configs.ts';
import { asciiTable } from '../ascii-table.ts';
import { author, someRevisions } from '../config/config-change.ts';
import { print, printJson, printLine, remark } from '../print.ts';
import { onServer, PRINTER, type PrinterOptions, stateOf } from './printer-verb.ts';

interface ConfigOptions extends PrinterOptions {
  readonly item?: string;
}

const onConfig = (name: string, description: string, ...examples: readonly string[]): Command =>
  onServer(name, description, ...examples)
    .argument('<printer>', PRINTER)
    .addOption(new Option('--item <name>', 'which folder of the printer, where it has more than one; default: config'));

const REVISION = 'as `statectl printer log` has it';

const choiceOf = (printer: string, { item }: ConfigOptions): ConfigChoice => ({
  printer,
  ...(item !== undefined && { item }),
});

export const logVerb = (): Command =>
  onConfig(
    'log',
    "what changed in a printer's config, who did it, and what SAVE_CONFIG wrote",
    'statectl printer log voron',
  )
    .argument('[file]', 'only what changed this file')
    .addOption(new Option('--limit <count>', 'so many at most').argParser(someRevisions).default(20))
    .action(async (printer: string, path: string | undefined, options: ConfigOptions & { readonly limit: number }) => {
      const { limit } = options;
      const revisions = await configLog(stateOf(options), choiceOf(printer, options), {
        limit,
        ...(path !== undefined && { path }),
      });
      if (options.json) return printJson(revisions);
      if (revisions.length === 0)
        return remark(`nothing of ${path ?? 'the config'} of ${printer} was ever changed here`);
      const rows = revisions.map(({ id, time, author: who, message }) => [
        id.slice(0, 12),
        time,
        who,
        message.split('\n')[0] ?? '',
      ]);
      print(asciiTable([['REVISION', 'TIME', 'AUTHOR', 'WHAT'], ...rows]));
    });

export const diffVerb = (): Command =>
  onConfig(
    'diff',
    "what two revisions of a printer's config differ in: the last and the one before, one and the last, or two",
    'statectl printer diff voron',
    'statectl printer diff voron 3f2a91c0aa11',
  )
    .argument('[from]', REVISION)
    .argument('[to]', 'a later one; default: what the config is now')
    .action(async (printer: string, from: string | undefined, to: string | undefined, options: ConfigOptions) => {
      const revisions = [from, to].filter((one) => one !== undefined);
      const diff = await configDiff(stateOf(options), choiceOf(printer, options), revisions);
      if (options.json) printJson({ diff });
      else print(diff);
    });

export const rollbackVerb = (): Command =>
  onConfig(
    'rollback',
    "make a printer's config what it was at a revision; the printer is given it while it does not print, and reads it at its next RESTART",
    'statectl printer rollback voron 3f2a91c0aa11',
  )
    .argument('<revision>', REVISION)
    .action(async (printer: string, revision: string, options: ConfigOptions) => {
      const made = await rollBackConfig(stateOf(options), choiceOf(printer, options), revision, author());
      if (options.json) return printJson({ printer, revision: made ?? null });
      printLine(
        made === undefined
          ? `the config of ${printer} is that already`
          : `the config of ${printer} is as it was at ${revision} (${made.slice(0, 12)})`,
      );
    });

export const conflictsVerb = (): Command =>
  onConfig(
    'conflicts',
    "what was changed on a printer and on the server at once: the printer's counts, the other is kept as a branch",
    'statectl printer conflicts voron',
    'statectl printer conflicts voron conflict/20261130T061706Z          what the server had there',
    'statectl printer conflicts voron conflict/20261130T061706Z --done   it was seen to',
  )
    .argument('[conflict]', 'one of them, to see what the server had there; default: which there are')
    .addOption(new Option('--done', 'forget this one; what it names stays in the history'))
    .action(async (printer: string, branch: string | undefined, options: ConfigOptions & { readonly done?: true }) => {
      const [state, choice] = [stateOf(options), choiceOf(printer, options)];
      if (branch === undefined) {
        if (options.done)
          throw new StatectlError('usage', 'which conflict is settled?', {
            hint: `\`statectl printer conflicts ${printer}\` names them`,
          });
        const all = await configConflicts(state, choice);
        if (options.json) return printJson(all);
        if (all.length === 0) return remark(`${printer} has no conflict`);
        return print(
          asciiTable([['CONFLICT', 'TIME', 'FILES'], ...all.map((one) => [one.branch, one.at, one.paths.join(', ')])]),
        );
      }
      if (options.done) {
        await settleConflict(state, choice, branch);
        if (options.json) printJson({ printer, settled: branch });
        else printLine(`${branch} is settled`);
        return;
      }
      const diff = await conflictDiff(state, choice, branch);
      if (options.json) printJson({ diff });
      else print(diff);
    });
