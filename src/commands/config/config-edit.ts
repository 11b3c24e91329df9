import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { tmpdir } from 'node:os';
import { basename, dirname } from 'node:path/posix';
import type { Command } from 'commander';
import { History, needsFileName } from '../../config/history/history.ts';
import { checkSnapshot } from '../../config/load-revision.ts';
import { entryOf } from '../../entry-of.ts';
import { reasonOf, StatectlError } from '../../error.ts';
import { linuxHost } from '../../host/linux/host.ts';
import { ownersHost } from '../../host/owners-host.ts';
import { START_FAILURES } from '../../host/program-error.ts';
import { printLine } from '../print.ts';
import { author, readConfigFile } from './config-change.ts';
import { type ConfigOptions, configVerb, needsFolder } from './config-source.ts';

export const configEditVerb = (): Command =>
  configVerb('edit', 'open a file in your editor; checked before it counts', 'statectl config edit nodes/print.conf')
    .argument('<file>', 'below config.d')
    .action(async (file: string, { config }: ConfigOptions) => {
      const { files } = linuxHost();
      needsFileName(file);
      await needsFolder(config);
      const before = await readConfigFile(config, file);
      const history = new History(linuxHost(), config);
      await history.settle(checkSnapshot);
      await history.needsBranch();
      // Not in config.d: what an editor that is root's writes beside its file must be in nobody else's folder.
      const folder = `${tmpdir()}/statectl-edit-${randomUUID()}`;
      const draft = `${folder}/${basename(file)}`;
      await files.mkdir(folder, 0o700);
      let kept: string | undefined;
      try {
        await files.write(draft, before ?? '', { mode: 0o600 });
        edit(draft);
        const after = await files.readText(draft);
        if (after === (before ?? '')) return printLine('nothing was changed');
        const revision = await history
          .write(file, { before, after }, { author: author(), message: `Edit ${file}`, check: checkSnapshot })
          .catch(async (refused: unknown) => {
            kept = await keepText(config, file, after).catch(() => draft);
            throw new StatectlError('config-invalid', `${reasonOf(refused)}\nyour text is in ${kept}`, {
              hint: `correct it there, then: cp ${kept} ${config}/${file}`,
            });
          });
        printLine(`Edit ${file}: ${revision.slice(0, 12)}`);
      } finally {
        if (kept !== draft) await files.remove(folder);
      }
    });

/** Lets the person edit it. Throws `editor-failed`. */
function edit(draft: string): void {
  // Empty variables count as none.
  const { VISUAL = '', EDITOR = '' } = process.env;
  const [program = '', ...words] = (VISUAL.trim() || EDITOR.trim() || 'editor').split(/\s+/);
  const { status, signal, error } = spawnSync(program, [...words, draft], { stdio: 'inherit' });
  if (!error && status === 0) return;
  const code = (error as NodeJS.ErrnoException | undefined)?.code ?? '';
  const why = error
    ? (entryOf(START_FAILURES, code) ?? error.message)
    : signal
      ? `ended by ${signal}`
      : `status ${status}`;
  throw new StatectlError('editor-failed', `the editor ${program}: ${why}; nothing was changed`, {
    hint: 'name your editor with EDITOR=nano',
  });
}

/** What a person typed is never lost: where it is now. Throws where config.d takes nothing, its disk being full. */
async function keepText(config: string, file: string, text: string): Promise<string> {
  const { files } = ownersHost(linuxHost(), config);
  const keep = `${config}/${file}.rejected~`;
  await files.mkdir(dirname(keep));
  await files.write(keep, text);
  return keep;
}
