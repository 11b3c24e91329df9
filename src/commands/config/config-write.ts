import type { Command } from 'commander';
import { formatFault } from '../../config/check/fault.ts';
import { nearest } from '../../config/check/suggest.ts';
import { editValue } from '../../config/history/edit-value.ts';
import { History, needsFileName } from '../../config/history/history.ts';
import { checkSnapshot } from '../../config/load-revision.ts';
import { writePath } from '../../config/tree/tree.ts';
import { StatectlError } from '../../error.ts';
import { linuxHost } from '../../host/linux/host.ts';
import { asciiTable } from '../ascii-table.ts';
import { print, printJson, printLine, remark } from '../print.ts';
import { author, placeIn, readConfigFile, readValue, someRevisions } from './config-change.ts';
import { type ConfigOptions, configVerb, jsonOption, needsFolder } from './config-source.ts';

const openHistory = (dir: string): History => new History(linuxHost(), dir);

interface SetOptions extends ConfigOptions {
  readonly in?: string;
  readonly message?: string;
  readonly remove?: true;
}

export const configSetVerb = (): Command =>
  configVerb(
    'set',
    'set one value in a file: no other line changes, the whole is checked, the change is committed',
    'statectl config set server.tries 5',
    'statectl config set boot.image klipper@3 --in nodes/print.conf',
    'statectl config set tmpfs./scratch --remove',
  )
    .argument('<path>', 'FILE.SETTING, such as server.tries')
    .argument('[value]', 'YAML, as in the file: 5, [a, b], { size: 10% }')
    .option('--in <file>', 'the file below config.d; default: the one that is named so')
    .option('--remove', 'take the setting out of the file')
    .option('--message <text>', 'for the history')
    .addOption(jsonOption())
    .action(async (text: string, value: string | undefined, options: SetOptions) => {
      if ((value === undefined) === (options.remove === undefined))
        throw new StatectlError('value-missing', 'say a value, or --remove', {
          hint: `statectl config set ${text} VALUE`,
        });
      const { file, inFile } = placeIn(text, options.in);
      await needsFolder(options.config);
      const before = await readConfigFile(options.config, file);
      if (before === undefined && file.startsWith('nodes/')) throw await noSuchFile(options.config, file);
      const after = editValue(before ?? '', inFile, options.remove ? undefined : readValue(value as string), file);
      const message =
        options.message ??
        `${options.remove ? 'Remove' : 'Set'} ${text}${options.remove ? '' : ` to ${value}`} in ${file}`;
      const revision = await openHistory(options.config).write(
        file,
        { before, after },
        { author: author(), message, check: checkSnapshot },
      );
      if (options.json) printJson({ file, path: writePath(inFile), revision, changed: before !== after });
      else printLine(before === after ? `${file} says that already` : `${message}: ${revision.slice(0, 12)}`);
    });

export const configLogVerb = (): Command =>
  configVerb('log', 'who changed what, the newest first', 'statectl config log', 'statectl config log nodes/print.conf')
    .argument('[file]', 'of this file only')
    .option('--limit <n>', 'so many', someRevisions, 20)
    .addOption(jsonOption())
    .action(async (file: string | undefined, { config, json, limit }: ConfigOptions & { readonly limit: number }) => {
      if (file !== undefined) needsFileName(file);
      await needsFolder(config);
      const history = openHistory(config);
      const settled = await history.settle(checkSnapshot);
      const revisions = await history.log({ limit, ...(file && { path: file }) });
      if (revisions.length === 0 && file !== undefined) throw await noSuchRevision(history, file);
      if (json) return printJson({ served: settled.revision, revisions });
      for (const fault of settled.faults) remark(formatFault(fault));
      if (settled.state === 'faulty') remark('→ until they are corrected, these edits are in no revision');
      print(
        asciiTable(
          revisions.map(({ id, time, author: who, message }) => [
            id.slice(0, 12),
            time.slice(0, 16).replace('T', ' '),
            who,
            message.split('\n')[0] ?? '',
            id === settled.revision ? '(what machines get)' : '',
          ]),
        ),
      );
    });

export const configUndoVerb = (): Command =>
  configVerb('undo', 'take a change back, by a new commit', 'statectl config undo', 'statectl config undo 1a2b3c4d5e6f')
    .argument('[revision]', 'default: the last', 'HEAD')
    .addOption(jsonOption())
    .action(async (revision: string, { config, json }: ConfigOptions) => {
      await needsFolder(config);
      const history = openHistory(config);
      const id = await history.undo(revision, { author: author(), check: checkSnapshot });
      const [undone] = await history.log({ limit: 1 });
      if (json) printJson({ revision: id, message: undone?.message, files: undone?.files });
      else printLine(`${undone?.message}: ${id.slice(0, 12)}`);
    });

async function noSuchRevision(history: History, file: string): Promise<StatectlError> {
  const known = (await history.log({ limit: 1_000 })).flatMap(({ files }) => files);
  const meant = nearest(file, known);
  return new StatectlError('file-unknown', `no revision has ${file}`, {
    hint: meant ? `did you mean ${meant}?` : '`statectl config log` without a file tells of all',
  });
}

/** A misspelt name would make a machine that nobody has. */
async function noSuchFile(config: string, file: string): Promise<StatectlError> {
  const names = (
    await linuxHost()
      .files.list(`${config}/nodes`)
      .catch(() => [])
  ).map((name) => `nodes/${name}`);
  const meant = nearest(file, names);
  return new StatectlError('file-unknown', `there is no ${file}`, {
    hint: meant ? `did you mean ${meant}?` : 'statectl node add NAME makes one',
  });
}
