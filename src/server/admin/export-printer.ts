import { dirname, join } from 'node:path';
import { StatectlError } from '../../error.ts';
import type { StateFile } from '../state/kind.ts';
import { branchesIn, LINE } from '../state/state-folder.ts';
import { kindsIn, mustExist } from './printers.ts';
import type { ServerState } from './server-state.ts';

/** Who writes such a name does not want a folder. */
const OTHER_ARCHIVE = /\.(?:tgz|txz|tbz2?|tzst|gz|xz|bz2|zst|lz4|zip|7z|rar|TAR)$/;

/**
 * Writes all that the server has of a printer as plain files: `line/ITEM/…` and `branches/NAME/ITEM/…`, each as
 * its class has it. To a folder that is not there yet, or to a tar. Gives how many files. Throws `usage`, `printer-unknown`, `export-exists`.
 */
export async function exportPrinter(state: ServerState, printer: string, out: string): Promise<number> {
  const { files } = state.host;
  const store = await state.files();
  await mustExist(store, printer);
  if ((await files.stat(out)) !== undefined)
    throw new StatectlError('export-exists', `${out} is there already`, {
      hint: 'name another with --out, or remove it',
    });
  if (OTHER_ARCHIVE.test(out))
    throw new StatectlError('usage', `${out} is neither a folder nor a plain tar`, {
      hint: 'name a folder, or a file NAME.tar, with --out; a tar can be packed further afterwards',
    });
  const isTar = out.endsWith('.tar');
  const folder = `${out}.partial`;
  await files.remove(folder);
  let count = 0;
  try {
    await files.mkdir(folder, 0o700);
    const branches = (await branchesIn(store, printer)).map((branch) => ({ part: 'branch', branch }) as const);
    // What is no good is looked at where it lies.
    for (const where of [LINE, ...branches]) {
      const part = where.part === 'branch' ? join('branches', where.branch) : where.part;
      for (const { item, kind } of await kindsIn(store, printer, where))
        for await (const { path, content } of kind.export(printer, where, item)) {
          await writeFile(state, join(folder, part, item, path), content);
          count += 1;
        }
    }
    if (isTar) await pack(state, folder, out);
    else await files.rename(folder, out);
  } finally {
    await files.remove(folder);
  }
  return count;
}

async function writeFile({ host: { files } }: ServerState, path: string, content: StateFile['content']): Promise<void> {
  await files.mkdir(dirname(path), 0o700);
  if (content instanceof Uint8Array) return await files.write(path, content);
  await using stream = await files.appendStream(path);
  for await (const chunk of content) await stream.write(chunk);
  await stream.close();
}

async function pack({ host: { exec, files } }: ServerState, folder: string, out: string): Promise<void> {
  const partial = join(dirname(out), `.${out.slice(dirname(out).length + 1)}.partial`);
  const { exitCode, stderr } = await exec.run(['tar', '-cf', partial, '-C', folder, '.']);
  if (exitCode !== 0) {
    await files.remove(partial);
    throw new StatectlError('export-failed', `${out} cannot be written: ${stderr.trim()}`, {
      hint: 'is there room for it?',
    });
  }
  await files.rename(partial, out);
}
