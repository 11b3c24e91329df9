import { randomBytes } from 'node:crypto';
import { basename, dirname, join } from 'node:path';
import { StatectlError } from '../../../error.ts';
import type { StateFile } from '../../state/kind.ts';
import { branchesIn, LINE } from '../../state/state-folder.ts';
import type { ServerState } from '../server-state.ts';
import { kindsIn, mustExist } from './printers.ts';

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
  await mustBeFree(state, out);
  if (OTHER_ARCHIVE.test(out))
    throw new StatectlError('usage', `${out} is neither a folder nor a plain tar`, {
      hint: 'name a folder, or a file NAME.tar, with --out; a tar can be packed further afterwards',
    });
  // Nobody else's: what goes in the end is ours alone.
  const folder = join(dirname(out), `.${basename(out).slice(0, 32)}-${randomBytes(6).toString('hex')}.partial`);
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
    const made = out.endsWith('.tar') ? await pack(state, folder, out) : folder;
    await mustBeFree(state, out);
    await files.rename(made, out);
  } finally {
    await files.remove(folder);
    await files.remove(tarOf(folder));
  }
  return count;
}

/** Throws `export-exists`. */
async function mustBeFree({ host }: ServerState, out: string): Promise<void> {
  if ((await host.files.stat(out)) === undefined) return;
  throw new StatectlError('export-exists', `${out} is there already`, {
    hint: 'name another with --out, or remove it',
  });
}

const tarOf = (folder: string): string => `${folder}.tar`;

async function writeFile({ host: { files } }: ServerState, path: string, content: StateFile['content']): Promise<void> {
  await files.mkdir(dirname(path), 0o700);
  if (content instanceof Uint8Array) return await files.write(path, content);
  await using stream = await files.appendStream(path);
  for await (const chunk of content) await stream.write(chunk);
  await stream.close();
}

/** Gives where the tar is. */
async function pack({ host: { exec } }: ServerState, folder: string, out: string): Promise<string> {
  const tar = tarOf(folder);
  const { exitCode, stderr } = await exec.run(['tar', '-cf', tar, '-C', folder, '.']);
  if (exitCode === 0) return tar;
  throw new StatectlError('export-failed', `${out} cannot be written: ${stderr.trim()}`, {
    hint: 'is there room for it?',
  });
}
