import { dirname, join } from 'node:path';
import { StatectlError } from '../../error.ts';
import { membersOf } from '../state/check-generation.ts';
import { type FoundGeneration, historiesIn } from '../state/state-folder.ts';
import { mustExist } from './printers.ts';
import type { ServerState } from './server-state.ts';

/**
 * Writes all that the server has of a printer as plain files: `line/ITEM/…` and `branches/NAME/ITEM/…` the newest, `history/ID/ITEM/…`
 * beside each what came before; `generation.json` says whose it is. To a folder that is not there yet, or to a tar. Gives how many
 * generations. Throws `printer-unknown`, `export-exists`.
 */
export async function exportPrinter(state: ServerState, printer: string, out: string): Promise<number> {
  const { files } = state.host;
  const store = await state.files();
  await mustExist(store, printer);
  if ((await files.stat(out)) !== undefined)
    throw new StatectlError('export-exists', `${out} is there already`, {
      hint: 'name another with --out, or remove it',
    });
  const isTar = out.endsWith('.tar');
  const folder = `${out}.partial`;
  await files.remove(folder);
  let count = 0;
  try {
    await files.mkdir(folder, 0o700);
    for (const { where, generations } of await historiesIn(store, printer)) {
      // What is no good is looked at where it lies.
      if (where.part === 'apart') continue;
      const part = where.part === 'line' ? 'line' : join('branches', where.branch);
      for (const [at, one] of generations.entries()) {
        await unpack(state, one, join(folder, part, at === 0 ? '' : `history/${one.id}`, one.item));
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

async function unpack({ host: { files } }: ServerState, generation: FoundGeneration, folder: string): Promise<void> {
  const { tar, json: _, ...said } = generation;
  await files.mkdir(folder, 0o700);
  // It was checked when it came: plain names, and nothing but regular files.
  for (const [name, bytes] of membersOf(await files.read(tar), generation.item))
    await files.write(join(folder, name), bytes);
  await files.write(join(folder, 'generation.json'), `${JSON.stringify(said, null, 2)}\n`);
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
