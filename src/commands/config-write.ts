import { spawnSync } from 'node:child_process';
import type { Command } from 'commander';
import { editValue } from '../config/history/edit-value.ts';
import { History } from '../config/history/history.ts';
import { checkSnapshot } from '../config/load-revision.ts';
import { nearest } from '../config/suggest.ts';
import { writePath } from '../config/tree.ts';
import { reasonOf, StatectlError } from '../error.ts';
import { linuxHost } from '../host/linux/host.ts';
import { asciiTable } from './ascii-table.ts';
import { author, placeIn, readConfigFile, readValue } from './config-change.ts';
import { type ConfigOptions, configVerb, jsonOption, print, printJson } from './config-source.ts';

const openHistory = (dir: string): History => new History(linuxHost(), dir);

interface SetOptions extends ConfigOptions {
  readonly in?: string;
  readonly message?: string;
  readonly remove?: true;
}

export const configSetVerb = (): Command =>
  configVerb(
    'set',
    'set one value in a file: comments stay, the whole is checked, the change is committed',
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
      else print(before === after ? `${file} says that already\n` : `${message}: ${revision.slice(0, 12)}\n`);
    });

export const configEditVerb = (): Command =>
  configVerb('edit', 'open a file in your editor; checked before it counts', 'statectl config edit nodes/print.conf')
    .argument('<file>', 'below config.d')
    .action(async (file: string, { config }: ConfigOptions) => {
      const { files } = linuxHost();
      if (/(^|\/)\.\.?(\/|$)|^\//.test(file))
        throw new StatectlError('file-unknown', `${file} is no name below config.d`);
      const before = await readConfigFile(config, file);
      const draft = `${config}/.git/statectl-edit-${process.pid}${file.replace(/.*(?=\.)/, '')}`;
      const history = openHistory(config);
      await history.settle(checkSnapshot);
      await files.write(draft, before ?? '', { mode: 0o600 });
      try {
        const [program = 'vi', ...words] = (process.env.VISUAL ?? process.env.EDITOR ?? 'editor').split(/\s+/);
        const { status, error } = spawnSync(program, [...words, draft], { stdio: 'inherit' });
        if (error || status !== 0)
          throw new StatectlError(
            'editor-failed',
            `${program} ended with ${error ? error.message : `status ${status}`}; nothing was changed`,
            {
              hint: 'name your editor with EDITOR=nano',
            },
          );
        const after = await files.readText(draft);
        if (after === (before ?? '')) return print('nothing was changed\n');
        const keep = `${config}/${file}.rejected~`;
        const change = { before, after };
        const revision = await history
          .write(file, change, { author: author(), message: `Edit ${file}`, check: checkSnapshot })
          .catch(async (refused: unknown) => {
            await files.write(keep, after);
            throw new StatectlError('config-invalid', `${reasonOf(refused)}\nyour text is in ${keep}`, {
              hint: `correct it there, then: cp ${keep} ${config}/${file}`,
            });
          });
        print(`Edit ${file}: ${revision.slice(0, 12)}\n`);
      } finally {
        await files.remove(draft);
      }
    });

export const configLogVerb = (): Command =>
  configVerb('log', 'who changed what, the newest first', 'statectl config log', 'statectl config log nodes/print.conf')
    .argument('[file]', 'of this file only')
    .option('--limit <n>', 'so many', (text) => Number.parseInt(text, 10), 20)
    .addOption(jsonOption())
    .action(async (file: string | undefined, { config, json, limit }: ConfigOptions & { readonly limit: number }) => {
      const history = openHistory(config);
      const settled = await history.settle(checkSnapshot);
      const revisions = await history.log({ limit, ...(file && { path: file }) });
      if (json) return printJson({ served: settled.revision, revisions });
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
      const history = openHistory(config);
      const id = await history.undo(revision, { author: author(), check: checkSnapshot });
      const [undone] = await history.log({ limit: 1 });
      if (json) printJson({ revision: id, message: undone?.message, files: undone?.files });
      else print(`${undone?.message}: ${id.slice(0, 12)}\n`);
    });

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
